"""Batch endpoints: their routes, and the default deployment."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from aiohttp import web

from local.azureml.answers import Json, conflict, not_found, properties_of, system_data, user_error
from local.azureml.batch_settling import BUSY
from local.azureml.names import LOCATION, PROVIDER, TENANT
from local.azureml.store import Record

if TYPE_CHECKING:
    from local.azureml.batch_deployments import BatchDeployments
    from local.azureml.batch_settling import Settling
    from local.azureml.operations import Operations
    from local.azureml.store import Store

KIND = "batchEndpoints"


class BatchEndpoints:
    """The batch endpoints of the workspace."""

    def __init__(
        self, *, store: Store, operations: Operations, deployments: BatchDeployments, settling: Settling
    ) -> None:
        self._store = store
        self._operations = operations
        self._deployments = deployments
        self._settling = settling
        self._url = ""

    def routes(self, workspace: str) -> list[web.RouteDef]:
        """Below the workspace's path."""
        endpoint = f"{workspace}/{KIND}/{{endpoint}}"
        return [
            web.get(f"{workspace}/{KIND}", self._list),
            web.get(endpoint, self._get),
            web.put(endpoint, self._put),
            web.delete(endpoint, self._delete),
            web.post(f"{endpoint}/listkeys", self._keys),
        ]

    def start(self, url: str) -> None:
        """Answer with this address, and end what was under way."""
        self._url = url
        for record in self._store.all(KIND):
            record.properties["scoringUri"] = self._scoring(record.name)
            self._store.put(record)
            if record.properties["provisioningState"] in BUSY:
                self._settle(record)

    async def _list(self, _request: web.Request) -> web.Response:
        return web.json_response({"value": [record.body for record in self._store.all(KIND)]})

    async def _get(self, request: web.Request) -> web.Response:
        return web.json_response(find(self._store, request).body)

    async def _put(self, request: web.Request) -> web.Response:
        name = request.match_info["endpoint"]
        body, properties = await properties_of(request)
        if str(properties.get("authMode") or "AADToken").lower() != "aadtoken":
            raise user_error(
                f"authMode {properties['authMode']}: batch endpoints are opened by AADToken.", "BadArgument"
            )
        if self._store.get("onlineEndpoints", name):
            raise conflict(f"An online endpoint is named {name}.")
        default = (properties.get("defaults") or {}).get("deploymentName")
        if default and default not in self._deployments.names(name):
            raise user_error(f"The endpoint {name} has no deployment {default}.", "BadArgument")
        wanted: Json = {"default": default, "tags": body.get("tags") or {}}
        existing = self._store.get(KIND, name)
        under_way = existing is not None and existing.properties["provisioningState"] in BUSY
        if existing and under_way:
            if existing.private["wanted"] != wanted:
                raise conflict(f"The endpoint {name} is {existing.properties['provisioningState']}.")
            record = existing
        else:
            record = existing or self._new(name, body)
            state = "Updating" if existing else "Creating"
            record.private = {"wanted": wanted, "operation": self._operations.begin("be", state)}
            record.properties["description"] = properties.get("description")
            record.properties["properties"] |= properties.get("properties") or {}
            record.properties["provisioningState"] = state
            self._store.put(record)
            self._settle(record)
        headers = self._operations.headers(request, record.private["operation"], request.path)
        return web.json_response(record.body, status=200 if existing else 201, headers=headers)

    async def _delete(self, request: web.Request) -> web.Response:
        record = self._store.get(KIND, request.match_info["endpoint"])
        if record is None:
            return web.Response(status=204)
        record.private["operation"] = self._operations.begin("be", "Deleting")
        record.properties["provisioningState"] = "Deleting"
        self._store.put(record)
        self._settle(record)
        headers = self._operations.headers(request, record.private["operation"])
        return web.Response(status=202, headers=headers)

    async def _keys(self, request: web.Request) -> web.Response:
        find(self._store, request)
        key = secrets.token_urlsafe(24)  # they open nothing: batch endpoints take tokens
        return web.json_response({"primaryKey": key, "secondaryKey": key})

    def _settle(self, record: Record) -> None:
        self._settling.later(lambda: self._settled(record.name))

    def _settled(self, name: str) -> None:
        record = self._store.get(KIND, name)
        if record is None:
            return
        if record.properties["provisioningState"] == "Deleting":
            self._deployments.remove_all(name)
            self._store.delete(KIND, name)
        else:
            wanted = record.private["wanted"]
            default = wanted["default"] if wanted["default"] in self._deployments.names(name) else None
            record.properties["defaults"] = {"deploymentName": default}
            record.properties["provisioningState"] = "Succeeded"
            record.body["tags"] = wanted["tags"]
            self._store.put(record)
        self._operations.end(record.private["operation"])

    def _scoring(self, name: str) -> str:
        return f"{self._url}/{KIND}/{name}/jobs"

    def _new(self, name: str, body: Json) -> Record:
        properties: Json = {
            "description": None,
            "properties": {"BatchEndpointCreationApiVersion": "2023-10-01"},
            "authMode": "AADToken",
            "scoringUri": self._scoring(name),
            "swaggerUri": None,
            "defaults": {"deploymentName": None},
            "provisioningState": "Creating",
        }
        return Record(KIND, name, "", {
            "id": f"{self._store.home.id}/{KIND}/{name}",
            "name": name,
            "type": f"{PROVIDER}/workspaces/{KIND}",
            "location": body.get("location") or LOCATION,
            "tags": body.get("tags") or {},
            "identity": {"type": "SystemAssigned", "principalId": self._store.home.guid, "tenantId": TENANT},
            "systemData": system_data(),
            "properties": properties,
        })  # fmt: skip


def find(store: Store, request: web.Request) -> Record:
    """The endpoint that the path names.

    Raises:
        ArmError: there is none.
    """
    name = request.match_info["endpoint"]
    record = store.get(KIND, name)
    if record is None:
        raise not_found("Endpoint", f"Batch endpoint {name} not found.")
    return record
