"""Jobs: command and pipeline jobs, their routes and their lives."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any

from aiohttp import web

from local.azureml import events
from local.azureml.answers import Json, not_found, properties_of, system_data, timestamp, user_error
from local.azureml.durations import BadDuration
from local.azureml.names import (
    ARTIFACT_DATASTORE,
    PROVIDER,
    WORKSPACE_GUID,
    WORKSPACE_ID,
    BadReference,
)
from local.azureml.pipeline import BadPipeline, Step, command_run, plan
from local.azureml.run import CommandRun, Input, JobFailed, Output, time_limit
from local.azureml.store import Record
from local.azureml.workspace import COMPUTE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.azureml.operations import Operations
    from local.azureml.references import References
    from local.azureml.runner import Runner
    from local.azureml.store import Store

    Publish = Callable[[str, list[Json]], Awaitable[None]]

KIND = "jobs"
MUTABLE = {"description", "tags", "displayName", "properties", "isArchived"}
ENDED = {"Completed", "Failed", "Canceled"}
SILENT = {"Queued", "Finalizing", "CancelRequested"}
"""Statuses that no event tells of."""
STOPPED = "Local Azure ML was stopped while the job ran."

log = logging.getLogger(__name__)


class Jobs:
    """The jobs of the workspace. A job's name is its identity: a second job under it is refused."""

    def __init__(
        self,
        *,
        store: Store,
        references: References,
        operations: Operations,
        publish: Publish,
        runner: Runner,
        parallel: int,
    ) -> None:
        self._store = store
        self._references = references
        self._operations = operations
        self._publish = publish
        self._runner = runner
        self._slots = asyncio.Semaphore(parallel)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._stopping = False
        self._url = ""

    def routes(self, workspace: str) -> list[web.RouteDef]:
        """Below the workspace's path, and the page of a job that its `Studio` service points to."""
        jobs = f"{workspace}/jobs"
        job = f"{jobs}/{{name}}"
        return [
            web.get(jobs, self._list),
            web.get(job, self._get),
            web.put(job, self._put),
            web.delete(job, self._delete),
            web.post(f"{job}/cancel", self._cancel),
            web.get("/runs/{name}", self._page),
        ]

    async def start(self, url: str) -> None:
        """Jobs that ran when the process ended have failed."""
        self._url = url
        for record in self._store.all(KIND):
            if record.properties["status"] not in ENDED:
                await self._fail(record, JobFailed(STOPPED, "ServiceError"))

    async def stop(self) -> None:
        """End every process; their jobs count as failed when the state is started again."""
        self._stopping = True
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # Routes

    async def _put(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        _, properties = await properties_of(request)
        if existing := self._store.get(KIND, name):
            return self._update(existing, properties)
        record = self._new(name, properties)
        work = self._work(record, properties)
        self._store.put(record)
        self._spawn(name, self._supervise(record, work))
        location = f"{request.scheme}://{request.host}{request.path_qs}"
        return web.json_response(record.body, status=201, headers={"Location": location})

    def _update(self, existing: Record, properties: Json) -> web.Response:
        before = existing.private["request"]
        changed = sorted(
            key
            for key in (before.keys() | properties.keys()) - MUTABLE
            if before.get(key) != properties.get(key)
        )
        if changed:
            words = ", ".join(f" {key[0].upper()}{key[1:]}" for key in changed)
            raise user_error(
                "A job with this name already exists. If you are trying to create a new job, use a different "
                "name. If you are trying to update an existing job, the existing job's"
                f"{words} cannot be changed. Only description, tags, displayName, properties, and isArchived "
                "can be updated.",
                "Immutable",
                "JobPropertyImmutable",
            )
        for key in MUTABLE & properties.keys():
            if key in {"tags", "properties"}:
                existing.properties[key] = (existing.properties.get(key) or {}) | (properties[key] or {})
            elif properties[key] is not None:
                existing.properties[key] = properties[key]
        self._store.put(existing)
        return web.json_response(existing.body)

    async def _get(self, request: web.Request) -> web.Response:
        return web.json_response(self._find(request).body)

    async def _list(self, request: web.Request) -> web.Response:
        view = request.query.get("listViewType", "ActiveOnly")
        kind = request.query.get("jobType")
        tag = request.query.get("tag")
        found = [
            r.body
            for r in reversed(self._store.all(KIND))
            if r.properties.get("parentJobName") is None
            and (view == "All" or bool(r.properties.get("isArchived")) == (view == "ArchivedOnly"))
            and (kind is None or r.properties["jobType"] == kind)
            and (tag is None or tag in (r.properties.get("tags") or {}))
        ]
        return web.json_response({"value": found})

    async def _cancel(self, request: web.Request) -> web.Response:
        record = self._find(request)
        task = self._tasks.get(record.name)
        if task is None or record.properties["status"] in ENDED:
            return web.Response(status=200)
        operation = self._operations.begin("cancel", "InProgress")
        await self._set_status(record, "CancelRequested")
        task.add_done_callback(lambda _: self._operations.end(operation))
        task.cancel()
        return web.Response(status=202, headers=self._operations.headers(request, operation))

    async def _delete(self, request: web.Request) -> web.Response:
        record = self._store.get(KIND, request.match_info["name"])
        if record is None:
            return web.Response(status=204)
        if task := self._tasks.get(record.name):
            task.cancel()
            await asyncio.wait([task])
        operation = self._operations.begin("delete", "InProgress")
        for child in [r for r in self._store.all(KIND) if r.properties.get("parentJobName") == record.name]:
            self._store.delete(KIND, child.name)
        self._store.delete(KIND, record.name)
        self._operations.end(operation)
        return web.Response(status=202, headers=self._operations.headers(request, operation))

    async def _page(self, request: web.Request) -> web.Response:
        record = self._find(request)
        file = self._runner.log(record.name)
        text = file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""
        lines = [f"{record.name}: {record.properties['status']}", *self._reasons(record), "", text]
        return web.Response(text="\n".join(lines))

    def _reasons(self, record: Record) -> list[str]:
        reason = record.properties["properties"].get("azureml.error.message")
        children = [r for r in self._store.all(KIND) if r.properties.get("parentJobName") == record.name]
        steps = [f"{child.properties['displayName']}: {child.properties['status']}" for child in children]
        return [*steps, *([reason] if reason else [])]

    def _find(self, request: web.Request) -> Record:
        name = request.match_info["name"]
        record = self._store.get(KIND, name)
        if record is None:
            raise not_found("Job", f"Job {name} not found.")
        return record

    # What a job is

    def _new(self, name: str, properties: Json) -> Record:
        kind = properties.get("jobType")
        if kind not in {"Command", "Pipeline"}:
            raise user_error(
                f"Jobs of type {kind} do not run here: Command and Pipeline jobs do.", "BadArgument"
            )
        compute = str(properties.get("computeId") or "")
        if compute and (target := compute.rsplit("/", 1)[-1]) not in {COMPUTE, "serverless"}:
            raise user_error(f"Unknown compute target '{target}'.", "BadArgument", "UnknownTargetType")
        if kind == "Command" and (
            missing := [k for k in ("command", "environmentId") if not properties.get(k)]
        ):
            raise user_error(f"{', '.join(missing)} must be given.", "BadArgument")
        return Record(KIND, name, "", self._body(name, properties), {"request": properties})

    def _body(self, name: str, given: Json) -> Json:
        tracking = {
            "jobServiceType": "Tracking",
            "endpoint": f"azureml:{self._url}/mlflow/v1.0{WORKSPACE_ID}?",
        }
        studio = {"jobServiceType": "Studio", "endpoint": f"{self._url}/runs/{name}?wsid={WORKSPACE_GUID}"}
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
            "id": f"{WORKSPACE_ID}/jobs/{name}",
            "name": name,
            "type": f"{PROVIDER}/workspaces/jobs",
            "properties": properties | {"outputs": outputs},
            "systemData": system_data(),
        }

    def _work(self, record: Record, given: Json) -> Callable[[], Awaitable[None]]:
        """What the job will do, once everything it names is known to exist."""
        if given["jobType"] == "Pipeline":
            try:
                steps = plan(given, self._component)
                for step in steps.values():
                    self._references.find(_environment(step), "environments")
            except (BadPipeline, BadReference) as err:
                raise user_error(str(err), "BadArgument") from err
            return lambda: self._pipeline(record, steps)
        try:
            self._references.find(str(given["environmentId"]), "environments")
            if code := given.get("codeId"):
                self._references.find(str(code), "codes")
            run = _command(record, given)
        except (BadReference, BadDuration) as err:
            raise user_error(str(err), "BadArgument") from err
        return lambda: self._command(record, run)

    def _component(self, reference: str) -> Json:
        spec: Json = self._references.find(reference, "components").properties["componentSpec"]
        return spec

    # How a job lives

    def _spawn(self, name: str, life: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(life, name=f"job {name}")
        self._tasks[name] = task

        def ended(task: asyncio.Task[None]) -> None:
            self._tasks.pop(name, None)
            if not task.cancelled() and (error := task.exception()) and not isinstance(error, JobFailed):
                log.error("job %s", name, exc_info=error)

        task.add_done_callback(ended)

    async def _supervise(self, record: Record, work: Callable[[], Awaitable[None]]) -> None:
        """Whatever happens, the job ends in a status that says so."""
        try:
            await work()
        except asyncio.CancelledError:
            if not self._stopping:
                await self._set_status(record, "Canceled")
            raise
        except JobFailed as err:
            await self._fail(record, err)
            raise
        except Exception as err:
            await self._fail(record, JobFailed(f"{type(err).__name__}: {err}", "ServiceError"))
            raise
        await self._set_status(record, "Completed")

    async def _command(self, record: Record, run: CommandRun) -> None:
        async def phase(status: str) -> None:
            await self._set_status(record, status)

        if self._slots.locked():
            await phase("Queued")
        async with self._slots:
            await self._runner.run(run, phase)

    async def _pipeline(self, record: Record, steps: Mapping[str, Step]) -> None:
        await self._set_status(record, "Running")
        children = {name: self._new_child(record, step) for name, step in steps.items()}
        done = {name: asyncio.Event() for name in steps}
        made: dict[str, Json] = {}

        async def live(step: Step) -> None:
            child = children[step.name]

            async def work() -> None:
                for before in step.after:
                    await done[before].wait()
                await self._command(child, self._resolve(child, record, step, made))

            await self._supervise(child, work)
            made[step.name] = child.properties["outputs"]
            done[step.name].set()

        try:
            async with asyncio.TaskGroup() as group:
                for step in steps.values():
                    group.create_task(live(step), name=f"job {children[step.name].name}")
        except* JobFailed as errors:
            failed = {
                name: child for name, child in children.items() if child.properties["status"] == "Failed"
            }
            reasons = [
                f"{name} ({child.name}): {child.properties['properties']['azureml.error.message']}"
                for name, child in failed.items()
            ]
            code = getattr(errors.exceptions[0], "code", "UserError")
            raise JobFailed("Pipeline has failed child jobs. " + "\n".join(reasons), code) from errors

    def _new_child(self, parent: Record, step: Step) -> Record:
        name = f"{parent.name}_{step.name}"
        spec = step.component
        child = Record(KIND, name, "", self._body(name, {
            "jobType": "Command",
            "displayName": step.name,
            "experimentName": parent.properties["experimentName"],
            "parentJobName": parent.name,
            "status": "NotStarted",
            "componentId": step.component_id,
            "computeId": step.body.get("computeId") or parent.properties["computeId"],
            "command": spec["command"],
            "environmentId": _environment(step).removeprefix("azureml:"),
            "codeId": str(spec.get("code") or "").removeprefix("azureml:") or None,
            "properties": {
                "azureml.pipelinerunid": parent.name,
                "azureml.rootpipelinerunid": parent.name,
                "azureml.moduleName": str(spec.get("name", step.name)),
            },
        }), {"request": {}})  # fmt: skip
        self._store.put(child)
        return child

    def _resolve(self, child: Record, parent: Record, step: Step, made: Mapping[str, Json]) -> CommandRun:
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

    async def _fail(self, record: Record, error: JobFailed) -> None:
        record.properties["properties"] |= {
            "azureml.error.code": error.code,
            "azureml.error.message": str(error),
        }
        await self._set_status(record, "Failed")

    async def _set_status(self, record: Record, status: str) -> None:
        if stored := self._store.get(KIND, record.name):  # tags and the like may have been changed meanwhile
            own = record.properties["properties"]
            record.properties.update(
                {key: stored.properties[key] for key in MUTABLE & stored.properties.keys()}
            )
            record.properties["properties"] = stored.properties["properties"] | own
        record.properties["status"] = status
        now = timestamp()
        if status == "Running":
            record.properties["properties"].setdefault("StartTimeUtc", now)
        if status in ENDED:
            record.properties["properties"].setdefault("EndTimeUtc", now)
        self._store.put(record)
        if status not in SILENT:
            await self._publish("azureml", [events.run(record.name, record.properties)])


def _environment(step: Step) -> str:
    return str(step.body.get("environment") or step.component.get("environment") or "")


def _command(record: Record, given: Json) -> CommandRun:
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
