"""The ledger against Table Storage."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from cloud.ledger import TableLedger
from cloud.storage import table_service
from control.errors import BadData, Conflict, Refused
from control.facts import Batch
from control.ports import Note
from control.state import Intent, Releasing, Retraining, Training

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cloud.settings import Settings

AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


@pytest.fixture
def table(settings: Settings, unique: str) -> Iterator[str]:
    name = f"homeostat{unique}"
    yield name
    with table_service(settings) as service:
        service.delete_table(name)


@pytest.fixture
def ledger(settings: Settings, table: str) -> Iterator[TableLedger]:
    with table_service(settings) as service:
        yield TableLedger(lambda: service, table)


@pytest.fixture
def other(settings: Settings, table: str) -> Iterator[TableLedger]:
    """A second process's ledger."""
    with table_service(settings) as service:
        yield TableLedger(lambda: service, table)


def note(name: str, **detail: object) -> Note:
    return Note(at=AT, kind="decision", name=name, detail=dict(detail))


def batch(path: str, **changes: object) -> Batch:
    fields = {"version": "v", "path": path, "arrived": AT, "quality": "pass", "drift": "fail", "rows": 3}
    return Batch(**(fields | changes))  # type: ignore[arg-type]


def training() -> Training:
    return Training(
        epoch=4,
        job="rt-m-4-0a",
        training=("a", "b"),
        evaluation=("c",),
        champion=None,
        policy_digest="d",
        launched=AT,
    )


def test_a_new_model_is_empty_and_has_no_etag(ledger: TableLedger) -> None:
    assert ledger.load("flight-delay") == (Intent(model="flight-delay"), "")
    assert list(ledger.audit("flight-delay")) == []
    assert ledger.verify("flight-delay") is None


def test_what_is_committed_is_read_back(ledger: TableLedger, other: TableLedger) -> None:
    intent = Intent(
        model="m",
        retraining=Retraining(phase="running", wanted=4, current=training(), runs=(AT, AT)),
        releasing=Releasing(generation=2, refused=("7",)),
        wake_at=AT,
    )
    etag = ledger.commit(intent, "", [note("launch", epoch=4)], [batch("2013-02/"), batch("2013-01/")])
    loaded, seen = other.load("m")
    assert seen == etag
    assert replace(loaded, audit_head="", audit_count=0) == intent
    assert loaded.audit_count == 1
    assert [one.path for one in other.batches("m")] == ["2013-01/", "2013-02/"]
    assert [(one["number"], one["name"], one["detail"]) for one in other.audit("m")] == [
        (1, "launch", {"epoch": 4})
    ]


def test_the_chain_goes_on_though_the_caller_keeps_the_first_intent(ledger: TableLedger) -> None:
    intent = Intent(model="m")
    etag = ledger.commit(intent, "", [note("one"), note("two")])
    etag = ledger.commit(intent, etag, [note("three")])
    ledger.commit(intent, etag, [])
    assert [one["name"] for one in ledger.audit("m")] == ["one", "two", "three"]
    assert [one["name"] for one in ledger.audit("m", 3)] == ["three"]
    assert [one["name"] for one in ledger.audit("m", 4)] == []
    assert ledger.verify("m") is None


def test_a_stale_etag_is_a_conflict_and_leaves_nothing_behind(
    ledger: TableLedger, other: TableLedger
) -> None:
    first = ledger.commit(Intent(model="m"), "", [note("first")])
    other.load("m")
    ledger.commit(Intent(model="m", wake_at=AT), first, [note("second")])
    with pytest.raises(Conflict):
        other.commit(Intent(model="m"), first, [note("late")], [batch("late/")])
    with pytest.raises(Conflict):
        other.commit(Intent(model="m"), "", [note("later still")], [batch("late/")])
    assert [one["name"] for one in other.audit("m")] == ["first", "second"]
    assert other.batches("m") == []
    assert other.load("m")[0].wake_at == AT
    assert other.verify("m") is None


def test_of_two_at_once_one_wins_and_the_other_conflicts(ledger: TableLedger, other: TableLedger) -> None:
    etag = ledger.commit(Intent(model="m"), "", [])
    start = threading.Barrier(2, timeout=20)
    outcomes: list[str] = []

    def race(mine: TableLedger, name: str) -> None:
        mine.load("m")
        start.wait()
        try:
            mine.commit(Intent(model="m"), etag, [note(name)])
            outcomes.append(name)
        except Conflict:
            outcomes.append("conflict")

    threads = [threading.Thread(target=race, args=args) for args in ((ledger, "a"), (other, "b"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes, key=len)[1] == "conflict"
    assert [one["name"] for one in ledger.audit("m")] == [min(outcomes, key=len)]


@pytest.mark.parametrize(
    ("tamper", "found"),
    [
        ("change", "audit entry 2 of m was changed"),
        ("delete", "audit entry 2 of m is missing"),
        ("cut", "audit entry 3 of m is missing"),
        ("add", "audit entry 4 of m was added"),
        ("rehash", "audit entry 3 of m does not follow"),
    ],
)
def test_tampering_shows(
    ledger: TableLedger, settings: Settings, table: str, tamper: str, found: str
) -> None:
    ledger.commit(Intent(model="m"), "", [note("a"), note("b", roc=0.7), note("c")])
    with table_service(settings) as service, service.get_table_client(table) as rows:
        second, third = rows.get_entity("m", "audit-00000002"), rows.get_entity("m", "audit-00000003")
        entry = json.loads(second["json0"])
        if tamper == "change":
            entry["detail"]["roc"] = 0.9
            rows.upsert_entity({**second, "json0": json.dumps(entry)})
        elif tamper == "delete":
            rows.delete_entity(second)
        elif tamper == "cut":
            rows.delete_entity(third)
        elif tamper == "add":
            last = json.loads(third["json0"])
            rows.create_entity(
                forged({**third, "RowKey": "audit-00000004"}, last | {"number": 4, "previous": last["hash"]})
            )
        else:
            rows.upsert_entity(forged(second, entry | {"detail": {"roc": 0.9}}))
    fault = ledger.verify("m")
    assert fault is not None
    assert fault.startswith(found)


def forged(row: dict[str, object], entry: dict[str, object]) -> dict[str, object]:
    """A row with that entry and a hash that fits it."""
    from cloud.ledger import _hash

    return {**row, "json0": json.dumps(entry | {"hash": _hash(entry)})}


def test_a_large_intent_is_split_over_columns(ledger: TableLedger) -> None:
    refused = tuple(f"version-{n:06d}-ü" for n in range(6000))
    ledger.commit(
        Intent(model="m", releasing=Releasing(refused=refused)), "", [note("big", text="é" * 40_000)]
    )
    assert ledger.load("m")[0].releasing.refused == refused
    assert ledger.verify("m") is None


def test_a_row_that_shrinks_leaves_no_old_column(ledger: TableLedger) -> None:
    etag = ledger.commit(Intent(model="m", releasing=Releasing(reason="x" * 70_000)), "", [])
    ledger.commit(Intent(model="m"), etag, [])
    assert ledger.load("m")[0].releasing.reason == ""


def test_more_than_one_transaction_holds_is_refused_whole(ledger: TableLedger) -> None:
    with pytest.raises(Refused, match="one transaction holds 99"):
        ledger.commit(Intent(model="m"), "", [note("n")], [batch(f"{n}/") for n in range(99)])
    assert ledger.load("m") == (Intent(model="m"), "")
    ledger.commit(Intent(model="m"), "", [note("n")], [batch(f"{n}/") for n in range(98)])
    assert len(ledger.batches("m")) == 98


def test_batches_with_hostile_paths_are_kept_apart(ledger: TableLedger) -> None:
    paths = ["a/b#c?d%2F\\e/", "a/b", "a=2Fb", "ü/☃ '\"/", "x" * 900, "x" * 901, "audit-00000001", "-", "~/"]
    ledger.commit(Intent(model="m"), "", [], [batch(path) for path in paths])
    assert [one.path for one in ledger.batches("m")] == sorted(paths)


def test_a_batch_that_comes_again_replaces_itself(ledger: TableLedger) -> None:
    etag = ledger.commit(Intent(model="m"), "", [], [batch("a/", version="1")])
    ledger.commit(Intent(model="m"), etag, [], [batch("a/", version="2")])
    assert [one.version for one in ledger.batches("m")] == ["2"]


def test_models_do_not_see_each_other(ledger: TableLedger) -> None:
    ledger.commit(Intent(model="m"), "", [note("mine")], [batch("a/")])
    ledger.commit(Intent(model="m-2"), "", [note("other")], [batch("b/")])
    assert [one["name"] for one in ledger.audit("m")] == ["mine"]
    assert [one.path for one in ledger.batches("m-2")] == ["b/"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"json0": '{"model":"m","suprise":1}'},
            "intent of m has a field that Intent does not know: suprise",
        ),
        ({"schema": 2}, "a newer Homeostat wrote it"),
        ({"json0": "{"}, "intent of m is not JSON"),
        ({"parts": 3}, "lacks 'json1'"),
    ],
)
def test_an_intent_that_cannot_be_read_completely_is_refused(
    ledger: TableLedger, settings: Settings, table: str, change: dict[str, object], message: str
) -> None:
    ledger.commit(Intent(model="m"), "", [])
    with table_service(settings) as service, service.get_table_client(table) as rows:
        rows.upsert_entity({**rows.get_entity("m", "intent"), **change})
    with pytest.raises(BadData, match=message):
        ledger.load("m")
