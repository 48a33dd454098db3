"""Azure DevOps service hooks, read into wake-ups: code was pushed, or a pipeline that registers it has run.

A hook does not say which files changed, and code that is pushed is not yet code that a job would run. So it
only wakes: `control.retraining.code_seen` decides from the code that the workspace has.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from control.errors import BadInput
from control.messages import Message

LONGEST = 300
"""Characters of a name: branches and repositories are shorter."""

GOOD = {"succeeded", "partiallysucceeded"}
_COMMIT = re.compile(r"^[0-9a-f]{40}(?:[0-9a-f]{24})?$")


@dataclass(frozen=True, slots=True)
class Ignored:
    """A hook that is right, and that there is nothing to do about."""

    reason: str


def code_changed(body: Any) -> Message | Ignored:
    """Read the body of a service hook: `git.push` or `build.complete`.

    Raises:
        BadInput: it is neither, or says too little.
    """
    if not isinstance(body, Mapping):
        raise BadInput("not a service hook of Azure DevOps: the body is no JSON object")
    event, resource = body.get("eventType"), body.get("resource")
    if event not in {"git.push", "build.complete"}:
        raise BadInput(
            f"service hook of type {_quoted(event)}: subscribe it to 'Code pushed' (git.push) or "
            "'Build completed' (build.complete)"
        )
    if not isinstance(resource, Mapping):
        raise BadInput(f"the hook {event} has no resource: choose 'Resource details to send: All'")
    hook = _name(body.get("id"), "id")
    return _push(resource, hook) if event == "git.push" else _build(resource, hook)


def _push(resource: Mapping[str, Any], hook: str) -> Message | Ignored:
    repository = resource.get("repository")
    name = _name(repository.get("name") if isinstance(repository, Mapping) else None, "repository.name")
    updates = resource.get("refUpdates")
    if not isinstance(updates, list) or not updates or not all(isinstance(one, Mapping) for one in updates):
        raise BadInput("the hook git.push has no resource.refUpdates")
    branches = {}
    for one in updates:
        commit = str(one.get("newObjectId") or "").lower()
        if not _COMMIT.match(commit):
            raise BadInput(f"the hook git.push has a newObjectId that is no commit: {_quoted(commit)}")
        branches[_name(one.get("name"), "refUpdates[].name")] = commit
    pushed = {branch: commit for branch, commit in branches.items() if commit.strip("0")}
    if not pushed:
        return Ignored(f"the push to {name} only deletes: {', '.join(branches)}")
    branch, commit = next(iter(pushed.items()))
    detail = {"event": "git.push", "repository": name, "branch": branch, "commit": commit}
    return Message(kind="code_changed", detail=detail, source=f"git.push {hook}")


def _build(resource: Mapping[str, Any], hook: str) -> Message | Ignored:
    definition = resource.get("definition")
    if definition is None:  # resource version 1.0, with release management's `definitions`
        several = resource.get("definitions")
        definition = several[0] if isinstance(several, list) and several else None
    pipeline = _name(definition.get("name") if isinstance(definition, Mapping) else None, "definition.name")
    number = _name(resource.get("buildNumber"), "buildNumber")
    # Resource version 1.0 says in `status` what 2.0 says in `result`.
    result = str(resource.get("result") or resource.get("status") or "")
    if result.lower() not in GOOD:
        return Ignored(f"build {number} of {pipeline} has not succeeded ({_quoted(result)})")
    commit = str(resource.get("sourceVersion") or resource.get("sourceGetVersion") or "")[:LONGEST]
    detail = {"event": "build.complete", "pipeline": pipeline, "build": number, "commit": commit}
    return Message(kind="code_changed", detail=detail, source=f"build.complete {hook}")


def _name(value: Any, where: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise BadInput(f"the hook has no {where}")
    text = str(value)
    if not text.isprintable() or len(text) > LONGEST:
        raise BadInput(f"the hook's {where} is no name: {_quoted(text)}")
    return text


def _quoted(value: Any) -> str:
    return repr(value)[:80]
