"""Lineage is exported in pieces, at least once, and neither its absence nor its refusals hold anything up."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from control.errors import Conflict, Refused, Unavailable
from control.lineage import Entity, Ref, graph, joined
from control.messages import Message
from control.policy_file import read_policy
from control.ports import Note
from control.state import Intent, LineageExport
from handlers import lineage, work

FLIGHTS = Path(__file__).parents[3] / "policies" / "flight-delay.yaml"
POLICY = read_policy(FLIGHTS.read_text("utf-8"), "flight-delay.yaml")
START = datetime(2026, 1, 1, tzinfo=UTC)


def batch(number: int) -> Note:
    detail = {"path": f"{number}/", "version": f"v{number}", "rows": 1, "quality": "pass", "drift": "pass"}
    return Note(at=START, kind="evidence", name="batch", detail=detail)


def step(number: int, name: str) -> Note:
    detail = {"version": "1", "deployment": "g001", "step": number}
    return Note(at=START + timedelta(minutes=number), kind="decision", name=name, detail=detail)


@dataclass
class World:
    """The ledger's row and trail, a data map, people and a clock."""

    intent: Intent = field(default_factory=lambda: Intent(model=POLICY.name))
    number: int = 0
    trail: list[dict[str, Any]] = field(default_factory=list)
    there: dict[Ref, Entity] = field(default_factory=dict)
    """In the data map."""
    calls: int = 0
    read: list[int] = field(default_factory=list)
    """From which entry on the trail was read."""
    fault: Exception | None = None
    refuses: frozenset[str] = frozenset()
    meanwhile: list[Callable[[], None]] = field(default_factory=list)
    """What others do while the data map is written, one a call."""
    said: list[str] = field(default_factory=list)
    moment: datetime = START
    conflicts: int = 0
    account: str = "a"

    @property
    def services(self) -> Any:
        names = ("clock", "ledger", "notices", "lineage")
        found = SimpleNamespace(**dict.fromkeys(names, self), id="here")
        found.at = lambda _policy: found
        return found

    def happen(self, *notes: Note) -> None:
        self.commit(self.intent, str(self.number), notes)

    def now(self) -> datetime:
        return self.moment

    def load(self, _model: str) -> tuple[Intent, str]:
        return self.intent, str(self.number)

    def commit(self, intent: Intent, etag: str, notes: Sequence[Note], _batches: Sequence[Any] = ()) -> str:
        assert len(notes) < 100
        if self.conflicts:
            self.conflicts -= 1
            self.number += 1
        if etag != str(self.number):
            raise Conflict("somebody else wrote")
        for note in notes:
            number = len(self.trail) + 1
            entry = {"model": POLICY.name, "number": number, "at": note.at.isoformat()}
            self.trail.append({**entry, "kind": note.kind, "name": note.name, "detail": note.detail})
        self.intent = replace(intent, audit_count=len(self.trail))
        self.number += 1
        return str(self.number)

    def audit(self, _model: str, first: int = 1) -> Iterator[dict[str, Any]]:
        self.read.append(first)
        yield from self.trail[first - 1 :]

    def put(self, model: str, entities: Sequence[Entity]) -> Sequence[tuple[str, str]]:
        assert model == POLICY.name
        self.calls += 1
        if self.fault:
            raise self.fault
        if self.meanwhile:
            self.meanwhile.pop(0)()
        refused = [one for one in entities if one.ref.key in self.refuses]
        for one in entities:
            if one not in refused:
                known = self.there.get(one.ref)
                self.there[one.ref] = joined(known, one) if known else one
        return [(one.ref.key, "too long") for one in refused]

    def tell(self, _policy: Any, text: str) -> None:
        self.said.append(text)

    def whole(self) -> dict[Ref, Entity]:
        return {one.ref: one for one in graph(self.trail)}


def test_what_is_new_is_exported_once() -> None:
    world = World()
    world.happen(batch(1), batch(2))
    lineage.export(POLICY, world.services)
    assert world.there == world.whole()
    assert world.intent.lineage == LineageExport(account="a", last=2)
    lineage.export(POLICY, world.services)
    assert (world.calls, world.read) == (1, [1]), "nothing is new: not even the trail is read"
    world.happen(batch(3))
    lineage.export(POLICY, world.services)
    assert (world.calls, world.read) == (2, [1, 3])
    assert world.there == world.whole()


def test_without_a_setting_nothing_happens() -> None:
    world = World()
    world.happen(batch(1))
    services = world.services
    services.lineage = None
    lineage.export(POLICY, services)
    assert (world.read, world.intent.lineage) == ([], LineageExport())


def test_entries_that_say_nothing_of_lineage_ask_nothing_of_purview() -> None:
    world = World(fault=Unavailable("nobody there"))
    world.happen(Note(at=START, kind="decision", name="no retraining", detail={}))
    lineage.export(POLICY, world.services)
    assert (world.calls, world.intent.lineage) == (0, LineageExport(account="a", last=1))


def test_a_long_history_goes_in_bounded_pieces_over_several_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lineage, "PIECE", 3)
    monkeypatch.setattr(lineage, "PIECES", 2)
    world = World()
    world.happen(*(batch(number) for number in range(10)))
    lasts = []
    for _ in range(3):
        lineage.export(POLICY, world.services)
        lasts.append(world.intent.lineage.last)
    assert lasts == [6, 10, 10]
    assert (world.calls, world.there) == (4, world.whole())


def test_one_that_died_before_it_was_remembered_writes_the_same_again() -> None:
    world = World()
    world.happen(batch(1))

    class Died(BaseException):
        pass

    def dies() -> None:
        raise Died

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lineage, "_remember", lambda *_: dies())
        with pytest.raises(Died):
            lineage.export(POLICY, world.services)
    assert (world.there, world.intent.lineage.last) == (world.whole(), 0)
    lineage.export(POLICY, world.services)
    assert (world.there, world.intent.lineage.last) == (world.whole(), 1)


def test_a_purview_that_is_away_is_told_of_after_a_while_and_once_a_day() -> None:
    world = World(fault=Unavailable("no answer"))
    world.happen(batch(1))
    for hours, told in ((0, 0), (0.4, 0), (0.5, 1), (1, 1), (20, 1), (24.4, 1), (24.5, 2)):
        world.moment = START + timedelta(hours=hours)
        lineage.export(POLICY, world.services)
        assert (hours, len(world.said)) == (hours, told)
    assert "lineage cannot be exported: no answer (nothing is lost" in world.said[0]
    assert world.intent.lineage.since == START
    world.fault = None
    lineage.export(POLICY, world.services)
    assert world.intent.lineage == LineageExport(account="a", last=1)
    assert world.there == world.whole()


@pytest.mark.parametrize("how", ["another account", "again"])
def test_the_whole_trail_goes_to_another_account_and_again_where_it_is_asked_for(how: str) -> None:
    world = World()
    world.happen(batch(1), batch(2))
    lineage.export(POLICY, world.services)
    world.fault = Refused("no Data Curator")
    world.happen(batch(3))
    lineage.export(POLICY, world.services)
    world.there, world.fault = {}, None
    if how == "again":
        lineage.begin_again(POLICY.name, world.services)
    else:
        world.account = "b"
    lineage.export(POLICY, world.services)
    assert world.there == world.whole()
    assert world.intent.lineage == LineageExport(account=world.account, last=3)


def test_what_people_have_to_change_is_told_at_once_and_nothing_is_skipped() -> None:
    world = World(fault=Refused("no Data Curator"))
    world.happen(batch(1))
    for _ in range(3):
        lineage.export(POLICY, world.services)
    assert len(world.said) == 1
    assert "no Data Curator" in world.said[0]
    assert world.intent.lineage.last == 0


def test_an_entity_that_is_refused_is_named_and_the_others_go_on() -> None:
    world = World(refuses=frozenset({"v1", "v3"}))
    world.happen(batch(1), batch(2), batch(3))
    lineage.export(POLICY, world.services)
    assert {ref.key for ref in world.there} == {"v2"}
    (entry,) = [entry for entry in world.trail if entry["name"] == "lineage refused"]
    assert entry["detail"] == {
        "count": 2,
        "refused": [{"entity": "v1", "reason": "too long"}, {"entity": "v3", "reason": "too long"}],
    }
    assert len(world.said) == 1
    assert "without v1, which Purview refuses: too long; and 1 more" in world.said[0]
    lineage.export(POLICY, world.services)
    assert world.calls == 1, "it is not tried for ever"
    assert len(world.said) == 1


def test_somebody_who_changes_the_intent_meanwhile_does_not_lose_it() -> None:
    world = World()
    world.happen(batch(1))
    world.meanwhile.append(lambda: setattr(world, "conflicts", 2))
    lineage.export(POLICY, world.services)
    assert world.intent.lineage.last == 1
    assert world.there == world.whole()


def test_a_late_writer_goes_back_so_that_what_is_newer_ends_on_top(monkeypatch: pytest.MonkeyPatch) -> None:
    """It wrote an old piece over what another had exported since."""
    monkeypatch.setattr(lineage, "PIECE", 2)
    world = World()
    world.happen(step(1, "approved"), step(2, "approval is stale"), step(3, "promoted"))
    world.meanwhile.append(lambda: lineage.export(POLICY, world.services))
    lineage.export(POLICY, world.services)
    assert world.there != world.whole(), "the late piece lies on top"
    assert world.intent.lineage.last == 0
    lineage.export(POLICY, world.services)
    assert (world.there, world.intent.lineage.last) == (world.whole(), 3)


def test_two_who_write_the_same_piece_agree() -> None:
    world = World()
    world.happen(batch(1), batch(2))
    world.meanwhile.append(lambda: lineage.export(POLICY, world.services))
    lineage.export(POLICY, world.services)
    assert (world.calls, world.intent.lineage.last) == (2, 2)
    assert world.there == world.whole()


def test_reconcile_exports_last_and_a_purview_that_is_away_is_no_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    order: list[str] = []
    for module, name in ((work.new_data, "look_for_lost"), (work.outside_evidence, "schedules"), (work.code_changed, "look_again"), (work, "converge")):  # fmt: skip
        monkeypatch.setattr(module, name, lambda *_, name=name: order.append(name))
    world = World(fault=Unavailable("no answer"))
    world.happen(batch(1))
    services = world.services
    services.policies = SimpleNamespace(get=lambda _: POLICY)
    work.handle(Message(kind="reconcile", model=POLICY.name, source="timer").to_json().encode(), services)
    assert order[-1] == "converge"
    assert world.calls == 1
    assert world.intent.lineage.fault == "no answer"
