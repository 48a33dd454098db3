"""Jobs: the routes of command and pipeline jobs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from aiohttp import web

from local.azureml.answers import Json, not_found, properties_of, user_error
from local.azureml.durations import BadDuration
from local.azureml.job_lives import ENDED, JobLives
from local.azureml.job_record import KIND, MUTABLE, command_of, environment_of, new_job
from local.azureml.names import BadReference
from local.azureml.pipeline import BadPipeline, plan

if TYPE_CHECKING:
    from local.azureml.operations import Operations
    from local.azureml.references import References
    from local.azureml.runner import Runner
    from local.azureml.store import Record, Store


class Jobs:
    """The jobs of the workspace. A job's name is its identity: a second job under it is refused."""

    def __init__(
        self, *, store: Store, references: References, operations: Operations, runner: Runner, lives: JobLives
    ) -> None:
        self._store = store
        self._references = references
        self._operations = operations
        self._runner = runner
        self._lives = lives
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
            web.get(f"{self._store.home.front}/runs/{{name}}", self._page),
        ]

    async def start(self, url: str) -> None:
        """Answer with this address; jobs that ran when the process ended have failed."""
        self._url = url
        await self._lives.recover()

    async def stop(self) -> None:
        """End every process."""
        await self._lives.stop()

    async def _put(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        _, properties = await properties_of(request)
        if existing := self._store.get(KIND, name):
            return self._update(existing, properties)
        record = new_job(self._store.home, name, properties, self._url)
        begin = self._planned(record, properties)
        self._store.put(record)
        begin()
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
        task = self._lives.task(record)
        if task is None or record.properties["status"] in ENDED:
            return web.Response(status=200)
        operation = self._operations.begin("cancel", "InProgress")
        await self._lives.cancel(record, task, lambda: self._operations.end(operation))
        return web.Response(status=202, headers=self._operations.headers(request, operation))

    async def _delete(self, request: web.Request) -> web.Response:
        record = self._store.get(KIND, request.match_info["name"])
        if record is None:
            return web.Response(status=204)
        if task := self._lives.task(record):
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

    def _planned(self, record: Record, given: Json) -> Callable[[], None]:
        """How to begin the job, once everything it names is known to exist."""
        if given["jobType"] == "Pipeline":
            try:
                steps = plan(given, self._component)
                for step in steps.values():
                    self._references.find(environment_of(step), "environments")
            except (BadPipeline, BadReference) as err:
                raise user_error(str(err), "BadArgument") from err
            return lambda: self._lives.begin_pipeline(record, steps, self._url)
        try:
            self._references.find(str(given["environmentId"]), "environments")
            if code := given.get("codeId"):
                self._references.find(str(code), "codes")
            run = command_of(record, given)
        except (BadReference, BadDuration) as err:
            raise user_error(str(err), "BadArgument") from err
        return lambda: self._lives.begin_command(record, run)

    def _component(self, reference: str) -> Json:
        spec: Json = self._references.find(reference, "components").properties["componentSpec"]
        return spec
