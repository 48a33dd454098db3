"""The two machines, together, in a world that loses, doubles and delays."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from control_world import World, policy

from control.effects import CreateDeployment, SetTraffic
from control.policy import Approval, Budget


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
