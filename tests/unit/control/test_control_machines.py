"""The two machines, together, in a world that loses, doubles and delays."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

import pytest
from control_world import World, policy
from hypothesis import given, settings
from hypothesis import strategies as st

from control.effects import CreateDeployment, Effect, SetTraffic
from control.policy import Approval, Budget
from control.release import roll_back


def champion(world: World) -> str | None:
    return world.intent.releasing.champion.version if world.intent.releasing.champion else None


def first_champion(world: World) -> World:
    world.arrive()
    world.arrive()
    world.settle()
    assert champion(world) == "1"
    return world


def test_two_batches_make_the_first_champion_and_it_gets_all_traffic() -> None:
    world = first_champion(World())
    assert world.endpoint.traffic == {"g001": 100}
    assert len(world.submitted) == 1


def test_a_better_candidate_goes_through_shadow_and_every_step() -> None:
    world = first_champion(World())
    world.performed.clear()
    world.arrive()
    world.arrive()
    world.settle()
    assert champion(world) == "2"
    splits = [(dict(e.traffic), dict(e.mirror)) for e in world.performed if isinstance(e, SetTraffic)]
    assert splits == [
        ({"g001": 100}, {"g002": 10}),
        ({"g001": 90, "g002": 10}, {}),
        ({"g001": 50, "g002": 50}, {}),
        ({"g002": 100}, {}),
    ]
    assert set(world.endpoint.deployments) == {"g002"}, "the previous one goes after its window"


def test_a_worse_candidate_is_refused_and_nothing_is_deployed() -> None:
    world = first_champion(World())
    world.quality = -0.05
    world.arrive()
    world.settle()
    assert champion(world) == "1"
    assert "candidate refused" in world.notes
    assert len(world.models) == 1
    assert set(world.endpoint.deployments) == {"g001"}


def test_an_unclear_candidate_is_refused_too() -> None:
    world = first_champion(World())
    world.quality = -0.0101
    world.arrive()
    world.settle()
    assert champion(world) == "1"


def test_wrong_golden_predictions_never_reach_traffic() -> None:
    world = first_champion(World())
    world.wrong_answers.add("2")
    world.performed.clear()
    world.arrive()
    world.settle()
    assert champion(world) == "1"
    assert not any(isinstance(effect, SetTraffic) for effect in world.performed)
    assert set(world.endpoint.deployments) == {"g001"}
    assert world.intent.releasing.refused == ("2",)


def test_answers_that_turn_wrong_during_the_canary_give_the_traffic_back() -> None:
    world = first_champion(World())
    world.arrive()
    for _ in range(200):
        for effect in world.decide():
            world.perform(effect)
        world.finish_jobs()
        world.finish_deployments()
        if world.endpoint.traffic.get("g002") == 50:
            break
        world.now += timedelta(minutes=1)
    assert world.endpoint.traffic["g002"] == 50
    world.wrong_answers.add("2")
    world.settle()
    assert world.endpoint.traffic == {"g001": 100}
    assert set(world.endpoint.deployments) == {"g001"}
    assert "rolled back" in world.notes


def test_a_deployment_that_fails_or_never_becomes_ready_is_rolled_back() -> None:
    for state in ("failed", "creating"):
        world = first_champion(World())
        world.arrive()
        for _ in range(120):
            for effect in world.decide():
                world.perform(effect)
            world.finish_jobs()
            if state == "failed":
                world.finish_deployments("failed")
            world.now += timedelta(minutes=1)
            if "rolled back" in world.notes:
                break
        assert "rolled back" in world.notes, state
        assert world.endpoint.traffic == {"g001": 100}
        assert set(world.endpoint.deployments) == {"g001"}


def test_silence_during_the_canary_holds_and_then_goes_back() -> None:
    world = first_champion(World())
    world.silent.add("g002")
    world.arrive()
    world.settle()
    assert champion(world) == "1"
    assert set(world.endpoint.deployments) == {"g001"}


def test_a_failed_job_backs_off_tries_again_under_a_new_name_and_gives_up() -> None:
    world = World()
    world.arrive()
    world.arrive()
    for _ in range(200):
        for effect in world.decide():
            world.perform(effect)
        world.finish_jobs("failed")
        world.now += timedelta(minutes=1)
    assert len(world.submitted) == world.policy.retrain.max_attempts
    assert len(set(world.submitted)) == len(world.submitted)
    assert world.notes[-1] == "retraining given up"
    world.arrive()
    world.settle()
    assert champion(world) == "1", "new evidence starts anew"


def test_evidence_while_busy_is_one_more_retraining_at_most() -> None:
    world = first_champion(World())
    world.arrive()
    for effect in world.decide():
        world.perform(effect)
    for effect in world.decide():
        world.perform(effect)
    for _ in range(5):
        world.arrive()
    world.settle()
    assert len(world.submitted) == 3


def test_nothing_fresh_is_no_run() -> None:
    world = World(
        policy=replace(
            policy(), retrain=replace(policy().retrain, data=replace(policy().retrain.data, fresh=2))
        )
    )
    first_champion(world)
    world.arrive()
    world.settle()
    assert len(world.submitted) == 1
    assert "no retraining" in world.notes


def test_the_months_budget_blocks_before_the_launch() -> None:
    world = World(
        policy=replace(policy(), retrain=replace(policy().retrain, budget=Budget(runs_per_month=1)))
    )
    first_champion(world)
    world.arrive()
    world.settle()
    assert len(world.submitted) == 1


def test_cooldown_and_debounce_hold() -> None:
    world = World(policy=replace(policy(), retrain=replace(policy().retrain, cooldown=timedelta(days=2))))
    first_champion(world)
    ended = world.intent.retraining.last_ended
    assert ended is not None
    world.arrive()
    while len(world.submitted) == 1:
        for effect in world.decide():
            world.perform(effect)
        world.now += timedelta(minutes=30)
        assert world.now - ended < timedelta(days=4)
    assert world.now - ended >= timedelta(days=2)


def test_without_approval_nothing_is_created_and_the_offer_expires() -> None:
    world = World(policy=replace(policy(), approval=Approval(required=True, expires=timedelta(hours=1))))
    world.arrive()
    world.arrive()
    world.settle()
    assert champion(world) is None
    assert not any(isinstance(effect, CreateDeployment) for effect in world.performed)
    assert "rolled back" in world.notes


HAPPENINGS = {
    "round": 40,
    "decide": 15,
    "perform": 15,
    "again": 8,
    "arrive": 6,
    "tick": 6,
    "jobs": 4,
    "up": 4,
    "lose": 3,
    "worse": 2,
    "better": 2,
    "jobs_fail": 1,
    "down": 1,
    "wrong": 1,
    "roll_back": 1,
}
"""What happens in the world, and how often: mostly progress, so that releases are reached and disturbed."""


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32))
def test_whatever_happens_traffic_goes_only_to_what_passed(seed: int) -> None:
    """Lost, doubled and late effects; crashes between decision and effect; bad candidates; any order."""
    script = random.Random(seed).choices(list(HAPPENINGS), list(HAPPENINGS.values()), k=250)
    world = World()
    pending: list[Effect] = []
    done: list[Effect] = []
    for action in script:
        match action:
            case "arrive":
                world.arrive()
            case "decide":
                pending += world.decide()
            case "perform" if pending:
                done.append(pending.pop(0))
                world.perform(done[-1])
            case "again" if done:
                world.perform(done[len(done) // 2])  # a stale worker repeats what it once meant
            case "jobs":
                world.finish_jobs()
            case "jobs_fail":
                world.finish_jobs("failed")
            case "up":
                world.finish_deployments()
            case "down":
                world.finish_deployments("failed")
            case "tick":
                world.now += timedelta(minutes=4)
            case "round":
                for effect in world.decide():
                    done.append(effect)
                    world.perform(effect)
                world.finish_jobs()
                world.finish_deployments()
                world.now += timedelta(minutes=2)
            case "worse":
                world.quality = -0.05
            case "better":
                world.quality = 0.05
            case "wrong":
                world.wrong_answers.add(str(len(world.models) + 1))
            case "roll_back":
                world.intent = roll_back(world.intent, world.now, "a person said so").intent
            case "lose":
                pending.clear()
        check(world)
    world.quality = 0.05
    world.settle()
    check(world)
    if champion(world):
        standing = world.intent.releasing.champion
        assert standing is not None
        assert world.endpoint.traffic == {standing.deployment: 100}
        assert set(world.endpoint.deployments) == {standing.deployment}


def check(world: World) -> None:
    """No request is answered by a version without passed evidence or with wrong answers at its creation."""
    for name, percent in world.endpoint.traffic.items():
        if percent:
            version = world.endpoint.deployments[name].model_version
            model = next(model for model in world.models if model.version == version)
            job = model.tags["homeostat.job"]
            assert job in world.unrivalled or world.qualities[job] > -0.01
    assert len(world.submitted) == len(set(world.submitted))
    assert sum(status == "active" for status in world.jobs.values()) <= world.policy.retrain.max_running


@pytest.mark.parametrize("seed", range(3))
def test_the_same_evidence_three_times_is_one_job(seed: int) -> None:
    world = World()
    world.arrive()
    world.arrive()
    for _ in range(seed + 2):
        effects = world.decide()
        for effect in effects * 3:
            world.perform(effect)
    world.settle()
    assert len(world.submitted) == 1
    assert len(world.models) == 1
