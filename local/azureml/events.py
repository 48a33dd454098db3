"""The events of Microsoft.MachineLearningServices, in Event Grid schema and the API specification's keys."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from local.azureml.names import PROVIDER, Home

Json = dict[str, Any]


def _event(home: Home, kind: str, subject: str, data: Json) -> Json:
    return {
        "topic": home.id,
        "subject": subject,
        "eventType": f"{PROVIDER}.{kind}",
        "eventTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z",
        "id": str(uuid.uuid4()),
        "data": data,
        "dataVersion": "",
        "metadataVersion": "1",
    }


def experiment_id(home: Home, name: str) -> str:
    """The same name, the same id."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{home.id}/experiments/{name}"))


def run(home: Home, name: str, properties: Json) -> Json:
    """What the run's status calls for: RunCompleted when it is Completed, RunStatusChanged otherwise."""
    experiment = str(properties["experimentName"])
    data = {
        "experimentId": experiment_id(home, experiment),
        "experimentName": experiment,
        "runId": name,
        "runType": "azureml.PipelineRun" if properties["jobType"] == "Pipeline" else "azureml.scriptrun",
        "runTags": dict(properties.get("tags") or {}),
        "runProperties": dict(properties.get("properties") or {}),
    }
    subject = f"experiments/{data['experimentId']}/runs/{name}"
    if properties["status"] == "Completed":
        return _event(home, "RunCompleted", subject, data)
    return _event(home, "RunStatusChanged", subject, data | {"runStatus": str(properties["status"]).lower()})


def model_registered(home: Home, name: str, version: str, properties: Json) -> Json:
    """A model version is there."""
    return _event(home, "ModelRegistered", f"models/{name}:{version}", {
        "modelName": name,
        "modelVersion": version,
        "modelTags": dict(properties.get("tags") or {}),
        "modelProperties": dict(properties.get("properties") or {}),
    })  # fmt: skip


def model_deployed(home: Home, endpoint: str, models: str, tags: Json, properties: Json) -> Json:
    """A deployment of these models (`name:version`, by commas) is ready behind the endpoint."""
    return _event(home, "ModelDeployed", f"endpoints/{endpoint}", {
        "serviceName": endpoint,
        "serviceComputeType": "Managed",
        "modelIds": models,
        "serviceTags": dict(tags),
        "serviceProperties": dict(properties),
    })  # fmt: skip
