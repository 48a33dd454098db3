"""The public sample events that lie beside the repository, and copies of them that concern a model of ours."""

from __future__ import annotations

import copy
import json
import uuid
from pathlib import Path
from typing import Any

import pytest

from local.azureml import WORKSPACE_ID

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "events"

needed = pytest.mark.skipif(not FOLDER.is_dir(), reason="the sample events are not beside the repository")


def files() -> set[str]:
    """Every sample's path below the folder."""
    return {path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.json")}


def sample(name: str) -> Any:
    """The sample as it is."""
    return json.loads((FOLDER / name).read_text("utf-8"))


def events(name: str) -> list[dict[str, Any]]:
    """The sample's events: it is one, or an array."""
    body = sample(name)
    return body if isinstance(body, list) else [body]


def event(name: str, *, envelope: dict[str, Any] | None = None, **data: Any) -> dict[str, Any]:
    """The sample's event with an id of its own and these values in its data; None takes a key out."""
    one = copy.deepcopy(events(name)[0]) | {"id": str(uuid.uuid4())}
    if "/workspaces/" in one.get("topic", ""):
        one["topic"] = WORKSPACE_ID
    one |= envelope or {}
    one["data"] = {key: value for key, value in (one["data"] | data).items() if value is not None}
    return one


def cloud_event(one: dict[str, Any]) -> dict[str, Any]:
    """An Event Grid event as Event Grid hands it on in the CloudEvents schema."""
    return {
        "specversion": "1.0",
        "id": one["id"],
        "type": one["eventType"],
        "source": one["topic"],
        "subject": one["subject"],
        "time": one["eventTime"],
        "data": one["data"],
    }


def alert(name: str, **essentials: Any) -> dict[str, Any]:
    """The sample alert with these values in its essentials."""
    body = copy.deepcopy(sample(name))
    body["data"]["essentials"] |= essentials
    return body
