"""What publishers may send, and how Azure refuses what they may not. Pure."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import Any

MAX_BYTES = 1024 * 1024
MAX_EVENTS = 5000
EVENT_GRID, CLOUD_EVENTS = "application/json", "application/cloudevents-batch+json"
CLOUD_EVENT = "application/cloudevents+json"
_REQUIRED = {
    "eventgrid": {"id": str, "subject": str, "eventType": str, "eventTime": str},
    "cloudevents": {"id": str, "source": str, "type": str, "specversion": str},
}


class Rejected(Exception):  # noqa: N818 - reads as what it is
    """A publish request that Event Grid does not take: status, code and message as it answers."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code

    def body(self) -> dict[str, Any]:
        """The answer's JSON."""
        now = datetime.now(UTC)
        stamp = f"{now.month}/{now.day}/{now.year} {now:%I:%M:%S %p} (UTC)"
        reference = (
            f"Report '{uuid.uuid4()}:0:{stamp}' to our forums for assistance or raise a support ticket."
        )
        message = f"{self} {reference}"
        detail = {"code": self.code, "message": message}
        return {"error": {**detail, "details": [detail]}}


def parse(body: bytes, content_type: str, topic_id: str) -> list[dict[str, Any]]:
    """The events of a publish request, each with the topic's id on it.

    Raises:
        Rejected: with the status that Event Grid answers.
    """
    if len(body) > MAX_BYTES:
        raise Rejected(413, "RequestEntityTooLarge", f"The maximum size ({MAX_BYTES}) has been exceeded.")
    media = content_type.partition(";")[0].strip().lower() or EVENT_GRID
    if media not in {EVENT_GRID, CLOUD_EVENTS, CLOUD_EVENT}:
        raise Rejected(415, "UnsupportedMediaType", f"The content type '{content_type}' is not supported.")
    try:
        parsed = json.loads(body)
    except ValueError as err:
        raise Rejected(400, "BadRequest", f"The request body is not valid JSON: {err}.") from err
    if media == CLOUD_EVENT:
        parsed = [parsed]
    if not isinstance(parsed, list):
        raise Rejected(
            400,
            "BadRequest",
            "Unexpected token when reading JSON. Expected: StartArray, actual: "
            f"{'StartObject' if isinstance(parsed, dict) else 'Value'}.",
        )
    if len(parsed) > MAX_EVENTS:
        raise Rejected(413, "RequestEntityTooLarge", f"A request holds up to {MAX_EVENTS} events.")
    if media == EVENT_GRID:
        return [_event_grid(event, topic_id) for event in parsed]
    return [_cloud_event(event) for event in parsed]


def _event_grid(event: Any, topic_id: str) -> dict[str, Any]:
    checked = _checked(event, "eventgrid", "EventGridEvent")
    _time(checked["eventTime"])
    if checked.get("topic") and str(checked["topic"]).casefold() != topic_id.casefold():
        raise Rejected(400, "BadRequest", f"The property 'topic' must not be set, or must be '{topic_id}'.")
    checked.setdefault("dataVersion", "")
    return {**checked, "topic": topic_id, "metadataVersion": "1"}


def _cloud_event(event: Any) -> dict[str, Any]:
    checked = _checked(event, "cloudevents", "CloudEventV10")
    if checked["specversion"] != "1.0":
        raise Rejected(
            400, "BadRequest", f"The specversion '{checked['specversion']}' is not supported; use '1.0'."
        )
    if "time" in checked:
        _time(checked["time"])
    return checked


def _checked(event: Any, schema: str, called: str) -> dict[str, Any]:
    required = _REQUIRED[schema]
    if not isinstance(event, dict):
        raise Rejected(400, "BadRequest", "Every element of the array must be a JSON object.")
    wrong = [name for name, kind in required.items() if not isinstance(event.get(name), kind)]
    wrong += [name for name in required if name not in wrong and name != "subject" and not event[name]]
    if wrong:
        raise Rejected(
            400,
            "BadRequest",
            f"This resource is configured for '{called}' schema and requires "
            f"{', '.join(repr(name) for name in wrong)} property to be set.",
        )
    return dict(event)


def _time(value: Any) -> None:
    try:
        datetime.fromisoformat(str(value))
    except ValueError as err:
        raise Rejected(400, "BadRequest", f"The value '{value}' is not a date and time.") from err
