"""A model with a champion that retrains when an alert says so, and only then: for tests of what goes wrong."""

from __future__ import annotations

import base64
import uuid
from pathlib import Path
from typing import Any

import flow_docs
import flow_loop
import flow_rain
import yaml
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import QueueClient
from flow_loop import Loop, write_policy


def pipeline(name: str, **inputs: str) -> dict[str, Any]:
    """The pipeline of docs/add-a-model.md for another model, with other inputs."""
    body: dict[str, Any] = yaml.safe_load(flow_docs.files()["rain/train.yml"])
    body["experiment_name"] = name
    body["inputs"] |= inputs
    return body


def write_yaml(path: Path, body: dict[str, Any] | str) -> None:
    """Write a file of YAML, right or wrong."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(body if isinstance(body, str) else yaml.safe_dump(body, sort_keys=False))


def policy(name: str, **changes: dict[str, Any]) -> dict[str, Any]:
    """A policy by which neither data nor drift retrains a model that has a champion: the alert `<name>` does."""
    body = flow_docs.policy(name, **changes)
    del body["monitoring_signals"]["inputs"]
    body["trigger"] = [{"type": "event", "on": ["drift"]}]
    body["alerts"] = [{"rule": name, "do": "retrain"}]
    body["release"]["steps"] = [100]
    return body


def promote_first(loop: Loop, body: dict[str, Any]) -> str:
    """A first champion from January, and February and March for later: the champion's version."""
    name = body["name"]
    write_policy(loop.folder / "app", name, body)
    loop.land(f"{name}/2013-01/", flow_rain.month(1))
    champion = loop.until(
        f"a first champion of {name}", lambda: loop.intent(name).releasing.champion, patience=150
    )
    for month in (2, 3):
        arrive(loop, name, month)
    return str(champion.version)


def arrive(loop: Loop, name: str, month: int) -> None:
    """Another month lands and is taken."""
    folder = f"2013-{month:02}/"
    loop.land(f"{name}/{folder}", flow_rain.month(month))
    loop.until(
        f"{folder} of {name} is taken",
        lambda: folder in {batch.path for batch in loop.services.ledger.batches(name)},
        patience=90,
    )


def ask(loop: Loop, name: str) -> int:
    """Fire the alert; how many entries the audit trail had before."""
    before = len(loop.audit(name))
    status, answer = loop.post("/api/alert", alert(name))
    assert status == 202, answer
    return before


def alert(rule: str) -> dict[str, Any]:
    """An alert of Azure Monitor, common alert schema."""
    key = str(uuid.uuid4())
    essentials = {
        "alertId": f"/subscriptions/s/providers/Microsoft.AlertsManagement/alerts/{key}",
        "alertRule": rule,
        "severity": "Sev2",
        "signalType": "Metric",
        "monitorCondition": "Fired",
        "monitoringService": "Platform",
        "firedDateTime": "2026-11-22T10:00:00.000Z",
        "essentialsVersion": "1.0",
        "alertContextVersion": "1.0",
    }
    return {"schemaId": "azureMonitorCommonAlertSchema", "data": {"essentials": essentials}}


def since(loop: Loop, name: str, before: int, entry: str) -> list[dict[str, Any]]:
    """The audit entries of that name after the first `before`."""
    return [each for each in loop.audit(name)[before:] if each["name"] == entry]


def poisoned(loop: Loop) -> list[bytes]:
    """What lies in the queue of messages that were given up: decoded, where it can be."""
    with QueueClient.from_connection_string(loop.addresses["storage"], "work-poison") as queue:
        try:
            contents = [str(message.content) for message in queue.peek_messages(max_messages=32)]
        except ResourceNotFoundError:
            return []
    return [_decoded(content) for content in contents]


def _decoded(content: str) -> bytes:
    try:
        return base64.b64decode(content, validate=True)
    except ValueError:
        return content.encode()


def settings(loop: Loop) -> dict[str, str]:
    """The running app's settings."""
    return flow_loop.settings(loop.addresses, loop.folder / "app" / "policies")
