"""Online endpoints: their routes, keys and traffic."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from aiohttp import web

from local.azureml import traffic
from local.azureml.answers import Json, conflict, json_body, not_found, properties_of, system_data, user_error
from local.azureml.names import LOCATION, PROVIDER, TENANT, Home
from local.azureml.store import Record

if TYPE_CHECKING:
    from local.azureml.deployments import Deployments
    from local.azureml.operations import Operations
    from local.azureml.store import Store
    from local.serving import Serving

KIND = "onlineEndpoints"
BUSY = {"Creating", "Updating", "Deleting"}


class Endpoints:
    """The online endpoints of the workspace."""

    def __init__(
        self,
        *,
        store: Store,
        operations: Operations,
        serving: Serving,
        deployments: Deployments,
        seconds: float,
    ) -> None:
        self._store = store
        self._operations = operations
        self._serving = serving
        self._deployments = deployments
        self._seconds = seconds
        self._tasks: set[asyncio.Task[None]] = set()

    def routes(self, workspace: str) -> list[web.RouteDef]:
        """Below the workspace's path."""
        endpoints = f"{workspace}/{KIND}"
        endpoint = f"{endpoints}/{{endpoint}}"
        return [
            web.get(endpoints, self._list),
            web.get(endpoint, self._get),
            web.put(endpoint, self._put),
            web.delete(endpoint, self._delete),
            web.post(f"{endpoint}/listKeys", self._keys),
            web.post(f"{endpoint}/regenerateKeys", self._new_key),
        ]

    async def start(self) -> None:
        """Serve the endpoints that there are, and end what was under way."""
        for record in self._store.all(KIND):
            if record.properties["provisioningState"] in BUSY:
                self._spawn(self._settle(record))
            elif record.properties["provisioningState"] == "Succeeded":
                self._serve(record)

    async def stop(self) -> None:
        """Stop what is under way; it goes on when the state is started again."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _list(self, _request: web.Request) -> web.Response:
        return web.json_response({"value": [r.body for r in self._store.all(KIND)]})

    async def _get(self, request: web.Request) -> web.Response:
        return web.json_response(find(self._store, request).body)

    async def _put(self, request: web.Request) -> web.Response:
        name = request.match_info["endpoint"]
        body, properties = await properties_of(request)
        if properties.get("authMode", "Key") != "Key":
            raise user_error(
                f"authMode {properties['authMode']}: endpoints here are opened by Key.", "BadArgument"
            )
        if self._store.get("batchEndpoints", name):
            raise conflict(f"A batch endpoint is named {name}.")
        existing = self._store.get(KIND, name)
        deployments = self._deployments.names(name)
        mirror = properties.get("mirrorTraffic") or {}
        try:
            traffic.check(properties.get("traffic") or {}, mirror, deployments)
            if any(mirror.values()) and (properties.get("compute") or _compute(existing)):
                raise traffic.BadTraffic("mirrorTraffic: Kubernetes endpoints mirror no traffic.")
        except traffic.BadTraffic as err:
            raise user_error(str(err), "BadArgument", "InvalidTraffic") from err
        wanted = {**body, "properties": properties}
        if (
            existing
            and existing.properties["provisioningState"] in BUSY
            and existing.private["wanted"] != wanted
        ):
            raise conflict(
                f"The endpoint {name} is {existing.properties['provisioningState']}: try again later."
            )
        if existing and existing.properties["provisioningState"] in BUSY:
            record, operation = existing, existing.private["operation"]
        else:
            record = existing or _new(self._store.home, name, body)
            operation = self._operations.begin("oe", "Updating" if existing else "Creating")
            record.private |= {"wanted": wanted, "operation": operation}
            record.properties["provisioningState"] = "Updating" if existing else "Creating"
            headers = self._operations.headers(request, operation)
            record.properties["properties"]["AzureAsyncOperationUri"] = headers["Azure-AsyncOperation"]
            self._store.put(record)
            self._spawn(self._settle(record))
        return web.json_response(
            record.body,
            status=200 if existing else 201,
            headers=self._operations.headers(request, operation, request.path),
        )

    async def _settle(self, record: Record) -> None:
        """Bring about what was asked for, after the time that it takes."""
        await asyncio.sleep(self._seconds)
        if record.properties["provisioningState"] == "Deleting":
            await self._remove(record)
            return
        wanted = record.private["wanted"]
        asked: Json = {key: value for key, value in wanted["properties"].items() if value is not None}
        asked["properties"] = record.properties["properties"] | (asked.get("properties") or {})
        for what in ("traffic", "mirrorTraffic"):  # a deployment may have gone meanwhile
            known = self._deployments.names(record.name)
            asked[what] = {name: share for name, share in (asked.get(what) or {}).items() if name in known}
        asked.pop("keys", None)
        record.properties.update(asked)
        record.body["tags"] = wanted.get("tags") or {}
        record.properties["provisioningState"] = "Succeeded"
        self._serve(record)
        self._store.put(record)
        self._operations.end(record.private["operation"])

    def _serve(self, record: Record) -> None:
        primary, secondary = record.private["keys"]
        self._serving.set_endpoint(
            record.name,
            keys=(primary, secondary),
            traffic=dict(record.properties["traffic"]),
            mirror=dict(record.properties["mirrorTraffic"]),
        )
        url = self._serving.scoring_url(record.name)
        record.properties["scoringUri"] = url
        record.properties["swaggerUri"] = url.removesuffix("/score") + "/swagger.json"
        self._store.put(record)

    async def _delete(self, request: web.Request) -> web.Response:
        record = self._store.get(KIND, request.match_info["endpoint"])
        if record is None:
            return web.Response(status=204)
        operation = self._operations.begin("oe", "Deleting")
        record.private["operation"] = operation
        record.properties["provisioningState"] = "Deleting"
        self._store.put(record)
        self._spawn(self._settle(record))
        return web.Response(status=202, headers=self._operations.headers(request, operation))

    async def _remove(self, record: Record) -> None:
        await self._deployments.remove_all(record.name)
        self._serving.remove_endpoint(record.name)
        self._store.delete(KIND, record.name)
        self._operations.end(record.private["operation"])

    async def _keys(self, request: web.Request) -> web.Response:
        primary, secondary = find(self._store, request).private["keys"]
        return web.json_response({"primaryKey": primary, "secondaryKey": secondary})

    async def _new_key(self, request: web.Request) -> web.Response:
        record = find(self._store, request)
        body = await json_body(request)
        which = {"primary": 0, "secondary": 1}.get(str(body.get("keyType", "")).lower())
        if which is None:
            raise user_error("keyType must be Primary or Secondary.", "BadArgument")
        given = body.get("keyValue")  # the SDK sends the key that is to be replaced
        old = record.private["keys"][which]
        record.private["keys"][which] = str(given) if given and given != old else secrets.token_urlsafe(24)
        self._store.put(record)
        self._serve(record)
        return web.Response(status=200)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def find(store: Store, request: web.Request) -> Record:
    """The endpoint that the path names.

    Raises:
        ArmError: there is none.
    """
    name = request.match_info["endpoint"]
    record = store.get(KIND, name)
    if record is None:
        raise not_found("Endpoint", f"Online endpoint {name} not found.")
    return record


def _compute(record: Record | None) -> str | None:
    """The cluster of a Kubernetes endpoint."""
    compute: str | None = record.properties.get("compute") if record else None
    return compute


def _new(home: Home, name: str, body: Json) -> Record:
    return Record(
        KIND,
        name,
        "",
        {
            "id": f"{home.id}/{KIND}/{name}",
            "name": name,
            "type": f"{PROVIDER}/workspaces/{KIND}",
            "location": body.get("location") or LOCATION,
            "kind": "K8S" if body["properties"].get("compute") else "Managed",
            "tags": body.get("tags") or {},
            "identity": {"type": "SystemAssigned", "principalId": home.guid, "tenantId": TENANT},
            "systemData": system_data(),
            "properties": {
                "description": body["properties"].get("description"),
                "properties": {"azureml.onlineendpointid": f"{home.id}/{KIND}/{name}"},
                "scoringUri": None,
                "swaggerUri": None,
                "authMode": "Key",
                "provisioningState": "Creating",
                "compute": None,
                "traffic": {},
                "mirrorTraffic": {},
                "publicNetworkAccess": "Enabled",
            },
        },
        {"keys": [secrets.token_urlsafe(24), secrets.token_urlsafe(24)]},
    )
