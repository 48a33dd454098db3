"""From a trigger to the `work` queue: read, drop what is not ours with the reason, hand on the rest.

Loaded with function_app.py: nothing heavy is imported here.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from control.code_events import Ignored, code_changed
from control.errors import BadInput
from control.events import READERS, Event, alert
from control.messages import Kind, Message
from handlers.request_body import TooLarge, read_json

if TYPE_CHECKING:
    import azure.functions as func

log = logging.getLogger("homeostat.intake")

ROOT = Path(__file__).resolve().parent.parent


def take_event(function: str, received: func.EventGridEvent, work: func.Out[str]) -> None:
    """Turn one event into one message on `work`, or drop it and say why.

    The worker hands in a CloudEvent where the event is one, whatever the annotation says.
    """
    event = _envelope(received)
    try:
        text = READERS[function](event).to_json()
    except BadInput as reason:
        log.warning("%s dropped event %s (%s): %s", function, event.id, event.subject, reason)
        return
    log.info("%s took event %s (%s)", function, event.id, event.subject)
    work.set(text)


def take_alert(body: bytes, work: func.Out[str]) -> tuple[int, dict[str, Any]]:
    """Answer an alert webhook: (HTTP status, JSON body)."""
    try:
        parsed = read_json(body)
        message = alert(parsed)
        text = message.to_json() if message else ""
    except BadInput as reason:
        return _refused("alert", reason)
    if message is None:
        log.info(
            "alert dropped: %r is resolved, which starts nothing", parsed["data"]["essentials"]["alertRule"]
        )
        return 200, {"accepted": False, "reason": "a resolved alert starts nothing"}
    log.info("alert took %r (%s)", message.detail["rule"], message.detail["key"])
    work.set(text)
    return 202, {"accepted": True, "rule": message.detail["rule"]}


def take_code(body: bytes, work: func.Out[str]) -> tuple[int, dict[str, Any]]:
    """Answer a service hook of Azure DevOps: (HTTP status, JSON body)."""
    try:
        read = code_changed(read_json(body))
        text = "" if isinstance(read, Ignored) else read.to_json()
    except BadInput as reason:
        return _refused("code_changed", reason)
    if isinstance(read, Ignored):
        log.info("code_changed dropped: %s", read.reason)
        return 200, {"accepted": False, "reason": read.reason}
    log.info("code_changed took %s (%s)", read.source, read.detail)
    work.set(text)
    return 202, {"accepted": True}


def take_tick(kind: Kind, work: func.Out[list[str]]) -> None:
    """One message for each managed model: a wrong policy must not keep the others waiting."""
    work.set([Message(kind=kind, model=name, source="timer").to_json() for name in managed_models()])


def managed_models() -> list[str]:
    """Names of the managed models: one YAML file each, named like the model."""
    folder = Path(os.environ.get("HOMEOSTAT_POLICIES") or ROOT / "policies")
    return sorted(file.stem for file in folder.glob("*.yaml"))


def _refused(function: str, reason: BadInput) -> tuple[int, dict[str, Any]]:
    log.warning("%s refused: %s", function, reason)
    return (413 if isinstance(reason, TooLarge) else 400), {"error": str(reason)}


def _envelope(received: Any) -> Event:
    data = received.get_json()
    return Event(
        id=str(received.id or ""),
        type=str(getattr(received, "event_type", None) or getattr(received, "type", None) or ""),
        subject=str(received.subject or ""),
        source=str(getattr(received, "topic", None) or getattr(received, "source", None) or ""),
        data=data if isinstance(data, Mapping) else {},
    )
