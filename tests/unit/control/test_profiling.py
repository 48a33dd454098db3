"""A large batch waits for its Spark job: every way that can go, decided from facts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from control_world import START, policy

from control.effects import SubmitProfile
from control.facts import Job
from control.names import model_of
from control.policy import Spark
from control.ports import Blob
from control.profiling import Arrived, decide, forgotten, is_large, standing
from control.sizes import parse_size
from control.state import Intent

LARGE = policy(data=replace(policy().data, spark=Spark(above=1000)))
BATCH = Arrived(path="2026-01/", version="v1", files=("2026-01/a.parquet",))
IDLE = Intent(model="m")


def blob(path: str, size: int) -> Blob:
    return Blob(path=path, etag="e", size=size, modified=START)


def begun() -> Intent:
    return decide(LARGE, IDLE, BATCH, None, START).intent


def job_of(intent: Intent, status: str, reason: str = "") -> Job:
    entry = standing(LARGE, intent, BATCH)
    assert entry is not None
    return Job(name=entry.job, status=status, reason=reason)  # type: ignore[arg-type]


def test_only_parquet_above_the_size_is_left_to_spark() -> None:
    halves = [blob("d/a.parquet", 500), blob("d/b.parquet", 501)]
    assert is_large(LARGE, halves)
    assert not is_large(LARGE, [blob("d/a.parquet", 500), blob("d/b.parquet", 500)])
    assert not is_large(LARGE, [*halves, blob("d/c.csv", 1)]), "Spark's types of CSV are not ours"
    assert not is_large(LARGE, [*halves, blob("d/[c].parquet", 1)]), "Spark would take it for a pattern"
    assert not is_large(policy(), halves)


def test_the_intent_comes_first_then_the_job_under_the_same_name_each_time() -> None:
    first = decide(LARGE, IDLE, BATCH, None, START)
    assert first.effects == ()
    [entry] = first.intent.profiling
    assert entry.job.startswith("pf-m-1-")
    assert model_of(entry.job) == "m"
    assert [note.name for note in first.notes] == ["profile by Spark"]
    for _ in range(2):  # whatever became of the first request
        again = decide(LARGE, first.intent, BATCH, job_of(first.intent, "missing"), START)
        assert again.effects == (SubmitProfile(profiling=entry, files=BATCH.files),)
        assert again.intent == first.intent


@pytest.mark.parametrize("status", ["active", "completed"])
def test_it_waits(status: str) -> None:
    waiting = decide(LARGE, begun(), BATCH, job_of(begun(), status), START)
    assert waiting.intent == begun()
    assert not waiting.effects
    assert waiting.wake is None


def test_a_failed_job_is_tried_again_later_under_another_name_and_then_given_up() -> None:
    intent, now = begun(), START
    names = set()
    for attempt in range(1, LARGE.retrain.max_attempts):
        names.add(intent.profiling[0].job)
        failed = decide(LARGE, intent, BATCH, job_of(intent, "failed", "no nodes"), now)
        assert failed.wake == LARGE.retrain.backoff * 2 ** (attempt - 1)
        early = decide(LARGE, failed.intent, BATCH, job_of(failed.intent, "missing"), now)
        assert not early.effects
        assert early.wake == failed.wake
        now += failed.wake or timedelta(0)
        intent = failed.intent
        assert decide(LARGE, intent, BATCH, job_of(intent, "missing"), now).effects
    ended = decide(LARGE, intent, BATCH, job_of(intent, "canceled"), now)
    names.add(intent.profiling[0].job)
    assert len(names) == LARGE.retrain.max_attempts
    [entry] = ended.intent.profiling
    assert f"in {LARGE.retrain.max_attempts} attempts" in entry.given_up
    assert "the job canceled" in entry.given_up
    after = decide(LARGE, ended.intent, BATCH, job_of(ended.intent, "missing"), now)
    assert after.intent == ended.intent
    assert not after.effects


def test_other_content_or_another_way_to_profile_takes_the_place_of_what_was_meant() -> None:
    newer = replace(BATCH, version="v2")
    changed = decide(LARGE, begun(), newer, None, START).intent
    assert [entry.version for entry in changed.profiling] == ["v2"]
    by_hour = replace(LARGE, data=replace(LARGE.data, timestamp_column="t", every="hour"))
    assert standing(by_hour, begun(), BATCH) is None
    assert decide(by_hour, begun(), BATCH, None, START).intent.profiling[0].job != begun().profiling[0].job
    assert forgotten(changed, BATCH.path) == IDLE


def test_a_job_of_another_name_says_nothing() -> None:
    other = Job(name="pf-m-1-00000000", status="failed")
    assert decide(LARGE, begun(), BATCH, other, START).intent == begun()


@pytest.mark.parametrize(
    ("text", "size"), [("20GB", 20 * 10**9), ("1.5TB", 15 * 10**11), ("500kB", 500_000), ("1B", 1)]
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["20", "20 GB", "20gb", "-1GB", "GB", "1e3GB"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a size"):
        parse_size(text)
