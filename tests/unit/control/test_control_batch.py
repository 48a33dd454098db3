"""Releases on a batch endpoint: a trial run, the default deployment, the way back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from control_world import World

from control.effects import BeginTrial, CreateDeployment, DeleteDeployment, ScaleDeployment, SetTraffic
from control.facts import Template
from control.names import model_of, trial_name
from control.release import withdraw


def world_with_champion(**more: object) -> World:
    world = World(template=Template(kind="batch", instances=4), **more)  # type: ignore[arg-type]
    world.arrive()
    world.arrive()
    world.settle()
    assert released(world) == "1"
    return world


def released(world: World) -> str | None:
    return world.intent.releasing.champion.version if world.intent.releasing.champion else None


def test_the_default_is_switched_once_after_the_trial_and_the_one_before_is_kept() -> None:
    world = world_with_champion()
    world.performed.clear()
    world.arrive()
    world.until(lambda: released(world) == "2")
    kinds = (BeginTrial, CreateDeployment, SetTraffic, DeleteDeployment, ScaleDeployment)
    done = [effect for effect in world.performed if isinstance(effect, kinds)]
    job = trial_name("m", "g002", "2")
    assert done == [
        CreateDeployment(endpoint="e", deployment="g002", model_version="2"),
        BeginTrial(endpoint="e", deployment="g002", model_version="2", job=job),
        SetTraffic(endpoint="e", traffic=(("g002", 100),)),
    ]
    assert world.endpoint.traffic == {"g002": 100}
    assert set(world.endpoint.deployments) == {"g001", "g002"}
    assert "mirror, steps, bake and abort_if mean nothing" in world.note("steps skipped")["reason"]
    assert "trial run was right" in world.note("promoted")["reason"]
    assert "shadow" not in world.notes
    switched = world.now
    world.until(lambda: set(world.endpoint.deployments) == {"g002"}, timedelta(minutes=5))
    assert world.now - switched >= world.policy.release.keep_previous - timedelta(minutes=5)


def test_without_requests_it_is_released_all_the_same() -> None:
    world = world_with_champion(per_minute=0)
    world.arrive()
    world.until(lambda: released(world) == "2")


def test_a_wrong_answer_of_the_trial_never_becomes_the_default() -> None:
    world = world_with_champion(wrong_answers={"2"})
    world.arrive()
    world.until(lambda: "rolled back" in world.notes)
    assert "golden predictions" in world.note("rolled back")["reason"]
    assert world.endpoint.traffic == {"g001": 100}
    assert set(world.endpoint.deployments) == {"g001"}
    assert not any(isinstance(e, SetTraffic) and dict(e.traffic).get("g002") for e in world.performed)


@pytest.mark.parametrize("end", ["failed", "canceled"])
def test_a_trial_that_does_not_complete_never_becomes_the_default(end: str) -> None:
    world = world_with_champion()
    world.arrive()
    world.until(lambda: len(world.trials) == 2)
    world.jobs[trial_name("m", "g002", "2")] = end
    world.until(lambda: "rolled back" in world.notes)
    assert world.endpoint.traffic == {"g001": 100}
    assert "2" in world.intent.releasing.refused


def test_a_trial_that_never_ends_goes_back_at_the_deadline() -> None:
    world = world_with_champion(silent={"g002"})
    world.silent.add("g002")
    world.arrive()
    world.until(lambda: "rolled back" in world.notes)
    assert "not ready within" in world.note("roll back")["reason"]
    assert world.endpoint.traffic == {"g001": 100}


def test_a_first_version_that_fails_leaves_no_default() -> None:
    world = World(template=Template(kind="batch"), wrong_answers={"1"})
    world.arrive()
    world.arrive()
    world.until(lambda: "rolled back" in world.notes)
    assert (world.endpoint.traffic, world.endpoint.deployments) == ({}, {})
    assert not any(isinstance(effect, SetTraffic) for effect in world.performed)


def test_after_the_promotion_the_previous_deployment_is_the_default_again() -> None:
    world = world_with_champion()
    world.arrive()
    world.until(lambda: released(world) == "2")
    world.performed.clear()
    outcome = withdraw(world.policy, world.intent, world.endpoint, world.now, "said so", None)
    world.intent = outcome.intent
    world.hear(outcome.notes)
    world.until(lambda: world.intent.releasing.phase == "promoted", timedelta(seconds=1))
    assert [type(effect) for effect in world.performed] == [SetTraffic, DeleteDeployment]
    assert world.endpoint.traffic == {"g001": 100}
    assert set(world.endpoint.deployments) == {"g001"}
    assert world.note("rolled back")["answered"] is None, "nobody counts what a batch endpoint answers"


def test_a_default_that_somebody_changes_is_set_back() -> None:
    world = world_with_champion()
    world.arrive()
    world.until(lambda: released(world) == "2")
    world.endpoint = replace(world.endpoint, traffic={"g001": 100})
    world.until(lambda: world.endpoint.traffic == {"g002": 100})
    assert released(world) == "2"


def test_the_trials_name_says_whose_it_is() -> None:
    name = trial_name("fare-rain", "g012", "7")
    assert name.startswith("tr-fare-rain-012-")
    assert model_of(name) == "fare-rain"
    assert name != trial_name("fare-rain", "g012", "8")
