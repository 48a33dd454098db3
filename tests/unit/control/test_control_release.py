"""The release machine: judged by requests, rolled back in every phase, never by itself on to a refused version."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from control_world import World, policy

from control.effects import CreateDeployment, DeleteDeployment, ScaleDeployment, SetTraffic
from control.facts import Template
from control.policy import Approval
from control.release import withdraw


def released(world: World) -> str | None:
    return world.intent.releasing.champion.version if world.intent.releasing.champion else None


def with_champion(world: World | None = None) -> World:
    world = world or World()
    world.arrive()
    world.arrive()
    world.settle()
    assert released(world) == "1"
    return world


def demand(world: World, to: str | None = None) -> str:
    outcome = withdraw(world.policy, world.intent, world.endpoint, world.now, "a person said so", to)
    world.intent = outcome.intent
    world.hear(outcome.notes)
    return outcome.said


def at_rest(world: World) -> None:
    """The champion answers everything, and nothing of ours is left beside it and what it keeps."""
    champion = world.intent.releasing.champion
    assert champion is not None
    assert world.endpoint.traffic == {champion.deployment: 100}
    assert world.endpoint.mirror == {}
    kept = {champion.deployment, champion.previous or champion.deployment}
    assert set(world.endpoint.deployments) == kept
    assert world.endpoint.deployments[champion.deployment].model_version == champion.version


def test_no_requests_never_promote_however_right_the_golden_predictions_are() -> None:
    world = with_champion()
    world.per_minute = 0
    world.arrive()
    world.until(lambda: "rolled back" in world.notes)
    assert released(world) == "1"
    assert not any(isinstance(e, SetTraffic) and dict(e.traffic).get("g002") for e in world.performed)
    assert world.note("rolled back")["answered"] == 0
    assert "0 requests" in world.note("rolled back")["reason"]


def test_the_first_version_has_no_requests_before_it_has_all_the_traffic() -> None:
    world = World(per_minute=0)
    with_champion(world)
    at_rest(world)


def test_the_first_version_is_watched_all_the_same() -> None:
    world = World(raising={"g001"})
    world.arrive()
    world.arrive()
    world.until(lambda: "rolled back" in world.notes)
    assert released(world) is None
    assert world.endpoint.deployments == {}
    assert world.note("rolled back")["share"] == 1.0


def test_a_proven_fail_does_not_wait_for_the_bake() -> None:
    world = with_champion(
        World(policy=replace(policy(), release=replace(policy().release, mirror_percent=0)))
    )
    world.raising.add("g002")
    world.arrive()
    world.until(lambda: world.endpoint.traffic.get("g002") == 10, timedelta(seconds=5))
    began = world.now
    world.until(lambda: world.endpoint.traffic == {"g001": 100}, timedelta(seconds=30))
    assert world.now - began < world.policy.release.bake / 2
    world.until(lambda: "rolled back" in world.notes)
    at_rest(world)
    told = world.note("rolled back")
    assert 0 < told["answered"] < told["requests"] / 5
    assert told["share"] == pytest.approx(told["answered"] / told["requests"], abs=1e-4)


def test_a_bad_one_in_shadow_answers_nobody() -> None:
    world = with_champion()
    world.raising.add("g002")
    world.arrive()
    world.until(lambda: "rolled back" in world.notes)
    assert world.note("rolled back")["share"] == 0.0
    assert not any(by == "g002" and not copies for _, by, _, copies in world.answered)
    at_rest(world)


def test_traffic_that_cannot_be_set_goes_back_at_the_deadline() -> None:
    world = with_champion()
    world.arrive()
    world.until(lambda: world.intent.releasing.phase == "shadow")
    for _ in range(100):
        world.decide()  # nothing is ever performed
        world.now += timedelta(minutes=1)
        if world.intent.releasing.phase == "rolling_back":
            break
    assert "could not be set" in world.note("roll back")["reason"]


PHASES = ("proposed", "creating", "shadow", "canary")


@pytest.mark.parametrize("phase", PHASES)
def test_a_person_rolls_back_in_every_phase(phase: str) -> None:
    world = with_champion()
    if phase == "proposed":
        world.policy = replace(world.policy, approval=Approval(required=True))
    world.arrive()
    world.until(lambda: world.intent.releasing.phase == phase)
    assert demand(world) == "version 2 goes back, version 1 answers"
    assert demand(world) == "is being rolled back already"
    world.until(lambda: world.intent.releasing.phase == "promoted")
    assert world.intent.releasing.refused == ("2",)
    at_rest(world)
    world.settle()
    assert released(world) == "1", "a version that went back is not proposed again by itself"
    at_rest(world)


@pytest.mark.parametrize("to", [None, "1"])
def test_after_the_promotion_the_previous_deployment_answers_again(to: str | None) -> None:
    world = with_champion()
    world.arrive()
    world.until(lambda: released(world) == "2")
    world.performed.clear()
    assert demand(world, to) == "version 2 goes back, version 1 gets all the traffic again"
    world.until(lambda: world.intent.releasing.phase == "promoted", timedelta(seconds=1))
    assert released(world) == "1"
    assert world.endpoint.traffic == {"g001": 100}
    assert [type(effect) for effect in world.performed] == [SetTraffic, DeleteDeployment]
    assert world.intent.releasing.refused == ("2",)
    told = world.note("rolled back")
    assert told["version"] == "2"
    assert told["answered"] > 0
    at_rest(world)
    world.settle()
    assert released(world) == "1"


def test_a_version_that_is_kept_no_longer_is_released_again_on_its_own_evidence() -> None:
    world = with_champion()
    world.arrive()
    world.settle()
    assert released(world) == "2"
    assert set(world.endpoint.deployments) == {"g002"}
    assert "no deployment from before version 2 is kept; --to one of: 1" in demand(world)
    assert "never released here" in demand(world, "7")
    assert "it has all the traffic" in demand(world, "2")
    first = world.intent.releasing.released[0]
    assert (first.version, first.approved_by) == ("1", "policy")
    assert "step by step" in demand(world, "1")
    assert world.intent.releasing.candidate
    assert world.intent.releasing.candidate.evidence == first.evidence != ""
    world.until(lambda: released(world) == "1")
    assert world.intent.releasing.champion
    assert world.intent.releasing.champion.previous is None, "what was taken back is no way back"
    world.settle()
    assert "2" in world.intent.releasing.refused
    at_rest(world)
    created = [e for e in world.performed if isinstance(e, CreateDeployment)]
    assert [(e.deployment, e.model_version) for e in created] == [("g001", "1"), ("g002", "2"), ("g003", "1")]
    assert "no deployment from before version 1 is kept" in demand(world), "the refused one is no way back"


def test_without_a_release_there_is_nothing_to_roll_back() -> None:
    world = World()
    assert "no version is released" in demand(world)
    assert world.notes == []


def test_what_is_on_its_way_goes_first() -> None:
    world = with_champion()
    world.arrive()
    world.until(lambda: world.intent.releasing.phase == "canary")
    assert "roll it back first" in demand(world, "9")
    assert "on its way already" in demand(world, "2")
    assert "version 1 answers" in demand(world, "1")


def test_a_bad_version_goes_even_when_the_champions_deployment_was_deleted() -> None:
    world = with_champion()
    world.arrive()
    world.until(lambda: world.endpoint.traffic.get("g002") == 50)
    world.endpoint = replace(
        world.endpoint, deployments={"g002": world.endpoint.deployments["g002"]}, traffic={"g002": 50}
    )
    demand(world)
    world.until(lambda: "rolled back" in world.notes)
    assert world.endpoint.traffic == {}
    assert world.endpoint.deployments == {}
    assert world.note("champion lost")["version"] == "1"


def sizes(world: World) -> list[tuple[str, object]]:
    """What was done about instances and traffic, in order."""
    found: list[tuple[str, object]] = []
    for effect in world.performed:
        if isinstance(effect, CreateDeployment | ScaleDeployment):
            found.append((effect.deployment, effect.instances))
        elif isinstance(effect, SetTraffic):
            found.append(("traffic", dict(effect.traffic) | {f"{k}*": v for k, v in effect.mirror}))
    return found


def test_instances_come_before_the_traffic_and_go_after_the_promotion() -> None:
    world = with_champion(World(template=Template(instances=4)))
    world.performed.clear()
    world.arrive()
    world.until(lambda: released(world) == "2")
    world.until(lambda: world.endpoint.deployments["g001"].instances == 1)
    assert sizes(world) == [
        ("g002", 1),
        ("traffic", {"g001": 100, "g002*": 10}),
        ("traffic", {"g001": 90, "g002": 10}),
        ("g002", 2),
        ("traffic", {"g001": 50, "g002": 50}),
        ("g002", 4),
        ("traffic", {"g002": 100}),
        ("g001", 1),
    ]
    world.performed.clear()
    demand(world)
    world.until(lambda: world.intent.releasing.phase == "promoted")
    assert sizes(world) == [("traffic", {"g001": 100}), ("g001", 4)], "the traffic first, then the instances"
    assert world.endpoint.deployments["g001"].instances == 4


def test_a_candidate_that_goes_back_leaves_the_champion_whole() -> None:
    world = with_champion(World(template=Template(instances=3)))
    world.arrive()
    world.until(lambda: world.endpoint.traffic.get("g002") == 50)
    assert world.endpoint.deployments["g002"].instances == 2
    assert world.endpoint.deployments["g001"].instances == 3
    world.raising.add("g002")
    world.until(lambda: "rolled back" in world.notes)
    at_rest(world)
    assert world.endpoint.deployments["g001"].instances == 3


@pytest.mark.parametrize(
    ("template", "scale"),
    [
        (Template(instances=4, scales_itself=True), "with_traffic"),
        (Template(instances=4), "fixed"),
        (Template(), "with_traffic"),
    ],
)
def test_instances_are_left_alone(template: Template, scale: str) -> None:
    world = World(template=template, policy=replace(policy(), release=replace(policy().release, scale=scale)))
    with_champion(world)
    world.arrive()
    world.settle()
    assert released(world) == "2"
    assert not any(isinstance(effect, ScaleDeployment) for effect in world.performed)
    assert {e.instances for e in world.performed if isinstance(e, CreateDeployment)} == {None}


def test_instances_that_never_come_are_no_release() -> None:
    world = with_champion(World(template=Template(instances=4)))
    world.arrive()
    world.until(lambda: world.endpoint.traffic.get("g002") == 10)
    for _ in range(100):
        for effect in world.decide():
            if not isinstance(effect, ScaleDeployment):
                world.perform(effect)
        world.now += timedelta(minutes=1)
        if "rolled back" in world.notes:
            break
    assert "the instances could not be set" in world.note("rolled back")["reason"]
    at_rest(world)


def test_kubernetes_has_no_shadow_and_says_so() -> None:
    world = with_champion(World(template=Template(kind="kubernetes")))
    world.arrive()
    world.until(lambda: released(world) == "2")
    assert "shadow" not in world.notes
    assert "mirror" in world.note("shadow skipped")["reason"]
    assert not any(effect.mirror for effect in world.performed if isinstance(effect, SetTraffic))
