"""Online deployments: from a model, code and an environment to servers that answer."""

from __future__ import annotations

import asyncio
import shutil
import uuid
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any

from aiohttp import web

from local.azureml import events
from local.azureml.answers import Json, conflict, json_body, not_found, properties_of, system_data, user_error
from local.azureml.blobs import NothingThere
from local.azureml.durations import BadDuration, seconds
from local.azureml.endpoints import BUSY, find
from local.azureml.names import LOCATION, PROVIDER, TENANT, WORKSPACE_GUID, WORKSPACE_ID, BadReference
from local.azureml.run import JobFailed
from local.azureml.store import Record
from local.serving import DeploymentFailed, DeploymentSpec

if TYPE_CHECKING:
    from pathlib import Path

    from local.azureml.blobs import Blobs
    from local.azureml.operations import Operations
    from local.azureml.references import References
    from local.azureml.runner import EnvironmentBuilder
    from local.azureml.store import Store
    from local.serving import Serving

KIND = "onlineDeployments"
COMPUTES = {"Managed", "Kubernetes"}
DESCRIBING = {"description", "properties"}
"""What can change without new servers."""

Key = tuple[str, str]


class Deployments:
    """The deployments of the workspace's endpoints."""

    def __init__(
        self,
        *,
        store: Store,
        blobs: Blobs,
        references: References,
        operations: Operations,
        publish: Callable[[str, list[Json]], Awaitable[None]],
        builder: EnvironmentBuilder,
        serving: Serving,
        folder: Path,
        seconds: float,
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._references = references
        self._operations = operations
        self._publish = publish
        self._builder = builder
        self._serving = serving
        self._folder = folder.absolute()
        self._seconds = seconds
        self._tasks: dict[Key, asyncio.Task[None]] = {}

    def routes(self, workspace: str) -> list[web.RouteDef]:
        """Below the workspace's path."""
        deployments = f"{workspace}/onlineEndpoints/{{endpoint}}/deployments"
        deployment = f"{deployments}/{{name}}"
        return [
            web.get(deployments, self._list),
            web.get(deployment, self._get),
            web.put(deployment, self._put),
            web.delete(deployment, self._delete),
            web.post(f"{deployment}/getLogs", self._logs),
        ]

    def names(self, endpoint: str) -> list[str]:
        """The endpoint's deployments."""
        return [r.version for r in self._store.all(KIND, endpoint)]

    async def start(self) -> None:
        """Start again what was ready or on its way, and end what was being deleted."""
        for record in self._store.all(KIND):
            state = record.properties["provisioningState"]
            if state == "Deleting":
                self._spawn(record, self._remove(record))
            elif state != "Failed":
                if state == "Succeeded":
                    record.properties["provisioningState"] = "Updating"
                    self._store.put(record)
                self._spawn(record, self._bring_up(record, again=state == "Succeeded"))

    async def stop(self) -> None:
        """Stop what is under way; it goes on when the state is started again."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def remove_all(self, endpoint: str) -> None:
        """Delete the endpoint's deployments."""
        for record in self._store.all(KIND, endpoint):
            await self._interrupt(record)
            await self._remove(record)

    # Routes

    async def _list(self, request: web.Request) -> web.Response:
        endpoint = find(self._store, request)
        return web.json_response({"value": [r.body for r in self._store.all(KIND, endpoint.name)]})

    async def _get(self, request: web.Request) -> web.Response:
        return web.json_response(self._find(request).body)

    async def _put(self, request: web.Request) -> web.Response:
        endpoint = find(self._store, request)
        name = request.match_info["name"]
        body, properties = await properties_of(request)
        self._check(properties)
        for how in ((properties.get("dataCollector") or {}).get("collections") or {}).values():
            # The SDK writes `enabled`, the specification `Enabled`.
            how["dataCollectionMode"] = str(how.get("dataCollectionMode") or "Disabled").capitalize()
        wanted: Json = {**body, "properties": {k: v for k, v in properties.items() if v is not None}}
        existing = self._store.get(KIND, endpoint.name, name)
        if existing and existing.properties["provisioningState"] in BUSY:
            if existing.private["wanted"] != wanted:
                raise conflict(
                    f"The deployment {name} is {existing.properties['provisioningState']}: try again later."
                )
            record, operation = existing, existing.private["operation"]
        else:
            record = existing or self._new(endpoint.name, name, wanted)
            operation = self._operations.begin("od", "Updating" if existing else "Creating")
            same = bool(existing) and _servers(record.private.get("wanted", {})) == _servers(wanted)
            ready = same and record.properties["provisioningState"] == "Succeeded"
            self._apply(record, wanted)
            record.private |= {"wanted": wanted, "operation": operation}
            record.properties["provisioningState"] = "Updating" if existing else "Creating"
            self._store.put(record)
            self._spawn(record, self._described(record) if ready else self._bring_up(record))
        return web.json_response(
            record.body,
            status=200 if existing else 201,
            headers=self._operations.headers(request, operation, request.path),
        )

    async def _delete(self, request: web.Request) -> web.Response:
        endpoint = self._store.get("onlineEndpoints", request.match_info["endpoint"])
        name = request.match_info["name"]
        record = self._store.get(KIND, request.match_info["endpoint"], name)
        if endpoint is None or record is None:
            return web.Response(status=204)
        if share := endpoint.properties["traffic"].get(name):
            raise user_error(
                f"The deployment {name} has {share} % of the endpoint's traffic: set that to 0 before.",
                "BadArgument",
                "DeploymentHasTraffic",
            )
        await self._interrupt(record)
        operation = self._operations.begin("od", "Deleting")
        record.private["operation"] = operation
        record.properties["provisioningState"] = "Deleting"
        self._store.put(record)
        self._spawn(record, self._remove(record))
        return web.Response(status=202, headers=self._operations.headers(request, operation))

    async def _logs(self, request: web.Request) -> web.Response:
        record = self._find(request)
        tail = int((await json_body(request)).get("tail") or 500)
        build = self._place(record) / "build.log"
        built = build.read_text(encoding="utf-8", errors="replace") if build.exists() else ""
        lines = (built + self._serving.logs(record.name, record.version)).splitlines()
        return web.json_response({"content": "\n".join(lines[-tail:])})

    def _find(self, request: web.Request) -> Record:
        endpoint, name = request.match_info["endpoint"], request.match_info["name"]
        record = self._store.get(KIND, endpoint, name)
        if record is None:
            raise not_found("Deployment", f"Online deployment {name} of the endpoint {endpoint} not found.")
        return record

    # What a deployment is

    def _check(self, properties: Json) -> None:
        compute = properties.get("endpointComputeType")
        if compute not in COMPUTES:
            raise user_error(
                f"endpointComputeType {compute}: {' and '.join(sorted(COMPUTES))} run here.", "BadArgument"
            )
        if not (properties.get("codeConfiguration") or {}).get("scoringScript"):
            raise user_error("codeConfiguration with a scoringScript must be given.", "BadArgument")
        try:
            for key, kind in (("model", "models"), ("environmentId", "environments")):
                self._references.find(str(properties.get(key) or ""), kind)
            self._references.place(str(properties["codeConfiguration"].get("codeId") or ""), "codes")
            _timeout_ms(properties)
        except (BadReference, BadDuration) as err:
            raise user_error(str(err), "BadArgument") from err

    def _new(self, endpoint: str, name: str, wanted: Json) -> Record:
        return Record(KIND, endpoint, name, {
            "id": f"{WORKSPACE_ID}/onlineEndpoints/{endpoint}/deployments/{name}",
            "name": name,
            "type": f"{PROVIDER}/workspaces/onlineEndpoints/deployments",
            "location": wanted.get("location") or LOCATION,
            "kind": wanted["properties"]["endpointComputeType"],
            "identity": {"type": "SystemAssigned", "principalId": WORKSPACE_GUID, "tenantId": TENANT},
            "systemData": system_data(),
            "properties": {},
        })  # fmt: skip

    def _apply(self, record: Record, wanted: Json) -> None:
        record.body["tags"] = wanted.get("tags") or {}
        record.body["sku"] = {"name": "Default", "capacity": 1} | (wanted.get("sku") or {})
        record.body["properties"] = {
            "description": None,
            "properties": {},
            "environmentVariables": {},
            "scaleSettings": {"scaleType": "Default"},
            "appInsightsEnabled": False,
            "egressPublicNetworkAccess": "Enabled",
        } | wanted["properties"]

    # How it comes and goes

    async def _bring_up(self, record: Record, *, again: bool = False) -> None:
        """Start the servers. `again`: they were ready before this process started."""
        error: Json | None = None
        try:
            await asyncio.gather(self._serve(record), asyncio.sleep(0 if again else self._seconds))
        except (JobFailed, BadReference, NothingThere, DeploymentFailed, OSError) as err:
            error = {
                "code": "ResourceNotReady" if isinstance(err, DeploymentFailed) else "UserError",
                "message": str(err),
            }
        record.properties["provisioningState"] = "Failed" if error else "Succeeded"
        self._store.put(record)
        self._operations.end(record.private["operation"], error)
        if not error and not again:
            model = self._references.find(str(record.properties["model"]), "models")
            deployed = events.model_deployed(
                record.name,
                f"{model.name}:{model.version}",
                {"deployment": record.version} | record.body["tags"],
                record.properties["properties"],
            )
            await self._publish("azureml", [deployed])

    async def _described(self, record: Record) -> None:
        await asyncio.sleep(self._seconds)
        record.properties["provisioningState"] = "Succeeded"
        self._store.put(record)
        self._operations.end(record.private["operation"])

    async def _serve(self, record: Record) -> None:
        properties = record.properties
        model = self._references.find(str(properties["model"]), "models")
        code = properties["codeConfiguration"]
        place = self._place(record)
        version = place / uuid.uuid4().hex[:8]  # the servers that run go on reading their own
        version.mkdir(parents=True)
        model_uri = self._references.place(str(model.properties["modelUri"]), "models")
        try:
            async with asyncio.TaskGroup() as group:
                python = group.create_task(
                    self._builder.python(str(properties["environmentId"]), place / "build.log")
                )
                fetched = group.create_task(self._blobs.download(model_uri, version / "model"))
                group.create_task(
                    self._blobs.download_folder(
                        self._references.place(str(code["codeId"]), "codes"), version / "code", writable=True
                    )
                )
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from errors
        collections = (properties.get("dataCollector") or {}).get("collections") or {}
        await self._serving.create(
            DeploymentSpec(
                endpoint=record.name,
                name=record.version,
                model_name=model.name,
                model_version=model.version,
                model_dir=fetched.result(),
                code_dir=version / "code",
                scoring_script=str(code["scoringScript"]),
                python=python.result(),
                environment_variables={k: str(v) for k, v in properties["environmentVariables"].items()},
                collections=tuple(
                    name
                    for name, how in collections.items()
                    if (how or {}).get("dataCollectionMode") == "Enabled"
                ),
                instance_count=int(record.body["sku"].get("capacity") or 1),
                **_timeout_ms(properties),
            )
        )
        for old in place.iterdir():
            if old.is_dir() and old != version:
                shutil.rmtree(old, ignore_errors=True)

    async def _remove(self, record: Record) -> None:
        await asyncio.gather(self._serving.delete(record.name, record.version), asyncio.sleep(self._seconds))
        self._forget_traffic(record)
        self._store.delete(KIND, record.name, record.version)
        shutil.rmtree(self._place(record), ignore_errors=True)
        self._operations.end(record.private["operation"])

    def _forget_traffic(self, record: Record) -> None:
        endpoint = self._store.get("onlineEndpoints", record.name)
        if endpoint is None:
            return
        for what in ("traffic", "mirrorTraffic"):
            endpoint.properties[what].pop(record.version, None)
        self._store.put(endpoint)

    async def _interrupt(self, record: Record) -> None:
        """Stop what is under way with it: whoever waits for that hears that it failed."""
        if task := self._tasks.get((record.name, record.version)):
            task.cancel()
            await asyncio.wait([task])
            self._operations.end(
                record.private["operation"],
                {"code": "OperationCanceled", "message": "The deployment is deleted."},
            )

    def _place(self, record: Record) -> Path:
        return self._folder / record.name / record.version

    def _spawn(self, record: Record, work: Coroutine[Any, Any, None]) -> None:
        key = record.name, record.version
        task = asyncio.create_task(work, name=f"deployment {'/'.join(key)}")
        self._tasks[key] = task

        def ended(task: asyncio.Task[None]) -> None:
            if self._tasks.get(key) is task:
                del self._tasks[key]

        task.add_done_callback(ended)


def _servers(wanted: Json) -> Json:
    """What the servers are made from."""
    properties = {k: v for k, v in (wanted.get("properties") or {}).items() if k not in DESCRIBING}
    return {"properties": properties, "sku": wanted.get("sku")}


def _timeout_ms(properties: Json) -> dict[str, int]:
    limit = (properties.get("requestSettings") or {}).get("requestTimeout")
    return {"request_timeout_ms": round(seconds(limit) * 1000)} if limit else {}
