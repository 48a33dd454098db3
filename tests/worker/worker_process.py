"""Starts a harness on an app, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ROOT = Path(__file__).parents[2]
EVENTS = ROOT.parent / "shared" / "events"
WORKER = Path(__file__).with_name("worker_harness.py")
HOST = Path(__file__).with_name("host_harness.py")


def _why_not() -> str | None:
    if sys.version_info < (3, 13):
        return "Microsoft's worker library (azure-functions-runtime) needs Python 3.13"
    try:
        version("azure-functions-runtime")
    except PackageNotFoundError:
        return "Microsoft's worker library (azure-functions-runtime) is not installed"
    return None


needs_worker = pytest.mark.skipif(_why_not() is not None, reason=_why_not() or "")
needs_events = pytest.mark.skipif(
    not EVENTS.is_dir(), reason="the sample events are not beside the repository"
)


def run_worker(
    app: Path, invocations: Sequence[dict[str, Any]] = (), settings: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Index the app and make the invocations in Microsoft's worker. `log` is what it wrote."""
    return _run(WORKER, app, invocations, settings)


def run_host(
    app: Path, invocations: Sequence[dict[str, Any]] = (), settings: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The same in the Functions host of local Azure."""
    return _run(HOST, app, invocations, settings)


def _run(
    harness: Path, app: Path, invocations: Sequence[dict[str, Any]], settings: Mapping[str, str] | None
) -> dict[str, Any]:
    """A fresh interpreter each time: both import the app and keep what they know of it in modules."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("HOMEOSTAT")}
    done = subprocess.run(
        [sys.executable, str(harness), str(app)],
        input=json.dumps({"invocations": list(invocations)}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=app,
        env=inherited | {"PYTHONDONTWRITEBYTECODE": "1"} | dict(settings or {}),
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer | {"log": done.stderr}


def sample_events(*folders: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The public sample events of those folders: `folder/file`, and one event each, as the host splits them."""
    for folder in folders:
        for file in sorted((EVENTS / folder).glob("*.json")):
            if file.stem == "SubscriptionValidationResponse":
                continue  # an answer, no event
            body = json.loads(file.read_text(encoding="utf-8"))
            for event in body if isinstance(body, list) else [body]:
                yield f"{folder}/{file.name}", event


def event_invocation(function: str, event: dict[str, Any]) -> dict[str, Any]:
    """What the host sends the worker for one event: its JSON, and `data` beside it as metadata."""
    metadata = {"data": {"json": json.dumps(event["data"])}} if "data" in event else {}
    return {"function": function, "data": {"json": json.dumps(event)}, "metadata": metadata}


def queue_messages(answer: dict[str, Any], output: str = "work") -> list[str]:
    """The messages that the host would put on the queue: a JSON array is several."""
    value = answer["outputs"].get(output)
    if value is None:
        return []
    ((kind, content),) = value.items()
    if kind == "json":
        items = json.loads(content)
        return [item if isinstance(item, str) else json.dumps(item) for item in items]
    assert kind == "string", value
    return [content]
