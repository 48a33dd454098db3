"""The layout of collected data in Blob storage, as Azure ML lays it down. Pure."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

if TYPE_CHECKING:
    from collections.abc import Mapping

TYPE_PREFIX = "azureml.inference."


class Malformed(Exception):  # noqa: N818 - the caller answers 400 with it
    """What the collector sent is not a record."""


def collection(headers: Mapping[str, str]) -> str:
    """The collection that a payload belongs to, e.g. `model_inputs`."""
    kind = headers.get("ce-type", "")
    if not kind.startswith(TYPE_PREFIX) or kind == TYPE_PREFIX:
        raise Malformed(f"the header ce-type must be {TYPE_PREFIX}<collection>, not {kind!r}")
    return kind.removeprefix(TYPE_PREFIX)


def moment(headers: Mapping[str, str]) -> datetime:
    """When the payload was collected."""
    try:
        return datetime.fromtimestamp(int(headers["ce-time"]), UTC)
    except (KeyError, ValueError, OverflowError) as error:
        raise Malformed("the header ce-time must be seconds since 1970") from error


def line(headers: Mapping[str, str], body: bytes, source: str) -> bytes:
    """One JSON line: the payload in its envelope.

    Args:
        headers: of the collector's request, names in lower case.
        body: JSON, a list of records.
        source: ARM id of the deployment.
    """
    try:
        data = json.loads(body)
    except ValueError as error:
        raise Malformed("the body must be JSON") from error
    correlation = headers.get("ce-x-request-id", "")
    record: dict[str, Any] = {
        "specversion": "1.0",
        "id": headers.get("trace-id") or str(uuid4()),
        "source": source,
        "type": headers["ce-type"],
        "datacontenttype": headers.get("content-type", "application/json"),
        "time": moment(headers).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "data": data,
        "correlationid": correlation,
        "xrequestid": correlation,
        "modelversion": headers.get("ce-model-version", "default"),
        "collectdatatype": headers.get("ce-collect-data-type", ""),
        "agent": headers.get("ce-agent", ""),
        "contentrange": f"bytes 0-{max(len(body) - 1, 0)}/{len(body)}",
    }
    return json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def blob(endpoint: str, deployment: str, name: str, at: datetime, instance: str) -> str:
    """The blob that holds an hour of one collection from one instance."""
    return f"{endpoint}/{deployment}/{name}/{at:%Y/%m/%d/%H}/{instance}.jsonl"
