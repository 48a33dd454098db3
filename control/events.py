"""Events as they really come, read into wake-ups: keys in any case, numbers for strings, doubled, foreign.

Every function here returns messages or raises BadInput with the reason why the event is dropped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from control.errors import BadInput
from control.messages import Message
from control.names import model_of

WORKSPACE = re.compile(
    r"/subscriptions/[^/]+/resourcegroups/[^/]+/providers/microsoft\.machinelearningservices/workspaces/[^/]+",
    re.IGNORECASE,
)
MONITOR_BREACH = "azureml_modelmonitor_threshold_breached"
ENDED = {"completed", "failed", "canceled", "cancelled", "notresponding"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """What the two schemas have in common: Event Grid's own and CloudEvents 1.0."""

    id: str
    type: str
    subject: str
    source: str
    data: Mapping[str, Any]


def new_data(event: Event) -> Message:
    """A blob was written and closed."""
    _expect(event, "Microsoft.Storage.BlobCreated")
    api = str(_get(event.data, "api") or "")
    if api == "CreateFile":
        raise BadInput("the blob is only being created (api CreateFile): not data yet")
    url = _text(event, "url")
    detail = {
        "url": url,
        "etag": str(_get(event.data, "eTag") or "").strip('"'),
        "size": _get(event.data, "contentLength"),
    }
    return Message(kind="new_data", detail=detail, source=_source(event))


def job_finished(event: Event) -> Message:
    """A job ended. Failed and cancelled ones may send nothing at all: reconcile sees those."""
    _expect(
        event,
        "Microsoft.MachineLearningServices.RunCompleted",
        "Microsoft.MachineLearningServices.RunStatusChanged",
    )
    job = _text(event, "runId")
    status = str(_get(event.data, "runStatus") or "completed").lower()
    model = model_of(job)
    if model is None:
        raise BadInput(f"job {job!r} is not one of ours")
    if status not in ENDED:
        raise BadInput(f"job {job!r} has not ended (status {status})")
    return Message(
        kind="job_finished",
        model=model,
        detail={"job": job, "status": status},
        source=_source(event),
        workspace=_workspace(event),
    )


def model_registered(event: Event) -> Message:
    """A model version was registered, by us or by a person."""
    _expect(event, "Microsoft.MachineLearningServices.ModelRegistered")
    name = _text(event, "modelName")
    detail = {"name": name, "version": _text(event, "modelVersion")}
    return Message(
        kind="model_registered",
        model=name,
        detail=detail,
        source=_source(event),
        workspace=_workspace(event),
    )


def model_deployed(event: Event) -> Message:
    """A deployment is ready."""
    _expect(event, "Microsoft.MachineLearningServices.ModelDeployed")
    detail = {"endpoint": _text(event, "serviceName"), "models": str(_get(event.data, "modelIds") or "")}
    return Message(kind="model_deployed", detail=detail, source=_source(event), workspace=_workspace(event))


def drift_alert(event: Event) -> Message:
    """Drift, as our own topic, Azure ML's dataset monitors or its model monitors say it."""
    _expect(
        event,
        "Homeostat.DriftDetected",
        "Microsoft.MachineLearningServices.DatasetDriftDetected",
        "Microsoft.MachineLearningServices.RunStatusChanged",
    )
    if event.type == "Homeostat.DriftDetected":
        model = _text(event, "model")
        return Message(kind="drift_alert", model=model, detail=dict(event.data), source=_source(event))
    if event.type.endswith("DatasetDriftDetected"):
        detail = {"monitor": _text(event, "dataDriftName"), "key": _text(event, "runId")}
        return Message(kind="drift_alert", detail=detail, source=_source(event), workspace=_workspace(event))
    run = _text(event, "runId")
    tags = _get(event.data, "runTags") or {}
    if not isinstance(tags, Mapping) or _get(tags, MONITOR_BREACH) is None:
        raise BadInput(f"job {run!r} is no model monitor that breached a threshold")
    monitor = _get(tags, "azureml_modelmonitor_name") or _get(event.data, "experimentName")
    if not monitor:
        raise BadInput(f"job {run!r} breached a threshold but does not name its monitor")
    detail = {"monitor": str(monitor), "key": run}
    return Message(kind="drift_alert", detail=detail, source=_source(event), workspace=_workspace(event))


READERS: dict[str, Callable[[Event], Message]] = {
    "new_data": new_data,
    "job_finished": job_finished,
    "model_registered": model_registered,
    "model_deployed": model_deployed,
    "drift_alert": drift_alert,
}
"""Which reader an Event Grid function uses, by the function's name."""


def alert(body: Any) -> Message | None:
    """Read an Azure Monitor alert (common alert schema). None for `Resolved`: it starts nothing.

    Raises:
        BadInput: it is not in the common alert schema.
    """
    if not isinstance(body, Mapping) or body.get("schemaId") != "azureMonitorCommonAlertSchema":
        raise BadInput(
            "not an Azure Monitor alert in the common alert schema; "
            "turn on 'Enable the common alert schema' in the action group"
        )
    data = body.get("data")
    essentials = data.get("essentials") if isinstance(data, Mapping) else None
    if not isinstance(essentials, Mapping):
        raise BadInput("the alert has no data.essentials")
    rule, condition = essentials.get("alertRule"), str(essentials.get("monitorCondition") or "")
    if not isinstance(rule, str) or not rule:
        raise BadInput("the alert has no data.essentials.alertRule")
    if not rule.isprintable():
        raise BadInput(f"the alert's rule holds characters that do not print: {rule[:80]!r}")
    if condition.lower() == "resolved":
        return None
    if condition.lower() != "fired":
        raise BadInput(f"the alert's monitorCondition is {condition!r}, neither Fired nor Resolved")
    identity = str(essentials.get("alertId") or essentials.get("originAlertId") or "")
    if not identity:
        raise BadInput("the alert has neither alertId nor originAlertId")
    fired = essentials.get("firedDateTime")
    detail = {
        "rule": rule,
        # The alertId of an activity log alert is its rule's: only the moment tells two of them apart.
        "key": _printed(f"{identity} {fired}" if fired else identity),
        "severity": _printed(essentials.get("severity")),
        "fired": _printed(fired),
    }
    return Message(kind="alert", detail=detail, source=f"alert {rule}")


def _expect(event: Event, *types: str) -> None:
    if event.type not in types:
        raise BadInput(f"event type {event.type!r} is not for this function; it takes {' or '.join(types)}")


def _get(data: Mapping[str, Any], key: str) -> Any:
    """The value of a key in any case: Azure ML sends `ModelName` and `modelName`."""
    if key in data:
        return data[key]
    wanted = key.lower()
    return next((value for name, value in data.items() if name.lower() == wanted), None)


def _text(event: Event, key: str) -> str:
    value = _get(event.data, key)
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise BadInput(f"event {event.id or '(no id)'} of type {event.type} has no data.{key}")
    text = str(value)
    if not text.isprintable():
        raise BadInput(f"data.{key} holds characters that do not print: {text[:80]!r}")
    return text


def _workspace(event: Event) -> str:
    """The Azure ML workspace that the event comes from: its topic, or CloudEvents' source."""
    if WORKSPACE.fullmatch(event.source) is None:
        said = _printed(event.source)
        raise BadInput(f"event {event.id or '(no id)'} does not come from an Azure ML workspace: {said!r}")
    return event.source.lower()


def _printed(value: Any) -> Any:
    """A text as it may be printed: what does not print is shown as Python writes it."""
    return value if not isinstance(value, str) or value.isprintable() else ascii(value)[1:-1]


def _source(event: Event) -> str:
    return str(_printed(f"{event.type} {event.id}"))
