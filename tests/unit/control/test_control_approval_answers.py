"""Answers: who may give them, to which question, and what the release machine does then."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from control_world import World, policy
from hypothesis import given, settings
from hypothesis import strategies as st

from control.answering import MOST_WITH_LINK, MOST_WITHOUT, answered, refused
from control.approval import Asked, Sealer
from control.approvers import Principal
from control.effects import AskApproval, CreateDeployment, SetTraffic, WriteReport
from control.errors import AnswerRefused
from control.facts import ModelVersion
from control.policy import Approval, Policy
from control.release import propose
from control.state import Candidate, Intent, Verdict

SEALER = Sealer(keys=("k" * 40,), environment="here")
HOUR = timedelta(hours=1)
JANE = Principal(id="1-jane", names=("Jane@contoso.com",), shown="Jane", groups=frozenset({"ml-owners"}))
JOE = Principal(id="2-joe", names=("joe@contoso.com",), shown="Joe Doe", groups=frozenset({"others"}))


def required(**changes: Any) -> Policy:
    return policy(approval=Approval(required=True, expires=HOUR, **changes))


def waiting(**changes: Any) -> World:
    """A first champion, and a better candidate that waits for its approval."""
    world = World()
    world.arrive()
    world.arrive()
    world.settle()
    world.policy = required(**changes)
    world.arrive()
    advance(world, lambda: asked(world) is not None)
    world.performed.clear()
    return world


def advance(world: World, until: Any) -> None:
    for _ in range(60):
        for effect in world.decide():
            world.perform(effect)
        world.finish_jobs()
        world.finish_deployments()
        if until():
            return
        world.now += timedelta(seconds=30)
    raise AssertionError(f"does not get there: {world.intent.releasing}")


def asked(world: World) -> Asked | None:
    return SEALER.asked(world.intent)


def told(world: World) -> bool:
    question = candidate(world).question
    return question is not None and question.told is not None


def candidate(world: World) -> Candidate:
    found = world.intent.releasing.candidate
    assert found
    return found


def say(
    world: World, to: Asked | None, verdict: Verdict, who: Principal | None = None, reason: str = "why not"
) -> None:
    assert to
    world.intent, notes = answered(world.policy, world.intent, to, verdict, who, reason, world.now)
    world.notes += [note.name for note in notes]


def refusal(
    world: World, to: Asked | None, verdict: Verdict = "approve", who: Principal | None = None
) -> str:
    before = world.intent
    with pytest.raises(AnswerRefused) as caught:
        say(world, to, verdict, who)
    assert world.intent == before
    assert 400 <= caught.value.status < 500
    return caught.value.kind


def champion(world: World) -> str:
    assert world.intent.releasing.champion
    return world.intent.releasing.champion.version


def test_it_waits_people_are_told_once_and_a_yes_lets_it_go_on() -> None:
    world = waiting()
    for _ in range(10):
        for effect in world.decide():
            world.perform(effect)
    performed = [type(effect) for effect in world.performed]
    assert [kind for kind in performed if kind is not WriteReport] == [AskApproval]
    say(world, asked(world), "approve", JANE)
    world.settle()
    assert champion(world) == "2"
    assert world.notes.index("approval asked") < world.notes.index("approval answered")


def test_who_when_why_and_for_what_is_kept() -> None:
    world = waiting()
    to = asked(world)
    assert to
    world.intent, (note,) = answered(
        world.policy, world.intent, to, "approve", JANE, " it \n is fine ", world.now
    )
    answer = candidate(world).answer
    assert answer
    assert (answer.by, answer.at, answer.reason) == ("Jane@contoso.com", world.now, "it is fine")
    assert (
        note.detail | {"id": "1-jane", "evidence": to.evidence, "policy": world.policy.digest} == note.detail
    )
    world.decide()
    assert candidate(world).approved_by == "Jane@contoso.com"


@pytest.mark.parametrize("verdict", ["reject", "withdraw"])
def test_a_no_ends_it_and_nothing_is_deployed(verdict: Verdict) -> None:
    world = waiting()
    say(world, asked(world), verdict)
    world.settle()
    assert champion(world) == "1"
    assert world.intent.releasing.refused == ("2",)
    assert not [one for one in world.performed if isinstance(one, CreateDeployment | SetTraffic)]


def test_no_answer_is_a_no() -> None:
    world = waiting()
    to = asked(world)
    world.now += HOUR
    world.settle()
    assert champion(world) == "1"
    assert refusal(world, to) == "stale"


def test_a_link_counts_once() -> None:
    world = waiting()
    to = asked(world)
    say(world, to, "approve")
    assert refusal(world, to) == "replayed"
    assert refusal(world, to, "reject") == "replayed"
    advance(world, lambda: world.intent.releasing.phase == "creating")
    assert refusal(world, to, "withdraw") == "replayed"
    world.settle()
    assert refusal(world, to) == "stale"


def test_a_policy_changed_before_the_answer_is_asked_about_anew() -> None:
    world = waiting()
    old = asked(world)
    advance(world, lambda: told(world))
    world.policy = replace(world.policy, digest="q" * 64)
    assert refusal(world, old) == "stale"
    advance(world, lambda: asked(world) != old and told(world))
    new = asked(world)
    assert new
    assert old
    assert (new.question, new.policy) == (old.question + 1, "q" * 64)
    assert refusal(world, old) == "stale"
    say(world, new, "approve")
    world.settle()
    assert champion(world) == "2"
    assert sum(isinstance(effect, AskApproval) for effect in world.performed) == 2


def test_a_policy_changed_after_the_answer_makes_it_stale_and_the_old_link_stays_spent() -> None:
    world = waiting()
    old, before = asked(world), world.policy
    say(world, old, "approve")
    world.policy = replace(before, digest="q" * 64)
    world.decide()
    assert candidate(world).answer is None
    assert world.intent.releasing.phase == "proposed"
    assert world.notes[-2:] == ["approval is stale", "approval asked"]
    world.policy = before
    world.decide()
    assert refusal(world, old) == "stale", "also when the policy is again what it was"


def test_a_policy_changed_while_the_deployment_is_made_asks_again_under_another_generation() -> None:
    world = waiting()
    old = asked(world)
    say(world, old, "approve")
    advance(world, lambda: any(isinstance(one, CreateDeployment) for one in world.performed))
    assert world.intent.releasing.phase == "creating"
    world.policy = replace(world.policy, digest="q" * 64)
    advance(world, lambda: asked(world) is not None)
    assert candidate(world).generation == 3
    advance(world, lambda: set(world.endpoint.deployments) == {"g001"})
    assert refusal(world, old) == "stale"
    assert world.endpoint.traffic == {"g001": 100}
    say(world, asked(world), "approve")
    world.settle()
    assert champion(world) == "2"
    assert set(world.endpoint.deployments) == {"g003"}


def test_a_policy_that_asks_nobody_any_more_goes_on_by_itself() -> None:
    world = waiting()
    world.policy = policy(digest="q" * 64)
    world.settle()
    assert champion(world) == "2"


def test_the_champion_keeps_its_traffic_while_something_waits() -> None:
    world = waiting()
    world.endpoint = replace(world.endpoint, traffic={})  # somebody's late write
    for _ in range(4):
        for effect in world.decide():
            world.perform(effect)
    assert world.endpoint.traffic == {"g001": 100}
    assert world.intent.releasing.phase == "proposed"


def test_other_evidence_than_was_asked_about() -> None:
    world = waiting()
    to = asked(world)
    other = replace(candidate(world), evidence="f" * 64)
    world.intent = replace(world.intent, releasing=replace(world.intent.releasing, candidate=other))
    assert refusal(world, to) == "stale"
    world.decide()
    assert candidate(world).question
    assert candidate(world).question.evidence == "f" * 64


def test_another_candidate_waits_by_now() -> None:
    world = waiting()
    to = asked(world)
    say(world, to, "reject")
    world.settle()
    world.arrive()
    advance(world, lambda: asked(world) is not None)
    assert refusal(world, to) == "stale"


@pytest.mark.parametrize(
    ("approvers", "who", "kind"),
    [
        (["user:jane@CONTOSO.com"], JANE, ""),
        (["user:1-jane"], JANE, ""),
        (["user:joe@contoso.com", "group:ml-owners"], JANE, ""),
        (["group:ml-owners"], JOE, "not an approver"),
        (["user:jane"], JANE, "not an approver"),
        (["user:Jane"], JANE, "not an approver"),
        (["group:1-jane"], JANE, "not an approver"),
        (["user:ml-owners"], JANE, "not an approver"),
        (["group:ml-owners"], None, "not signed in"),
        (["group:ml-owners"], replace(JANE, groups=None), "groups unknown"),
        (["group:ml-owners", "user:1-jane"], replace(JANE, groups=None), ""),
    ],
)
@pytest.mark.parametrize("verdict", ["approve", "reject"])
def test_only_approvers_answer_where_the_policy_names_them(
    approvers: list[str], who: Principal | None, kind: str, verdict: Verdict
) -> None:
    world = waiting(approvers=tuple(approvers))
    if kind:
        assert refusal(world, asked(world), verdict, who) == kind
    else:
        say(world, asked(world), verdict, who)


@pytest.mark.parametrize(
    ("authors", "who", "kind"),
    [
        ((), JANE, ""),
        ((), None, ""),
        (("joe@contoso.com",), JANE, ""),
        (("JANE@contoso.com",), JANE, "self-made"),
        (("1-jane",), JANE, "self-made"),
        (("x", "Jane"), JANE, "self-made"),
        (("joe@contoso.com",), None, "not signed in"),
        (None, JANE, "author unknown"),
    ],
)
def test_authors_do_not_approve_their_own(authors: Any, who: Principal | None, kind: str) -> None:
    world = waiting(not_author=True)
    made = replace(candidate(world), authors=authors)
    world.intent = replace(world.intent, releasing=replace(world.intent.releasing, candidate=made))
    if kind:
        assert refusal(world, asked(world), "approve", who) == kind
    else:
        say(world, asked(world), "approve", who)


def test_authors_may_withdraw_what_is_theirs_and_others_must_be_approvers() -> None:
    for who, right in ((JOE, True), (replace(JOE, id="x", names=(), shown=""), False), (None, False)):
        world = waiting(not_author=True, approvers=("group:ml-owners",))
        made = replace(candidate(world), authors=("joe@contoso.com",))
        world.intent = replace(world.intent, releasing=replace(world.intent.releasing, candidate=made))
        if right:
            say(world, asked(world), "withdraw", who)
        else:
            assert refusal(world, asked(world), "withdraw", who) in {"not an approver", "not signed in"}


def test_an_answer_has_a_reason() -> None:
    world = waiting()
    to = asked(world)
    assert to
    with pytest.raises(AnswerRefused, match="say why"):
        answered(world.policy, world.intent, to, "approve", None, " \r\n\u200b", world.now)


def test_a_candidate_keeps_its_author_and_its_report() -> None:
    tags = {"homeostat.evidence": "e", "homeostat.report": "https://r"}
    model = ModelVersion(version="1", path="", tags=tags, authors=("jane",))
    decided = propose(required(), Intent(model="m"), model, World().now).intent.releasing.candidate
    assert decided
    assert (decided.authors, decided.report, decided.evidence) == (("jane",), "https://r", "e")


def test_refusals_cannot_fill_the_audit_trail_nor_hide_an_insider() -> None:
    intent, now = Intent(model="m"), World().now
    written = 0
    for _ in range(500):
        intent, notes = refused(intent, AnswerRefused("forged", 403, "no"), None, now)
        written += len(notes)
    assert written == MOST_WITHOUT
    insider = AnswerRefused("self-made", 403, "no\r\nno")
    intent, (note,) = refused(intent, insider, JANE, now)
    assert note.detail == {"why": "self-made", "message": "no no", "by": "Jane@contoso.com", "id": "1-jane"}
    for _ in range(500):
        intent, notes = refused(intent, insider, JANE, now)
        written += len(notes)
    assert written == MOST_WITHOUT + MOST_WITH_LINK - 1
    later = now + timedelta(days=1)
    assert refused(intent, AnswerRefused("forged", 403, "no"), None, later)[1], "the next day is another"


HAPPENINGS = {
    "round": 40, "approve": 12, "old": 6, "reject": 1, "withdraw": 1, "arrive": 6, "policy": 3, "back": 2,
    "tick": 4, "wrong": 1, "hour": 1,
}  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32))
def test_whatever_happens_a_candidate_gets_traffic_only_by_an_approval_for_what_it_is(seed: int) -> None:
    """Answers to any question ever asked, policies that change and change back, in any order."""
    randomness = random.Random(seed)
    script = randomness.choices(list(HAPPENINGS), list(HAPPENINGS.values()), k=200)
    world = World(policy=required())
    ever: list[Asked] = []
    approvals: set[tuple[str, str]] = set()
    """Evidence and policy of each approval that was taken."""
    allowed: set[str] = set()
    for action in script:
        now = asked(world)
        if now and now not in ever:
            ever.append(now)
        match action:
            case "round":
                for effect in world.decide():
                    if isinstance(effect, CreateDeployment):
                        made = candidate(world)
                        assert (made.evidence, world.policy.digest) in approvals
                        allowed.add(effect.deployment)
                    world.perform(effect)
                world.finish_jobs()
                world.finish_deployments()
                world.now += timedelta(minutes=1)
            case "approve" | "reject" | "withdraw" if now:
                try:
                    say(world, now, action)
                except AnswerRefused:
                    continue
                if action == "approve":
                    approvals.add((now.evidence, now.policy))
            case "old" if ever:
                one = randomness.choice(ever)
                stands = one == now and candidate(world).answer is None
                try:
                    say(world, one, "approve")
                    approvals.add((one.evidence, one.policy))
                    assert stands, "an old link decided"
                except AnswerRefused:
                    pass
            case "arrive":
                world.arrive()
            case "policy":
                world.policy = replace(world.policy, digest=f"{randomness.randint(0, 3)}" * 64)
            case "back":
                world.policy = required()
            case "tick":
                world.now += timedelta(minutes=5)
            case "hour":
                world.now += HOUR
            case "wrong":
                world.wrong_answers.add(str(len(world.models) + 1))
        assert {name for name, percent in world.endpoint.traffic.items() if percent} <= allowed
