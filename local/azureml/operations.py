"""Long-running operations: what 201 and 202 answers point at, and how far it got."""

from __future__ import annotations

import uuid

from aiohttp import web

from local.azureml.answers import Json, not_found, timestamp
from local.azureml.names import LOCATION, PROVIDER
from local.azureml.store import Record, Store

KIND = "operations"
SOON = {"x-ms-retry-after-ms": "200"}
"""Azure names no time and its clients then ask every 5 to 30 s; here operations are short."""
RUNNING = {"Creating", "Updating", "Deleting", "InProgress"}


class Operations:
    """Operations by id, kept in the store: one that was under way when the process ended can go on."""

    def __init__(self, store: Store) -> None:
        self._store = store
        home = store.home
        self._base = f"/subscriptions/{home.subscription}/providers/{PROVIDER}/locations/{LOCATION}"

    def routes(self) -> list[web.RouteDef]:
        """Where they are polled. An operation's id names the workspace, the path does not."""
        operation = f"{{id:[^/]*{self._store.home.guid}[^/]*}}"
        return [
            web.get(f"{self._base}/mfeOperationsStatus/{operation}", self._status),
            web.get(f"{self._base}/mfeOperationResults/{operation}", self._result),
        ]

    def begin(self, prefix: str, status: str, result: str = "") -> str:
        """Start one. `result` is the path of the resource that it makes. Returns its id."""
        operation = f"{prefix}:{self._store.home.guid}:{uuid.uuid4()}"
        body: Json = {
            "id": f"{self._base}/mfeOperationsStatus/{operation}",
            "name": operation,
            "startTime": timestamp(),
            "percentComplete": 0.0,
            "status": status,
        }
        self._store.put(Record(KIND, operation, "", body, {"result": result}))
        return operation

    def end(self, operation: str, error: Json | None = None) -> None:
        """It has succeeded, or failed with that error (`code`, `message`)."""
        record = self._store.get(KIND, operation)
        if record is None:
            return
        record.body |= {
            "status": "Failed" if error else "Succeeded",
            "percentComplete": 100.0,
            "endTime": timestamp(),
        }
        if error:
            record.body["error"] = error
        self._store.put(record)

    def headers(self, request: web.Request, operation: str, location: str = "") -> dict[str, str]:
        """The headers of the answer that starts it; `location` is a path, by default of its result."""
        query = f"?api-version={request.query.get('api-version', '')}"
        home = f"{request.scheme}://{request.host}"
        return {
            "Azure-AsyncOperation": f"{home}{self._base}/mfeOperationsStatus/{operation}{query}",
            "Location": f"{home}{location or f'{self._base}/mfeOperationResults/{operation}'}{query}",
            "x-ms-async-operation-timeout": "PT30M",
            **SOON,
        }

    async def _status(self, request: web.Request) -> web.Response:
        return web.json_response(self._find(request).body, headers=SOON)

    async def _result(self, request: web.Request) -> web.Response:
        record = self._find(request)
        if record.body["status"] in RUNNING:
            return web.Response(status=202, headers={"Location": str(request.url), **SOON})
        if error := record.body.get("error"):
            return web.json_response({"error": error}, status=400)
        return web.Response(status=200)

    def _find(self, request: web.Request) -> Record:
        record = self._store.get(KIND, request.match_info["id"])
        if record is None:
            raise not_found("Operation", f"Operation {request.match_info['id']} not found.")
        return record
