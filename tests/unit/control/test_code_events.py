"""Service hooks of Azure DevOps, in the shapes that its documentation shows."""

from __future__ import annotations

import contextlib
import copy
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from control_world import START, World, policy

from control.code_events import Ignored, code_changed
from control.errors import BadInput
from control.messages import Message
from control.policy import TrainingData
from control.retraining import code_seen
from control.state import Intent

COMMIT = "33b55f7cb7e7e245323987634f960cf4a6e6bc74"
PUSH: dict[str, Any] = {
    "subscriptionId": "00000000-0000-0000-0000-000000000000",
    "notificationId": 3,
    "id": "03c164c2-8912-4d5e-8009-3707d5f83734",
    "eventType": "git.push",
    "publisherId": "tfs",
    "message": {"text": "somebody pushed"},
    "resource": {
        "commits": [
            {"commitId": COMMIT, "author": {"name": "A"}, "comment": "train longer", "url": "https://x"}
        ],
        "refUpdates": [{"name": "refs/heads/main", "oldObjectId": "a" * 40, "newObjectId": COMMIT}],
        "repository": {"id": "278d5cd2", "name": "models", "defaultBranch": "refs/heads/main"},
        "pushedBy": {"displayName": "A"},
        "pushId": 14,
    },
    "resourceVersion": "1.0",
    "createdDate": "2014-05-02T19:17:13.3309587Z",
}
BUILD: dict[str, Any] = {
    "id": "4a5d99d6-1c75-4e53-91b9-ee80057d4ce3",
    "eventType": "build.complete",
    "publisherId": "tfs",
    "resource": {
        "id": 2727068,
        "buildNumber": "20241202.1",
        "status": "completed",
        "result": "succeeded",
        "definition": {"id": 4658, "name": "register"},
        "sourceBranch": "refs/heads/main",
        "sourceVersion": COMMIT,
    },
    "resourceVersion": "2.0",
}
OLD_BUILD = BUILD | {
    "resource": {
        "buildNumber": "CI_20140821.1",
        "status": "succeeded",
        "definition": {"name": "register"},
        "sourceGetVersion": f"LG:refs/heads/main:{COMMIT}",
    }
}


def changed(body: dict[str, Any], **resource: Any) -> dict[str, Any]:
    found = copy.deepcopy(body)
    found["resource"] |= resource
    return found


def message(body: dict[str, Any]) -> Message:
    read = code_changed(body)
    assert isinstance(read, Message)
    return read


def test_a_push_wakes_and_says_what_was_pushed() -> None:
    read = message(PUSH)
    assert (read.kind, read.model, read.source) == ("code_changed", None, f"git.push {PUSH['id']}")
    assert read.detail == {
        "event": "git.push", "repository": "models", "branch": "refs/heads/main", "commit": COMMIT,
    }  # fmt: skip


@pytest.mark.parametrize("body", [BUILD, OLD_BUILD])
def test_a_build_that_succeeded_wakes(body: dict[str, Any]) -> None:
    read = message(body)
    assert (read.kind, read.detail["pipeline"]) == ("code_changed", "register")
    assert COMMIT in read.detail["commit"]


@pytest.mark.parametrize(
    "body",
    [
        changed(BUILD, result="failed"),
        changed(BUILD, result="canceled"),
        changed(BUILD, result=None, status="inProgress"),
        changed(PUSH, refUpdates=[{"name": "refs/heads/old", "newObjectId": "0" * 40}]),
    ],
)
def test_what_brings_no_code_starts_nothing(body: dict[str, Any]) -> None:
    assert isinstance(code_changed(body), Ignored)


def test_of_several_branches_a_deleted_one_is_left_out() -> None:
    gone = {"name": "refs/heads/old", "newObjectId": "0" * 40}
    assert (
        message(changed(PUSH, refUpdates=[gone, *PUSH["resource"]["refUpdates"]])).detail["commit"] == COMMIT
    )


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ([], "no JSON object"),
        ({}, "subscribe it to"),
        (PUSH | {"eventType": "workitem.created"}, "'workitem.created'"),
        (PUSH | {"resource": None}, "Resource details to send"),
        (PUSH | {"id": None}, "no id"),
        (PUSH | {"id": "x\r\n2026 forged"}, "is no name"),
        (changed(PUSH, repository=None), "no repository.name"),
        (changed(PUSH, repository={"name": "\x1b[2Jmodels"}), "is no name"),
        (changed(PUSH, repository={"name": "m" * 301}), "is no name"),
        (changed(PUSH, refUpdates=[]), "no resource.refUpdates"),
        (changed(PUSH, refUpdates=["main"]), "no resource.refUpdates"),
        (changed(PUSH, refUpdates=[{"name": "main", "newObjectId": "; rm -rf"}]), "is no commit"),
        (changed(BUILD, definition=None), "no definition.name"),
        (changed(BUILD, buildNumber=True), "no buildNumber"),
    ],
)
def test_what_is_no_hook_is_refused_with_a_reason(body: Any, said: str) -> None:
    with pytest.raises(BadInput) as caught:
        code_changed(body)
    assert said in str(caught.value)
    assert str(caught.value).isprintable()


JUNK = (None, True, 0, -1.5, "", "x", [], [[]], [None], {}, {"name": []}, [{"name": {}}])


@pytest.mark.parametrize("body", [PUSH, BUILD])
@pytest.mark.parametrize("junk", JUNK, ids=repr)
def test_whatever_comes_is_read_or_refused(body: dict[str, Any], junk: Any) -> None:
    for key in (*body["resource"], "definitions"):
        with contextlib.suppress(BadInput):
            code_changed(
                changed(body, definition=None, **{key: junk})
                if key == "definitions"
                else changed(body, **{key: junk})
            )


def test_the_first_look_only_remembers_and_the_same_code_is_no_news() -> None:
    intent, notes = code_seen(Intent(model="m"), START, "c1", "reconcile")
    assert [(note.kind, note.name) for note in notes] == [("event", "code")]
    assert intent.retraining.wanted == 0
    assert code_seen(intent, START, "c1", "a push") == (intent, ())
    intent, notes = code_seen(intent, START, "c2", "a push")
    assert [(note.kind, note.name, note.detail["before"]) for note in notes] == [
        ("evidence", "code changed", "c1")
    ]
    assert code_seen(intent, START, "c2", "the same push") == (intent, ())
    for epoch, code in enumerate(("c1", "c2", "c1"), start=2):  # there and back again is a change each time
        intent, notes = code_seen(intent, START, code, "a push")
        assert intent.retraining.wanted == epoch
        assert len(notes) == 1


def _look(world: World, code: str) -> None:
    world.intent, _ = code_seen(world.intent, world.now, code, "a test")


def _champion(trigger: str) -> World:
    retrain = replace(policy().retrain, data=TrainingData(train=2, evaluate=1, fresh=2))
    world = World(policy=policy(retrain_on=frozenset({trigger}), retrain=retrain))
    _look(world, "c1")
    for _ in range(3):
        world.arrive()
    world.settle()
    assert world.intent.releasing.champion is not None
    world.arrive()
    world.settle()
    return world


def test_other_code_learns_again_from_the_same_batches_once() -> None:
    world = _champion("code_changed")
    before = len(world.submitted)
    _look(world, "c2")
    world.settle()
    assert len(world.submitted) == before + 1
    assert world.intent.retraining.learned_code == "c2"
    _look(world, "c2")
    world.intent, _ = code_seen(world.intent, world.now + timedelta(hours=1), "c2", "another push")
    world.settle()
    assert len(world.submitted) == before + 1


def test_code_that_changes_while_a_job_runs_is_learned_afterwards() -> None:
    world = _champion("code_changed")
    before = len(world.submitted)
    _look(world, "c2")
    while len(world.submitted) == before:
        for effect in world.decide():
            world.perform(effect)
    _look(world, "c3")
    world.settle()
    assert len(world.submitted) == before + 2
    assert world.intent.retraining.learned_code == "c3"


def test_a_policy_that_asks_no_more_for_code_keeps_its_rule_of_fresh_batches() -> None:
    world = _champion("code_changed")
    before = len(world.submitted)
    world.policy = replace(world.policy, retrain_on=frozenset({"drift"}))
    _look(world, "c2")
    world.settle()
    assert len(world.submitted) == before
    assert world.notes[-1] == "no retraining"
