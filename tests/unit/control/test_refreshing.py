"""Data are brought once before a retraining, which waits for them and goes on without if they cannot be had."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from control_world import START, policy

from control.decision import Decision
from control.effects import Notify, StartRefresh, SubmitJob
from control.facts import Batch, Facts, Job
from control.policy import Refresh
from control.refreshing import POLL, SETTLE, awaited, before_launch, refresh_refused
from control.retraining import decide, evidence
from control.state import Intent

WITH = policy(
    retrain=replace(
        policy().retrain, refresh=Refresh(data_factory="adf-prod", pipeline="Load"), max_attempts=2
    )
)
BATCHES = tuple(
    Batch(version=f"v{n}", path=f"{n}/", arrived=START, quality="pass", drift="pass", rows=9)
    for n in range(4)
)


def wanted() -> Intent:
    return evidence(Intent(model="m"), START, "batch v3", "drift", path="3/")[0]


def look(intent: Intent, status: str = "", reason: str = "", after: timedelta = timedelta(0)) -> Decision:
    key = awaited(WITH, intent)
    run = Job(name=key, status=status, reason=reason) if key and status else None  # type: ignore[arg-type]
    return decide(WITH, intent, Facts(batches=BATCHES, refresh=run), START + after)


def test_the_run_comes_before_the_job_and_the_job_when_its_data_are_here() -> None:
    meant = look(wanted())
    assert awaited(WITH, meant.intent) == "rf-m-0-1"
    assert not meant.effects
    started = look(meant.intent, "missing")
    assert started.effects == (StartRefresh(key="rf-m-0-1"),)
    assert started.wake == POLL, "no event tells of its end"
    running = look(meant.intent, "active")
    assert (running.intent, running.effects, running.wake) == (meant.intent, (), POLL)
    ended = look(meant.intent, "completed")
    assert awaited(WITH, ended.intent) is None
    settling = look(ended.intent)
    assert (settling.intent, settling.wake) == (ended.intent, SETTLE)
    launching = look(ended.intent, after=SETTLE)
    assert launching.intent.retraining.phase == "launching"


def test_what_it_brought_is_no_reason_to_bring_data_again_but_the_next_retraining_is() -> None:
    ended = look(look(wanted()).intent, "completed").intent
    more = evidence(ended, START, "batch v9", "data arrived", path="9/")[0]
    launching = look(more, after=SETTLE)
    assert launching.intent.retraining.phase == "launching"
    state = launching.intent.retraining
    idle = replace(launching.intent, retraining=replace(state, phase="idle", current=None))
    again = evidence(idle, START, "batch v10", "drift", path="10/")[0]
    assert awaited(WITH, look(again).intent) == f"rf-m-{state.handled}-1"


def test_a_failed_run_is_tried_again_and_then_training_goes_on_without() -> None:
    first = look(look(wanted()).intent, "failed", "no such table")
    assert first.wake == WITH.retrain.backoff
    assert look(first.intent, "missing").effects == ()
    later = look(first.intent, "missing", after=WITH.retrain.backoff)
    assert later.effects == (StartRefresh(key="rf-m-0-2"),)
    over = look(first.intent, "canceled", "by hand", after=WITH.retrain.backoff)
    [told] = over.effects
    assert isinstance(told, Notify)
    assert "by hand" in told.text
    after = look(over.intent, after=WITH.retrain.backoff + SETTLE)
    assert after.intent.retraining.phase == "launching"


def test_a_refusal_is_a_failed_attempt() -> None:
    meant = look(wanted()).intent
    refused = refresh_refused(WITH, meant, START, "there is no pipeline Load")
    assert awaited(WITH, refused.intent) == "rf-m-0-2"
    assert refused.notes[0].detail["reason"] == "there is no pipeline Load"


def test_without_the_key_nothing_changes() -> None:
    plain = policy()
    assert before_launch(plain, wanted(), Facts(), START) is None
    decision = decide(plain, wanted(), Facts(batches=BATCHES), START)
    assert decision.intent.retraining.phase == "launching"
    submit = decide(
        plain,
        decision.intent,
        Facts(job=Job(name=decision.intent.retraining.current.job, status="missing")),
        START,  # type: ignore[union-attr]
    )
    assert isinstance(submit.effects[0], SubmitJob)
