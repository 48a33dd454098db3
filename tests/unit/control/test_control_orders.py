"""All orders of events, duplicates, crashes and stale workers: what may never be seen, and how it must end."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from control_world import World
from hypothesis import given, settings
from hypothesis import strategies as st

from control.answering import answered
from control.approval import Sealer
from control.effects import Effect, ScaleDeployment
from control.errors import AnswerRefused
from control.facts import Template
from control.names import DEPLOYMENT
from control.policy import Approval
from control.release import withdraw

SEALER = Sealer(keys=("k" * 40,), environment="here")
HAPPENINGS = {
    "round": 60,
    "decide": 15,
    "perform": 15,
    "stale": 8,
    "arrive": 6,
    "tick": 6,
    "answer": 6,
    "jobs": 4,
    "up": 4,
    "crash": 3,
    "by_hand": 2,
    "quiet": 2,
    "busy": 2,
    "worse": 2,
    "better": 2,
    "jobs_fail": 1,
    "down": 1,
    "wrong": 1,
    "raising": 1,
    "withdraw": 2,
    "withdraw_to": 1,
    "asked_for": 1,
    "unasked": 1,
}
"""What happens in the world, and how often: mostly progress, so that releases are reached and disturbed."""


@dataclass
class Story:
    """A world in which anything happens, and what must hold in it at every moment."""

    random: random.Random
    world: World
    pending: list[Effect] = field(default_factory=list)
    """Decided, not yet performed."""
    done: list[Effect] = field(default_factory=list)
    approved: set[str] = field(default_factory=set)
    """Versions that somebody approved, or of which the policy of then asked nobody."""
    seen: int = 0

    def happen(self, what: str) -> None:
        getattr(self, what)()
        self.check()

    def decide(self) -> None:
        self.pending += self.world.decide()

    def perform(self) -> None:
        if self.pending:
            self._perform(self.pending.pop(0))

    def stale(self) -> None:
        """A worker that slept repeats what it once meant: anything, or the last of it."""
        if self.done:
            self._perform(self.random.choice([*self.done[-12:], self.random.choice(self.done)]))

    def crash(self) -> None:
        self.pending.clear()

    def round(self) -> None:
        for effect in self.world.decide():
            self._perform(effect)
        self.world.finish_jobs()
        self.world.finish_deployments()
        self.world.now += timedelta(minutes=2)

    def arrive(self) -> None:
        self.world.arrive()

    def tick(self) -> None:
        self.world.now += timedelta(minutes=4)

    def jobs(self) -> None:
        self.world.finish_jobs()

    def jobs_fail(self) -> None:
        self.world.finish_jobs("failed")

    def up(self) -> None:
        self.world.finish_deployments()

    def down(self) -> None:
        self.world.finish_deployments("failed")

    def worse(self) -> None:
        self.world.quality = -0.05

    def better(self) -> None:
        self.world.quality = 0.05

    def wrong(self) -> None:
        self.world.wrong_answers.add(str(len(self.world.models) + 1))

    def raising(self) -> None:
        self.world.raising.add(f"g{self.world.intent.releasing.generation + 1:03}")

    def quiet(self) -> None:
        self.world.per_minute = 0

    def busy(self) -> None:
        self.world.per_minute = 600

    def by_hand(self) -> None:
        """Somebody registers a version, good or bad, with the tags of another."""
        tags = self.world.models[-1].tags if self.world.models else {}
        self.world.register(self.random.choice([0.05, -0.05]), **tags)

    def asked_for(self) -> None:
        self._approval(required=True)

    def unasked(self) -> None:
        self._approval(required=False)

    def answer(self) -> None:
        asked = SEALER.asked(self.world.intent)
        if asked is None:
            return
        verdict = self.random.choice(["approve", "approve", "reject"])
        try:
            self.world.intent, notes = answered(
                self.world.policy, self.world.intent, asked, verdict, None, "so", self.world.now
            )
        except AnswerRefused:
            return
        self.world.hear(notes)

    def withdraw(self) -> None:
        self._demand(None)

    def withdraw_to(self) -> None:
        self._demand(self.random.choice(["1", "2", "3"]))

    def _demand(self, to: str | None) -> None:
        world = self.world
        outcome = withdraw(world.policy, world.intent, world.endpoint, world.now, "said so", to)
        world.intent = outcome.intent
        world.hear(outcome.notes)

    def _approval(self, *, required: bool) -> None:
        approval = Approval(required=required, expires=timedelta(hours=1))
        digest = ("q" if required else "p") * 64
        self.world.policy = replace(self.world.policy, approval=approval, digest=digest)

    def _perform(self, effect: Effect) -> None:
        self.done.append(effect)
        self.world.perform(effect)

    def check(self) -> None:
        self._hear()
        world = self.world
        answering = {name for split in (world.endpoint.traffic, world.endpoint.mirror) for name in split}
        for name in answering:
            version = world.endpoint.deployments[name].model_version
            assert version in self.approved, f"{version} sees requests without an approval"
            assert worth(world, version), f"{version} sees requests without passed evidence"
        split = {name: share for name, share in world.endpoint.traffic.items() if share}
        assert len(split) <= 2
        assert sum(split.values()) in {0, 100}
        assert len(world.submitted) == len(set(world.submitted))
        assert sum(world.jobs[name] == "active" for name in world.submitted) <= 1

    def _hear(self) -> None:
        """Approvals and ends of rollbacks, in the trail since the last look."""
        for note in self.world.told[self.seen :]:
            if note.name == "approved":
                self.approved.add(str(note.detail["version"]))
            elif note.name == "rolled back":
                self._rolled_back(str(note.detail["version"]))
        self.seen = len(self.world.told)

    def _rolled_back(self, version: str) -> None:
        """It is over only when that could be read: the champion has it all, and the candidate is gone."""
        champion = self.world.intent.releasing.champion
        answering = {name for name, share in self.world.endpoint.traffic.items() if share}
        assert answering == ({champion.deployment} if champion else set())
        assert self.world.intent.releasing.candidate is None
        assert version in self.world.intent.releasing.refused


def worth(world: World, version: str | None) -> bool:
    """Whether that version passed a gate: ours by its own job, others by an evaluation of ours."""
    if version in world.by_hand:
        jobs = [job for one, job in world.vetted if one == version and job in world.qualities]
        return any(job in world.unrivalled or world.qualities[job] > -0.01 for job in jobs)
    job = next(model for model in world.models if model.version == version).tags["homeostat.job"]
    return job in world.unrivalled or world.qualities[job] > -0.01


class BatchStory(Story):
    """Of a batch endpoint: the default deployment is what answers."""

    def check(self) -> None:
        super().check()
        world = self.world
        assert not world.endpoint.mirror
        assert list(world.endpoint.traffic.values()) in ([], [100]), "one default deployment, or none"
        for name in world.endpoint.traffic:
            version = world.endpoint.deployments[name].model_version
            ended = {of for job, of in world.trials.items() if world.jobs[job] == "completed"}
            assert (name, version) in ended, f"{name} is the default without a trial run of its own"


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_whatever_happens_a_batch_endpoints_default_was_tried_and_approved(seed: int) -> None:
    """As above, with a trial run in place of traffic: jobs that fail or never end are no trial."""
    chance = random.Random(seed)
    story = BatchStory(chance, World(template=Template(kind="batch", instances=chance.choice([1, 3]))))
    for what in chance.choices(list(HAPPENINGS), list(HAPPENINGS.values()), k=250):
        story.happen(what)
    world = story.world
    world.quality = 0.05
    story.unasked()
    world.settle()
    story.check()
    standing = world.intent.releasing.champion
    ours = {name for name in world.endpoint.deployments if DEPLOYMENT.match(name)}
    assert ours == ({standing.deployment} if standing else set())
    assert world.endpoint.traffic == ({standing.deployment: 100} if standing else {})
    assert not any(isinstance(effect, ScaleDeployment) for effect in world.performed)


BATCH_PLACES: dict[str, Callable[[World], bool]] = {
    "creating": lambda world: "g002" in world.endpoint.deployments and len(world.trials) == 1,
    "tried": lambda world: len(world.trials) == 2,
    "switched": lambda world: world.endpoint.traffic == {"g002": 100} and not promoted(world, "g002"),
    "promoted": lambda world: promoted(world, "g002"),
}


def promoted(world: World, deployment: str) -> bool:
    champion = world.intent.releasing.champion
    return champion is not None and champion.deployment == deployment


@pytest.mark.parametrize("place", BATCH_PLACES)
@pytest.mark.parametrize("seed", range(5))
def test_a_batch_rollback_ends_with_the_champion_as_the_default(place: str, seed: int) -> None:
    """Whatever a stale worker does meanwhile; the candidate is gone."""
    story = BatchStory(random.Random(seed), World(template=Template(kind="batch")))
    world = story.world
    for _ in range(2):
        world.arrive()
    while world.intent.releasing.champion is None or world.intent.retraining.phase != "idle":
        story.happen("round")
    world.arrive()
    for _ in range(200):
        for effect in world.decide():
            story._perform(effect)
            if BATCH_PLACES[place](world):
                break
        if BATCH_PLACES[place](world):
            break
        world.finish_jobs()
        world.finish_deployments()
        world.now += timedelta(seconds=30)
        story.check()
    assert BATCH_PLACES[place](world)
    story.happen("withdraw")
    for _ in range(40):
        story.happen("stale")
        story.happen("decide")
        story.happen("perform")
    world.settle()
    story.check()
    assert world.endpoint.traffic == {"g001": 100}
    assert set(world.endpoint.deployments) == {"g001"}
    assert "2" in world.intent.releasing.refused


@settings(max_examples=250, deadline=None)
@given(seed=st.integers(0, 2**32), instances=st.sampled_from([1, 3]))
def test_whatever_happens_only_what_passed_and_was_approved_sees_requests(seed: int, instances: int) -> None:
    """Lost, doubled and late effects; crashes between decision and effect; bad candidates; any order."""
    chance = random.Random(seed)
    story = Story(chance, World(template=Template(instances=instances)))
    for what in chance.choices(list(HAPPENINGS), list(HAPPENINGS.values()), k=250):
        story.happen(what)
    world = story.world
    world.quality, world.per_minute = 0.05, 600
    story.unasked()
    world.settle()
    story.check()
    standing = world.intent.releasing.champion
    ours = {name for name in world.endpoint.deployments if DEPLOYMENT.match(name)}
    assert ours == ({standing.deployment} if standing else set())
    assert world.endpoint.traffic == ({standing.deployment: 100} if standing else {})
    if standing:
        deployment = world.endpoint.deployments[standing.deployment]
        assert deployment.model_version == standing.version
        assert deployment.instances == instances


PLACES: dict[str, Callable[[World], bool]] = {
    "creating": lambda world: world.intent.releasing.phase == "creating",
    "shadow": lambda world: bool(world.endpoint.mirror),
    "canary": lambda world: world.endpoint.traffic.get("g002") == 50,
    "promoted": lambda world: world.intent.releasing.phase == "promoted" and "g002" in world.endpoint.traffic,
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("seed", range(5))
def test_a_rollback_ends_with_the_champion_whatever_a_stale_worker_does_meanwhile(
    place: str, seed: int
) -> None:
    story = Story(random.Random(seed), World())
    world = story.world
    for _ in range(2):
        world.arrive()
    while world.intent.releasing.champion is None or world.intent.retraining.phase != "idle":
        story.happen("round")
    world.arrive()
    while not PLACES[place](world):
        for effect in world.decide():
            story._perform(effect)
        world.finish_jobs()
        world.finish_deployments()
        world.now += timedelta(seconds=30)
        story.check()
    story.happen("withdraw")
    for _ in range(40):  # only what lies around is performed, again and again, beside what is decided
        story.happen("stale")
        story.happen("decide")
        story.happen("perform")
    world.settle()
    story.check()
    assert world.endpoint.traffic == {"g001": 100}
    assert set(world.endpoint.deployments) == {"g001"}
    assert "2" in world.intent.releasing.refused
    after = world.notes.index("rolled back")
    assert "release proposed" not in world.notes[after:], "never again by itself"
