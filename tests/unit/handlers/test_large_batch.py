"""What becomes of a large batch when Azure ML refuses, jobs write nothing, or somebody deletes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from control.errors import Conflict, Refused, Unavailable
from control.facts import Job
from control.policy import Policy, Spark
from control.policy_file import read_policy
from control.ports import Note
from control.profiling import Arrived
from control.state import Intent, Profiling
from drift.profile import Profile
from handlers import new_data
from handlers.large_batch import GivenUp, profile_of

FLIGHTS = Path(__file__).parents[3] / "policies" / "flight-delay.yaml"
READ = read_policy(FLIGHTS.read_text("utf-8"), "flight-delay.yaml")
POLICY = replace(READ, data=replace(READ.data, spark=Spark(above=10)))
START = datetime(2026, 1, 1, tzinfo=UTC)
BATCH = Arrived(path="d/", version="v", files=("d/a.parquet",))


@dataclass
class World:
    """One row of the ledger, jobs by name, and a clock; it is ledger, workspace, profiles and the rest in one."""

    intent: Intent = field(default_factory=lambda: Intent(model=POLICY.name))
    number: int = 0
    jobs: dict[str, str] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    fault: Exception | None = None
    profile: Profile | None = None
    moment: datetime = START
    woken: list[timedelta] = field(default_factory=list)
    conflicts: int = 0
    listed: Sequence[Any] = ()

    @property
    def services(self) -> Any:
        names = ("clock", "ledger", "workspace", "profiles", "wakeups", "landing")
        return SimpleNamespace(**dict.fromkeys(names, self), at=lambda _policy: self.services)

    def now(self) -> datetime:
        return self.moment

    def load(self, _model: str) -> tuple[Intent, str]:
        return self.intent, str(self.number)

    def commit(self, intent: Intent, etag: str, notes: Sequence[Note], _batches: Sequence[Any] = ()) -> str:
        if self.conflicts:
            self.conflicts -= 1
            self.number += 1
        if etag != str(self.number):
            raise Conflict("somebody else wrote")
        self.intent, self.number = intent, self.number + 1
        self.notes += notes
        return str(self.number)

    def job(self, name: str) -> Job:
        return Job(name=name, status=self.jobs.get(name, "missing"))  # type: ignore[arg-type]

    def submit_profile(self, _policy: Policy, profiling: Profiling, files: Sequence[str]) -> bool:
        assert profiling in self.intent.profiling, "the intent comes first"
        assert tuple(files) == BATCH.files
        if self.fault:
            raise self.fault
        return self.jobs.setdefault(profiling.job, "active") == "active"

    def made_by(self, _policy: Policy, _job: str) -> Profile | None:
        return self.profile

    def wake(self, _model: str, after: timedelta) -> None:
        self.woken.append(after)

    def blobs(self, _policy: Policy, _folder: str = "") -> Sequence[Any]:
        return self.listed


def test_it_waits_and_then_has_the_profile_that_the_job_wrote() -> None:
    world = World(conflicts=1)
    assert profile_of(POLICY, BATCH, world.services) is None
    [name] = world.jobs
    assert profile_of(POLICY, BATCH, world.services) is None
    assert list(world.jobs) == [name]
    world.jobs[name], world.profile = "completed", Profile(rows=3)
    assert profile_of(POLICY, BATCH, world.services) == Profile(rows=3)


def test_a_job_that_wrote_nothing_has_failed_and_at_last_the_batch_is_given_up() -> None:
    world = World()
    for _ in range(POLICY.retrain.max_attempts):
        assert profile_of(POLICY, BATCH, world.services) is None
        world.jobs |= dict.fromkeys(world.jobs, "completed")
        found = profile_of(POLICY, BATCH, world.services)
        world.moment += timedelta(days=1)
    assert isinstance(found, GivenUp)
    assert "it wrote no profile" in found.reason
    assert len(world.jobs) == POLICY.retrain.max_attempts
    assert world.woken, "the second attempt was ordered for later"


def test_what_azure_ml_refuses_is_not_asked_for_again_at_once() -> None:
    world = World(fault=Refused("pipelines/profile.yml has no input 'data'"))
    assert profile_of(POLICY, BATCH, world.services) is None
    [entry] = world.intent.profiling
    assert (entry.attempt, entry.not_before) == (2, START + POLICY.retrain.backoff)
    [failed] = [note for note in world.notes if note.name == "profile failed"]
    assert "Azure ML refused it: pipelines/profile.yml has no input" in failed.detail["reason"]
    assert world.woken == [POLICY.retrain.backoff]


def test_a_service_that_is_away_loses_nothing() -> None:
    world = World(fault=Unavailable("503"))
    with pytest.raises(Unavailable):
        profile_of(POLICY, BATCH, world.services)
    assert len(world.intent.profiling) == 1
    world.fault = None
    assert profile_of(POLICY, BATCH, world.services) is None
    assert list(world.jobs.values()) == ["active"]


def test_a_batch_that_was_deleted_is_waited_for_no_longer() -> None:
    world = World()
    assert profile_of(POLICY, BATCH, world.services) is None
    new_data.look_for_lost(POLICY, world.services)
    assert world.intent.profiling == ()
    assert world.notes[-1].name == "batch gone"
