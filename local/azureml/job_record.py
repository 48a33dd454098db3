"""What a job is: its record, as Azure ML answers with it, and the command that it asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.azureml.answers import Json, system_data, user_error
from local.azureml.names import ARTIFACT_DATASTORE, PROVIDER, Home
from local.azureml.pipeline import BadPipeline, Step, command_run
from local.azureml.run import CommandRun, Input, JobFailed, Output, time_limit
from local.azureml.store import Record
from local.azureml.workspace import COMPUTE

if TYPE_CHECKING:
    from collections.abc import Mapping

KIND = "jobs"
MUTABLE = {"description", "tags", "displayName", "properties", "isArchived"}


def new_job(home: Home, name: str, properties: Json, url: str) -> Record:
    """The record of a job that a request asks for; `url` is this service's."""
    kind = properties.get("jobType")
    if kind not in {"Command", "Pipeline"}:
        raise user_error(f"Jobs of type {kind} do not run here: Command and Pipeline jobs do.", "BadArgument")
    compute = str(properties.get("computeId") or "")
    if compute and (target := compute.rsplit("/", 1)[-1]) not in {COMPUTE, "serverless"}:
        raise user_error(f"Unknown compute target '{target}'.", "BadArgument", "UnknownTargetType")
    if kind == "Command" and (missing := [k for k in ("command", "environmentId") if not properties.get(k)]):
        raise user_error(f"{', '.join(missing)} must be given.", "BadArgument")
    return Record(KIND, name, "", _body(home, name, properties, url), {"request": properties})


def new_child(home: Home, parent: Record, step: Step, url: str) -> Record:
    """The record of a pipeline's step."""
    name = f"{parent.name}_{step.name}"
    spec = step.component
    return Record(KIND, name, "", _body(home, name, {
        "displayName": step.name,
        "experimentName": parent.properties["experimentName"],
        "parentJobName": parent.name,
        "status": "NotStarted",
        "componentId": step.component_id,
        "computeId": step.body.get("computeId") or parent.properties["computeId"],
        **_work(step),
        "environmentId": environment_of(step).removeprefix("azureml:"),
        "codeId": str(spec.get("code") or "").removeprefix("azureml:") or None,
        "properties": {
            "azureml.pipelinerunid": parent.name,
            "azureml.rootpipelinerunid": parent.name,
            "azureml.moduleName": str(spec.get("name", step.name)),
        },
    }, url), {"request": {}})  # fmt: skip


def _work(step: Step) -> Json:
    """What the step runs, as a job of its kind says it."""
    if not step.is_spark:
        return {"jobType": "Command", "command": step.component["command"]}
    resources = step.body.get("resources") or {}
    conf = {**(step.component.get("conf") or {}), **(step.body.get("conf") or {})}
    return {
        "jobType": "Spark",
        "entry": {"sparkJobEntryType": "SparkJobPythonEntry", "file": step.component["entry"]["file"]},
        "args": step.body.get("args") or step.component.get("args"),
        "conf": {key: str(value) for key, value in conf.items()},
        "resources": {
            "instanceType": resources.get("instance_type"),
            "runtimeVersion": resources.get("runtime_version"),
        },
    }


def command_of(record: Record, given: Json) -> CommandRun:
    """The command of a command job. Raises BadDuration."""
    properties = record.properties
    return CommandRun(
        job=record.name,
        experiment=properties["experimentName"],
        command=str(given["command"]),
        code=str(given.get("codeId") or ""),
        environment=str(given["environmentId"]),
        inputs={name: Input.of(body) for name, body in (given.get("inputs") or {}).items()},
        outputs={
            name: Output.of(body, job=record.name, name=name)
            for name, body in (given.get("outputs") or {}).items()
        },
        environment_variables={k: str(v) for k, v in (given.get("environmentVariables") or {}).items()},
        timeout_seconds=time_limit(given.get("limits")),
    )


def resolved(child: Record, parent: Record, step: Step, made: Mapping[str, Json]) -> CommandRun:
    """The step's command, and the child job's answer with what was resolved."""
    try:
        properties = parent.private["request"] | {
            "outputs": parent.properties["outputs"],
            "experimentName": parent.properties["experimentName"],
        }  # fmt: skip
        run = command_run(step, job=child.name, parent=parent.name, properties=properties, made=made)
    except BadPipeline as err:
        raise JobFailed(str(err)) from err
    child.properties["inputs"] = {
        name: {"jobInputType": "literal", "value": given.value}
        if given.is_literal
        else {"jobInputType": given.type, "uri": given.value, "mode": given.mode}
        for name, given in run.inputs.items()
    }
    child.properties["outputs"] |= {
        name: {"jobOutputType": output.type, "uri": output.uri} for name, output in run.outputs.items()
    }
    child.properties["environmentVariables"] = dict(run.environment_variables)
    return run


def environment_of(step: Step) -> str:
    """The environment that the step runs in: its own, else its component's."""
    return str(step.body.get("environment") or step.component.get("environment") or "")


def _body(home: Home, name: str, given: Json, url: str) -> Json:
    tracking = {
        "jobServiceType": "Tracking",
        "endpoint": f"azureml:{url}/mlflow/v1.0{home.id}?",
    }
    studio = {"jobServiceType": "Studio", "endpoint": f"{url}/runs/{name}?wsid={home.guid}"}
    properties: Json = {
        "description": None, "tags": {}, "properties": {}, "parentJobName": None, "displayName": name,
        "status": "Starting", "experimentName": "Default", "computeId": None, "isArchived": False,
        "identity": None, "componentId": None, "notificationSetting": None, "inputs": {}, "outputs": {},
        "services": {"Tracking": tracking, "Studio": studio},
    }  # fmt: skip
    if given["jobType"] == "Command":
        properties |= {
            "codeId": None, "distribution": None, "limits": None, "environmentVariables": {},
            "parameters": {}, "queueSettings": {"jobTier": "Null"},
            "resources": {"instanceCount": 1, "shmSize": "2g"},
        }  # fmt: skip
    properties |= {key: value for key, value in given.items() if value is not None}
    outputs: Json = {}
    for output, body in properties["outputs"].items():
        made = Output.of(body, job=name, name=output)
        outputs[output] = {**body, "uri": made.uri, "jobOutputType": made.type}
    outputs["default"] = {
        "uri": f"azureml://datastores/{ARTIFACT_DATASTORE}/ExperimentRun/dcid.{name}",
        "mode": "ReadWriteMount",
        "jobOutputType": "uri_folder",
    }
    return {
        "id": f"{home.id}/jobs/{name}",
        "name": name,
        "type": f"{PROVIDER}/workspaces/jobs",
        "properties": properties | {"outputs": outputs},
        "systemData": system_data(),
    }
