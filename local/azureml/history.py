"""Run history: the service beside ARM that the SDK asks for a pipeline's children and tells of changed tags.

Its address is the `history` of the workspace's discovery URL.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from aiohttp import web

from local.azureml.answers import Json, json_body, not_found
from local.azureml.events import experiment_id

if TYPE_CHECKING:
    from local.azureml.names import Home
    from local.azureml.store import Record, Store

KIND = "jobs"


class History:
    """Jobs as run history shows them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def routes(self, workspace: str) -> list[web.RouteDef]:
        """Below the workspace's path, behind `/history/v1.0`."""
        run = f"/history/v1.0{workspace}/runs/{{name}}"
        return [
            web.get(run, self._get),
            web.get(f"{run}/details", self._details),
            web.get(f"{run}/children", self._children),
            web.patch(f"/history/v1.0{workspace}/experiments/{{experiment}}/runs/{{name}}", self._change),
        ]

    async def _get(self, request: web.Request) -> web.Response:
        return web.json_response(_run(self._store.home, self._find(request)))

    async def _details(self, request: web.Request) -> web.Response:
        run = _run(self._store.home, self._find(request))
        log = f"{request.scheme}://{request.host}/runs/{run['runId']}"
        return web.json_response(run | {"logFiles": {"user_logs/std_log.txt": log}, "warnings": []})

    async def _children(self, request: web.Request) -> web.Response:
        parent = self._find(request)
        found = [r for r in self._store.all(KIND) if r.properties.get("parentJobName") == parent.name]
        return web.json_response({"value": [_run(self._store.home, r) for r in found]})

    async def _change(self, request: web.Request) -> web.Response:
        record = self._find(request)
        body = await json_body(request)
        for key in ("tags", "properties"):
            record.properties[key] = (record.properties.get(key) or {}) | (body.get(key) or {})
        for key in _given(("displayName", "description"), body):
            record.properties[key] = body[key]
        self._store.put(record)
        return web.json_response(_run(self._store.home, record))

    def _find(self, request: web.Request) -> Record:
        record = self._store.get(KIND, request.match_info["name"])
        if record is None:
            raise not_found("Run", f"Run {request.match_info['name']} not found.")
        return record


def _given(keys: Iterable[str], body: Json) -> list[str]:
    return [key for key in keys if body.get(key) is not None]


def _run(home: Home, record: Record) -> Json:
    properties = record.properties
    own = properties["properties"]
    run: Json = {
        "runId": record.name,
        "rootRunId": own.get("azureml.rootpipelinerunid", record.name),
        "parentRunId": properties.get("parentJobName"),
        "experimentId": experiment_id(home, str(properties["experimentName"])),
        "displayName": properties.get("displayName"),
        "description": properties.get("description"),
        "status": properties["status"],
        "createdUtc": record.body["systemData"]["createdAt"],
        "startTimeUtc": own.get("StartTimeUtc"),
        "endTimeUtc": own.get("EndTimeUtc"),
        "runType": "azureml.PipelineRun" if properties["jobType"] == "Pipeline" else "azureml.StepRun",
        "tags": properties.get("tags") or {},
        "properties": own,
    }
    if message := own.get("azureml.error.message"):
        run["error"] = {"error": {"code": own["azureml.error.code"], "message": message}}
    return run
