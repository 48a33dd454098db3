"""Reports are owed from the judgement on, and hold up nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from control_world import World

from control.effects import WriteReport
from control.reporting import GIVEN_UP


def with_two_batches(*, broken: bool = False) -> World:
    world = World(shelf_broken=broken)
    world.arrive()
    world.arrive()
    return world


def reports(world: World) -> list[WriteReport]:
    return [effect for effect in world.performed if isinstance(effect, WriteReport)]


def test_a_candidate_that_passed_has_a_report_of_its_version() -> None:
    world = with_two_batches()
    world.settle()
    assert world.reports == set(world.submitted)
    assert world.intent.report is None
    assert len(reports(world)) == 1, "once is enough"
    assert "report given up" not in world.notes
    assert {effect.report.version for effect in reports(world)} == {"1"}
    assert {effect.report.evidence for effect in reports(world)} == set(world.submitted)


def test_a_candidate_that_was_refused_has_one_too() -> None:
    world = with_two_batches()
    world.settle()
    world.quality = -0.05
    world.arrive()
    world.settle()
    assert "candidate refused" in world.notes
    assert world.reports == set(world.submitted)
    assert reports(world)[-1].report.version is None
    assert reports(world)[-1].report.champion == "1"


def test_reports_that_cannot_be_written_hold_up_nothing_and_are_given_up() -> None:
    world = with_two_batches(broken=True)
    world.settle()
    assert world.intent.releasing.champion is not None
    assert world.intent.releasing.champion.version == "1"
    assert world.reports == set()
    assert world.notes.count("report given up") == 1
    assert world.intent.report is None


def test_a_report_is_not_written_by_another_policy_than_the_judgements() -> None:
    world = with_two_batches(broken=True)
    while world.intent.report is None:
        for effect in world.decide():
            world.perform(effect)
        world.finish_jobs()
    world.policy = replace(world.policy, digest="other")
    world.shelf_broken = False
    world.settle()
    assert world.reports == set()
    assert "report given up" in world.notes


def test_a_report_lost_in_a_crash_is_written_at_the_next_look() -> None:
    world = with_two_batches()
    while world.intent.report is None:
        for effect in world.decide():
            world.perform(effect)
        world.finish_jobs()
    for _ in range(5):
        world.decide()  # and the effects are lost
    world.now += GIVEN_UP - timedelta(minutes=1)
    world.settle()
    assert world.reports == set(world.submitted)
