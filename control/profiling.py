"""The profile of a batch that is too large for this app: a Spark job makes it, and the batch waits.

Pure. `handlers/large_batch.py` observes and performs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from control.decision import Decision, decided
from control.effects import SubmitProfile
from control.facts import Job
from control.names import profile_name
from control.policy import Policy
from control.ports import Blob
from control.state import Intent, Profiling

_PARQUET = re.compile(r"[\w.=+@,/-]+\.(?:parquet|pq)", re.ASCII | re.IGNORECASE)
"""Of other formats Spark's types are not ours; in other names Spark sees patterns."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrived:
    """A complete batch."""

    path: str
    version: str
    files: tuple[str, ...]
    """Its blobs, below the policy's prefix."""


def is_large(policy: Policy, blobs: Sequence[Blob]) -> bool:
    """Whether the policy leaves such a batch to Spark: it is larger than `data.spark.above`, and Parquet."""
    spark = policy.data.spark
    if spark is None or sum(blob.size for blob in blobs) <= spark.above:
        return False
    return all(_PARQUET.fullmatch(blob.path) for blob in blobs)


def standing(policy: Policy, intent: Intent, batch: Arrived) -> Profiling | None:
    """What is meant about this batch, if that is the batch that lies there and the way it is profiled now."""
    for entry in intent.profiling:
        if entry.path == batch.path and entry.version == batch.version:
            return entry if entry.job == _job(policy, batch, entry.attempt) else None
    return None


def decide(policy: Policy, intent: Intent, batch: Arrived, job: Job | None, now: datetime) -> Decision:
    """What to do for the batch's profile. `job`: the standing entry's; None where it was not looked at.

    A completed job needs no decision. Neither intent nor effects nor wake: it waits for the job, or it was
    given up (`given_up`).
    """
    entry = standing(policy, intent, batch)
    if entry is None:
        entry = _entry(policy, batch, attempt=1, now=now)
        note = decided(now, "profile by Spark", path=batch.path, version=batch.version, job=entry.job)
        return Decision(intent=_with(intent, entry), notes=(note,))
    if entry.not_before is not None and now < entry.not_before:
        return Decision(intent=intent, wake=entry.not_before - now)
    if job is None or job.name != entry.job or entry.given_up or job.status in {"active", "completed"}:
        return Decision(intent=intent)
    if job.status == "missing":
        return Decision(intent=intent, effects=(SubmitProfile(profiling=entry, files=batch.files),))
    return _failed(policy, intent, entry, batch, job, now)


def forgotten(intent: Intent, path: str) -> Intent:
    """The intent without that batch: it is in the ledger, or it is gone."""
    return replace(intent, profiling=tuple(one for one in intent.profiling if one.path != path))


def _failed(
    policy: Policy, intent: Intent, entry: Profiling, batch: Arrived, job: Job, now: datetime
) -> Decision:
    reason = f"the job {job.status}: {job.reason}" if job.reason else f"the job {job.status}"
    if entry.attempt >= policy.retrain.max_attempts:
        why = f"it could not be profiled in {entry.attempt} attempts, last by the job {entry.job}: {reason}"
        ended = replace(entry, given_up=why)
        note = decided(now, "profile given up", path=batch.path, version=batch.version, reason=why)
        return Decision(intent=_with(intent, ended), notes=(note,))
    wait = policy.retrain.backoff * 2 ** (entry.attempt - 1)
    again = replace(_entry(policy, batch, attempt=entry.attempt + 1, now=now), not_before=now + wait)
    note = decided(
        now, "profile failed", path=batch.path, job=entry.job, attempts=entry.attempt, reason=reason
    )
    return Decision(intent=_with(intent, again), notes=(note,), wake=wait)


def _entry(policy: Policy, batch: Arrived, *, attempt: int, now: datetime) -> Profiling:
    return Profiling(
        path=batch.path,
        version=batch.version,
        attempt=attempt,
        job=_job(policy, batch, attempt),
        since=now,
    )


def _job(policy: Policy, batch: Arrived, attempt: int) -> str:
    data = policy.data
    content = [batch.path, batch.version, data.timestamp_column, data.every]
    return profile_name(policy.name, attempt, content)


def _with(intent: Intent, entry: Profiling) -> Intent:
    """The intent with that entry in place of any other about the same folder."""
    return replace(intent, profiling=(*forgotten(intent, entry.path).profiling, entry))
