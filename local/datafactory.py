"""Data Factory: pipelines and datasets by its ARM API, and runs that copy blobs for real.

Of the activities there are `Copy` (between datasets of type Binary in Blob Storage), `Wait` and `Fail`;
another one is refused when its pipeline is written. A run takes its activities in the order in which they
stand.
"""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aiohttp import web

from local.azureml.answers import ArmError, Json
from local.azureml.names import GROUP_ID, Place

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.azureml.blobs import Blobs

FACTORY = f"{GROUP_ID}/providers/Microsoft.DataFactory/factories/{{factory}}"
ACTIVITIES = ("Copy", "Wait", "Fail")
ENDED = frozenset({"Succeeded", "Failed", "Cancelled"})
_OPERANDS: dict[str, Callable[[Run], str]] = {
    "PipelineName": lambda run: run.pipeline,
    "Status": lambda run: run.status,
    "RunStart": lambda run: _time(run.started),
    "RunEnd": lambda run: _time(run.ended) if run.ended else "",
    "RunGroupId": lambda run: run.id,
}


class ActivityFailed(Exception):  # noqa: N818 - it is the status that follows
    """An activity did not succeed."""


@dataclass
class Run:
    """One run of a pipeline."""

    id: str
    factory: str
    pipeline: str
    parameters: dict[str, Any]
    status: str = "Queued"
    message: str = ""
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    updated: datetime = field(default_factory=lambda: datetime.now(UTC))
    ended: datetime | None = None

    def body(self) -> Json:
        """As Data Factory answers."""
        end = self.ended
        return {
            "id": f"{FACTORY.format(factory=self.factory)}/pipelineruns/{self.id}",
            "runId": self.id,
            "runGroupId": self.id,
            "isLatest": True,
            "pipelineName": self.pipeline,
            "parameters": {name: str(value) for name, value in self.parameters.items()},
            "runDimensions": {},
            "invokedBy": {"id": self.id, "name": "Manual", "invokedByType": "Manual"},
            "lastUpdated": _time(self.updated),
            "runStart": _time(self.started),
            "runEnd": _time(end) if end else None,
            "durationInMs": int((end - self.started).total_seconds() * 1000) if end else None,
            "status": self.status,
            "message": self.message,
        }


class DataFactory:
    """The factories of the resource group: each is there as soon as something is put into it."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._things: dict[tuple[str, str, str], Json] = {}
        self._runs: dict[str, Run] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def routes(self) -> list[web.RouteDef]:
        """Below the resource group."""
        kind = f"{FACTORY}/{{kind:pipelines|datasets}}/{{name}}"
        return [
            web.put(kind, self._put),
            web.get(kind, self._get),
            web.post(f"{FACTORY}/pipelines/{{name}}/createRun", self._create_run),
            web.post(f"{FACTORY}/queryPipelineRuns", self._query),
            web.get(f"{FACTORY}/pipelineruns/{{run}}", self._get_run),
            web.post(f"{FACTORY}/pipelineruns/{{run}}/cancel", self._cancel),
        ]

    async def stop(self) -> None:
        """End every run."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _put(self, request: web.Request) -> web.Response:
        factory, kind, name = (request.match_info[part] for part in ("factory", "kind", "name"))
        body = await request.json()
        properties = body.get("properties")
        if not isinstance(properties, dict):
            raise _bad("BadRequest", "The document creation or update failed because of invalid reference.")
        if kind == "pipelines":
            self._check(properties)
        made = {
            "id": f"{FACTORY.format(factory=factory)}/{kind}/{name}",
            "name": name,
            "type": f"Microsoft.DataFactory/factories/{kind}",
            "etag": uuid.uuid4().hex,
            "properties": properties,
        }
        self._things[factory, kind, name] = made
        return web.json_response(made)

    def _check(self, properties: Json) -> None:
        for activity in properties.get("activities") or ():
            kind = activity.get("type")
            if not activity.get("name") or kind not in ACTIVITIES:
                raise _bad(
                    "BadRequest",
                    f"Activity {activity.get('name')!r} is of type {kind}: here are {', '.join(ACTIVITIES)}",
                )

    async def _get(self, request: web.Request) -> web.Response:
        factory, kind, name = (request.match_info[part] for part in ("factory", "kind", "name"))
        return web.json_response(self._find(factory, kind, name))

    def _find(self, factory: str, kind: str, name: str) -> Json:
        found = self._things.get((factory, kind, name))
        if found is None:
            what = "pipeline" if kind == "pipelines" else "dataset"
            raise ArmError(404, f"{what.capitalize()}NotFound", f"The {what} {name} was not found.")
        return found

    async def _create_run(self, request: web.Request) -> web.Response:
        factory, name = request.match_info["factory"], request.match_info["name"]
        properties = self._find(factory, "pipelines", name)["properties"]
        given = await request.json() if request.can_read_body else {}
        declared: Json = properties.get("parameters") or {}
        if unknown := sorted(set(given) - set(declared)):
            raise _bad("BadRequest", f"The pipeline {name} has no parameter {', '.join(unknown)}")
        values = {
            parameter: given.get(parameter, spec.get("defaultValue")) for parameter, spec in declared.items()
        }
        if missing := sorted(parameter for parameter, value in values.items() if value is None):
            raise _bad("BadRequest", f"Parameter {', '.join(missing)} of the pipeline {name} has no value")
        run = Run(id=str(uuid.uuid4()), factory=factory, pipeline=name, parameters=values)
        self._runs[run.id] = run
        self._tasks[run.id] = asyncio.create_task(self._live(run, properties.get("activities") or ()))
        return web.json_response({"runId": run.id})

    async def _live(self, run: Run, activities: Any) -> None:
        _set(run, "InProgress")
        try:
            for activity in activities:
                await self._act(run, activity)
        except asyncio.CancelledError:
            _set(run, "Cancelled")
            raise
        except ActivityFailed as err:
            _set(run, "Failed", str(err))
        except Exception as err:  # noqa: BLE001 - whatever happens, the run says so
            _set(run, "Failed", f"{type(err).__name__}: {err}")
        else:
            _set(run, "Succeeded")

    async def _act(self, run: Run, activity: Json) -> None:
        details: Json = activity.get("typeProperties") or {}
        match activity["type"]:
            case "Wait":
                await asyncio.sleep(float(details["waitTimeInSeconds"]))
            case "Fail":
                raise ActivityFailed(
                    f"Operation on target {activity['name']} failed: {details.get('message', '')}"
                )
            case "Copy":
                [source], [sink] = activity["inputs"], activity["outputs"]
                await self._blobs.copy(
                    self._place(run.factory, source["referenceName"]),
                    self._place(run.factory, sink["referenceName"]),
                )

    def _place(self, factory: str, dataset: str) -> Place:
        properties = self._find(factory, "datasets", dataset)["properties"]
        where: Json = (properties.get("typeProperties") or {}).get("location") or {}
        if properties.get("type") != "Binary" or where.get("type") != "AzureBlobStorageLocation":
            raise ActivityFailed(f"dataset {dataset}: only Binary in AzureBlobStorageLocation is copied here")
        folder = str(where.get("folderPath") or "").strip("/")
        path = f"{folder}/{where.get('fileName') or ''}" if folder else str(where.get("fileName") or "")
        return Place(str(where["container"]), path)

    async def _query(self, request: web.Request) -> web.Response:
        body = await request.json()
        try:
            after, before = (
                datetime.fromisoformat(body[key]) for key in ("lastUpdatedAfter", "lastUpdatedBefore")
            )
        except (KeyError, ValueError, TypeError) as err:
            raise _bad("BadRequest", "lastUpdatedAfter and lastUpdatedBefore must be times") from err
        filters = [_filter(one) for one in body.get("filters") or ()]
        found = [
            run
            for run in self._runs.values()
            if run.factory == request.match_info["factory"]
            and after <= run.updated <= before
            and all(fits(run) for fits in filters)
        ]
        return web.json_response({"value": [run.body() for run in found]})

    async def _get_run(self, request: web.Request) -> web.Response:
        return web.json_response(self._run(request).body())

    async def _cancel(self, request: web.Request) -> web.Response:
        run = self._run(request)
        if run.status not in ENDED:
            _set(run, "Canceling")
            self._tasks[run.id].cancel()
        return web.Response(status=200)

    def _run(self, request: web.Request) -> Run:
        run = self._runs.get(request.match_info["run"])
        if run is None or run.factory != request.match_info["factory"]:
            raise ArmError(
                404, "PipelineRunNotFound", f"The pipeline run {request.match_info['run']} was not found."
            )
        return run


def _filter(query: Json) -> Callable[[Run], bool]:
    operand, operator, values = query.get("operand"), query.get("operator"), query.get("values")
    if operand not in _OPERANDS or operator not in {"Equals", "NotEquals", "In", "NotIn"} or not values:
        raise _bad("BadRequest", f"The filter {operand} {operator} {values} is not valid")
    value = _OPERANDS[operand]
    return lambda run: (value(run) in values) == (operator in {"Equals", "In"})


def _set(run: Run, status: str, message: str = "") -> None:
    run.status, run.message, run.updated = status, message, datetime.now(UTC)
    run.ended = run.updated if status in ENDED else None


def _bad(code: str, message: str) -> ArmError:
    return ArmError(400, code, message)


def _time(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
