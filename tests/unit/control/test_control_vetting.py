"""A version that somebody registered goes the same way as ours: evaluated, judged, approved, released."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from control_world import World, policy
from test_control_release import at_rest, demand, released, with_champion

from control.effects import CreateDeployment, SubmitEvaluation
from control.policy import Approval


def test_a_better_version_by_hand_is_evaluated_and_released() -> None:
    world = with_champion()
    version = world.register(0.03)
    world.until(lambda: released(world) == version)
    assert world.evaluated == [version]
    assert world.note("evaluate")["champion"] == "1"
    job = world.note("evaluate")["job"]
    assert world.intent.releasing.released[-1].evidence == f"of {job}"
    assert world.intent.releasing.released[-1].report == world.note("candidate passed")["report"]
    assert job in world.reports
    world.settle()
    at_rest(world)
    assert world.evaluated == [version], "what is known is not evaluated again"


def test_a_worse_version_by_hand_is_refused_once_and_never_deployed() -> None:
    world = with_champion()
    version = world.register(-0.2)
    world.settle()
    assert released(world) == "1"
    assert world.intent.releasing.refused == (version,)
    assert world.evaluated == [version]
    assert len([e for e in world.performed if isinstance(e, CreateDeployment)]) == 1


def test_copied_tags_are_no_evidence() -> None:
    world = with_champion()
    ours = world.models[0].tags
    version = world.register(-0.2, **ours)
    world.settle()
    assert world.evaluated == [version]
    assert released(world) == "1"


def test_somebody_takes_the_number_of_ours_with_the_very_tags() -> None:
    world = with_champion()
    world.arrive()
    world.until(lambda: world.intent.retraining.phase == "registering", timedelta(seconds=1))
    training, evidence = world.intent.retraining.current, world.intent.retraining.evidence
    assert training
    assert evidence
    assert world.intent.retraining.version == "2"
    taken = world.register(-0.2, **{"homeostat.job": training.job, "homeostat.evidence": evidence})
    assert taken == "2"
    world.until(lambda: released(world) == "3")
    assert world.intent.releasing.released[-1].evidence == evidence
    world.settle()
    assert world.evaluated in ([], ["2"])
    assert released(world) == "3"
    at_rest(world)


def test_of_several_only_the_newest_is_evaluated() -> None:
    world = with_champion()
    for _ in range(3):
        newest = world.register(0.03)
    world.settle()
    assert world.evaluated == [newest]
    assert released(world) == newest
    assert world.note("passed over")["versions"] == ["2", "3"]


def test_what_a_newer_version_of_ours_overtook_is_passed_over() -> None:
    world = with_champion()
    world.arrive()
    world.until(lambda: world.intent.retraining.phase == "running", timedelta(seconds=1))
    early = world.register(0.05)
    world.until(lambda: released(world) == "3")
    world.settle()
    assert (early, world.evaluated) == ("2", [])
    assert world.note("passed over") == {"versions": ["2"], "reason": "version 3 is newer"}
    assert released(world) == "3"


def test_without_a_pipeline_for_it_such_versions_are_left_alone() -> None:
    world = World(policy=replace(policy(), gates=replace(policy().gates, job=None)))
    with_champion(world)
    world.register(0.03)
    world.settle()
    assert released(world) == "1"
    assert not any(isinstance(effect, SubmitEvaluation) for effect in world.performed)


def test_by_hand_a_version_needs_its_approval_too() -> None:
    world = with_champion()
    world.policy = replace(world.policy, approval=Approval(required=True, expires=timedelta(hours=1)))
    world.register(0.03)
    world.settle()
    assert released(world) == "1"
    assert "rolled back" in world.notes


def test_one_that_cannot_be_evaluated_is_refused_after_some_attempts() -> None:
    world = with_champion()
    version = world.register(0.03)
    for _ in range(300):
        for effect in world.decide():
            world.perform(effect)
        world.finish_jobs("failed")
        world.now += timedelta(minutes=1)
    assert world.evaluated == [version] * world.policy.retrain.max_attempts
    assert version in world.intent.releasing.refused


def test_what_was_compared_with_a_champion_of_then_is_compared_again() -> None:
    world = with_champion()
    world.arrive()
    world.until(lambda: released(world) == "2")
    version = world.register(0.03)
    world.until(lambda: world.intent.vetting.phase == "running", timedelta(seconds=1))
    demand(world)
    world.settle()
    assert "evaluation is stale" in world.notes
    assert world.evaluated == [version, version]
    assert released(world) == version


def test_the_first_champion_may_come_by_hand() -> None:
    world = World()
    world.arrive()
    world.settle()
    assert released(world) is None
    version = world.register(0.0)
    world.settle()
    assert released(world) == version
    at_rest(world)


def test_by_hand_while_ours_is_on_its_way_waits_for_its_turn() -> None:
    world = with_champion()
    world.arrive()
    world.until(lambda: world.intent.releasing.phase == "canary")
    world.register(0.05)
    world.settle()
    assert released(world) == "3"
    assert [o.version for o in world.intent.releasing.released] == ["1", "2", "3"]


def test_a_retrained_candidate_that_was_compared_with_another_champion_is_refused() -> None:
    world = with_champion()
    world.arrive()
    world.until(lambda: released(world) == "2")
    world.arrive()
    world.until(lambda: world.intent.retraining.phase == "running", timedelta(seconds=1))
    demand(world)
    world.settle()
    assert released(world) == "1"
    assert "compared with 2" in world.note("candidate refused")["reason"]
    at_rest(world)
