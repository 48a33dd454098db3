"""A released version goes to a registry; one that appears there is taken, evaluated, and released like any other."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from control_world import World, policy
from test_control_release import at_rest, demand, released, with_champion

from control.effects import Notify, ShareModel, SubmitEvaluation, SubmitJob, TakeModel
from control.facts import ModelVersion
from control.names import SOURCE_TAG
from control.policy import Registry
from control.state import Sharing

SHARES = Registry(name="mlr", model="m", share=True)
TAKES = Registry(name="mlr", model="m", share=False)
TAGS = {SOURCE_TAG: "/dev/models/m/versions/1", "homeostat.evidence": "abc"}


def taker() -> World:
    """A workspace without a model, and with a batch to evaluate on."""
    world = World(policy=policy(registry=TAKES))
    world.arrive()
    world.settle()
    return world


def offer(world: World, version: str, quality: float = 0.03) -> None:
    """A version appears in the registry."""
    assert world.registry is not None
    world.registry.append(ModelVersion(version=version, path="https://x/", tags=TAGS))
    world.by_hand[version] = quality


def test_what_is_released_is_shared_once_and_says_where_it_comes_from() -> None:
    world = with_champion()
    world.policy = replace(world.policy, registry=SHARES)
    world.intent = replace(world.intent, home="/dev")
    world.settle()
    assert world.registry
    (there,) = world.registry
    assert there.tags[SOURCE_TAG] == "/dev/models/m/versions/1"
    assert world.intent.sharing == Sharing(settled=("1",))
    world.arrive()
    world.until(lambda: released(world) == "2")
    world.settle()
    assert [one.version for one in world.registry] == ["1", "2"]
    shared = [one for one in world.performed if isinstance(one, ShareModel)]
    assert [(one.version, one.evidence) for one in shared] == [
        (one.version, one.evidence) for one in world.intent.releasing.released
    ]
    at_rest(world)


def test_nothing_is_shared_before_it_is_released() -> None:
    world = with_champion()
    world.policy = replace(world.policy, registry=SHARES)
    world.arrive()
    world.until(lambda: world.intent.releasing.phase == "canary", timedelta(seconds=1))
    world.raising.add("g002")
    world.settle()
    assert released(world) == "1"
    assert world.registry is not None
    assert [one.version for one in world.registry] == ["1"]


def test_what_comes_is_evaluated_on_this_workspaces_data_before_it_is_released() -> None:
    world = taker()
    assert not world.jobs, "nothing is trained where candidates come from a registry"
    assert "none is trained here" in world.note("no retraining")["reason"]
    offer(world, "4")
    world.until(lambda: released(world) == "4")
    world.settle()
    kinds = [type(one) for one in world.performed]
    assert kinds.index(TakeModel) < kinds.index(SubmitEvaluation)
    assert SubmitJob not in kinds
    assert world.note("take") == {
        "registry": "mlr", "model": "m", "version": "4", "evidence": "abc", "source": TAGS[SOURCE_TAG],
    }  # fmt: skip
    (record,) = world.intent.releasing.released
    assert record.evidence == f"of {world.note('evaluate')['job']}", "its own evidence, not the tag's"
    at_rest(world)


def test_a_worse_one_is_taken_and_refused_and_the_champion_stays() -> None:
    world = taker()
    offer(world, "4")
    world.until(lambda: released(world) == "4")
    offer(world, "5", -0.2)
    world.settle()
    assert world.note("evaluate")["champion"] == "4"
    assert released(world) == "4"
    assert world.intent.releasing.refused == ("5",)


def test_of_several_the_newest_is_taken() -> None:
    world = taker()
    for version in ("1", "2", "3"):
        offer(world, version)
    world.until(lambda: released(world) == "3")
    offer(world, "2")
    world.settle()
    assert [one.version for one in world.performed if isinstance(one, TakeModel)] == ["3"]
    assert world.note("passed over")["versions"] == ["1", "2"]


@pytest.mark.parametrize("rule", [SHARES, TAKES])
def test_another_version_of_that_number_is_never_overwritten_and_people_are_told(rule: Registry) -> None:
    world = with_champion() if rule.share else taker()
    world.policy = replace(world.policy, registry=rule)
    assert world.registry is not None
    if rule.share:
        world.registry.append(
            ModelVersion(version="1", path="x/", tags={SOURCE_TAG: "/other/models/m/versions/1"})
        )
    else:
        world.intent = replace(world.intent, vetting=replace(world.intent.vetting, phase="idle"))
        offer(world, "1")
        world.models.append(ModelVersion(version="1", path="x/"))
    there = (list(world.registry), list(world.models))
    world.settle()
    assert (world.registry, world.models) == there
    note = world.note("sharing refused" if rule.share else "taking refused")
    assert "has a version 1 from elsewhere" in note["reason"]
    (told,) = [one.text for one in world.performed if isinstance(one, Notify) and "registry mlr" in one.text]
    assert "version 1 is not" in told


@pytest.mark.parametrize("rule", [SHARES, TAKES])
def test_a_refusal_is_tried_again_a_few_times_and_then_told(rule: Registry) -> None:
    world = with_champion() if rule.share else taker()
    world.policy, world.refuses = replace(world.policy, registry=rule), True
    if not rule.share:
        offer(world, "1")
    world.settle()
    asked = [one for one in world.performed if isinstance(one, ShareModel | TakeModel)]
    assert len(asked) == world.policy.retrain.max_attempts
    assert world.intent.sharing.settled == ("1",)
    assert [one for one in world.performed if isinstance(one, Notify) and "no (3 attempts)" in one.text]


def test_a_version_whose_tags_are_still_to_come_is_waited_for_and_not_taken_for_a_strangers() -> None:
    """An import may not bring them; another worker of ours may look in between."""
    world = with_champion()
    world.policy = replace(world.policy, registry=SHARES)
    assert world.decide() == ()
    assert world.registry is not None
    world.registry.append(ModelVersion(version="1", path="x/"))
    for _ in range(3):
        assert world.decide() == ()
    assert world.intent.sharing.current
    world.now += timedelta(minutes=20)
    world.decide()
    assert "it does not say where from" in world.note("sharing refused")["reason"]


def test_a_registry_that_cannot_be_read_holds_up_nothing() -> None:
    world = World(policy=policy(registry=SHARES), registry=None)
    world.arrive()
    world.arrive()
    world.until(lambda: released(world) == "1")
    world.settle()
    assert world.intent.sharing == Sharing()
    world.registry = []
    world.settle()
    assert world.registry


def test_a_crash_between_intent_and_effect_repeats_the_effect() -> None:
    world = taker()
    offer(world, "1")
    world.decide()
    assert world.intent.sharing.current
    again = [world.decide() for _ in range(3)]
    assert again == [(TakeModel(version="1"),)] * 3, "the very same, as long as it is not there"


def test_what_is_rolled_back_after_it_was_shared_is_not_shared_again() -> None:
    world = with_champion()
    world.policy = replace(world.policy, registry=SHARES)
    world.settle()
    world.arrive()
    world.until(lambda: world.intent.sharing.settled == ("1", "2"))
    demand(world)
    world.until(lambda: released(world) == "1")
    world.settle()
    assert [one.version for one in world.performed if isinstance(one, ShareModel)] == ["1", "2"]
