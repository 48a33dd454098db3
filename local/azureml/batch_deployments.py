"""Batch deployments: their routes. Nothing runs for one until a job is asked of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from local.azureml import batch_endpoints
from local.azureml.answers import Json, conflict, not_found, properties_of, system_data, user_error
from local.azureml.batch_settling import BUSY
from local.azureml.names import LOCATION, PROVIDER, TENANT, BadReference, Home
from local.azureml.store import Record
from local.azureml.workspace import COMPUTE

if TYPE_CHECKING:
    from local.azureml.batch_settling import Settling
    from local.azureml.operations import Operations
    from local.azureml.references import References
    from local.azureml.store import Store

KIND = "batchDeployments"
DEFAULTS: Json = {
    "description": None,
    "properties": {},
    "environmentVariables": {},
    "errorThreshold": -1,
    "retrySettings": {"maxRetries": 3, "timeout": "PT30S"},
    "miniBatchSize": 10,
    "loggingLevel": "Info",
    "maxConcurrencyPerInstance": 1,
    "outputAction": "AppendRow",
    "outputFileName": "predictions.csv",
    "resources": {"instanceCount": 1, "instanceType": None, "properties": {}},
}


class BatchDeployments:
    """The deployments of the workspace's batch endpoints."""

    def __init__(
        self, *, store: Store, references: References, operations: Operations, settling: Settling
    ) -> None:
        self._store = store
        self._references = references
        self._operations = operations
        self._settling = settling

    def routes(self, workspace: str) -> list[web.RouteDef]:
        """Below the workspace's path."""
        deployments = f"{workspace}/batchEndpoints/{{endpoint}}/deployments"
        deployment = f"{deployments}/{{name}}"
        return [
            web.get(deployments, self._list),
            web.get(deployment, self._get),
            web.put(deployment, self._put),
            web.delete(deployment, self._delete),
        ]

    def start(self) -> None:
        """End what was under way."""
        for record in self._store.all(KIND):
            if record.properties["provisioningState"] in BUSY:
                self._settle(record)

    def names(self, endpoint: str) -> list[str]:
        """The endpoint's deployments."""
        return [record.version for record in self._store.all(KIND, endpoint)]

    def remove_all(self, endpoint: str) -> None:
        """Delete the endpoint's deployments."""
        for record in self._store.all(KIND, endpoint):
            self._store.delete(KIND, endpoint, record.version)

    async def _list(self, request: web.Request) -> web.Response:
        endpoint = batch_endpoints.find(self._store, request)
        return web.json_response({"value": [one.body for one in self._store.all(KIND, endpoint.name)]})

    async def _get(self, request: web.Request) -> web.Response:
        endpoint, name = request.match_info["endpoint"], request.match_info["name"]
        record = self._store.get(KIND, endpoint, name)
        if record is None:
            raise not_found("Deployment", f"Batch deployment {name} of the endpoint {endpoint} not found.")
        return web.json_response(record.body)

    async def _put(self, request: web.Request) -> web.Response:
        endpoint, name = batch_endpoints.find(self._store, request), request.match_info["name"]
        body, properties = await properties_of(request)
        given = {key: value for key, value in properties.items() if value is not None}
        self._check(given)
        existing = self._store.get(KIND, endpoint.name, name)
        if existing and existing.properties["provisioningState"] in BUSY:
            raise conflict(f"The deployment {name} is {existing.properties['provisioningState']}.")
        record = existing or _new(self._store.home, endpoint.name, name, body)
        state = "Updating" if existing else "Creating"
        record.body["tags"] = body.get("tags") or {}
        record.body["properties"] = DEFAULTS | given | {"provisioningState": state}
        record.properties["resources"] = DEFAULTS["resources"] | (given.get("resources") or {})
        record.private["operation"] = self._operations.begin("bd", state)
        self._store.put(record)
        self._settle(record)
        headers = self._operations.headers(request, record.private["operation"], request.path)
        return web.json_response(record.body, status=200 if existing else 201, headers=headers)

    def _check(self, properties: Json) -> None:
        """Refuse what cannot run here, or names what is not there."""
        compute = str(properties.get("compute") or "").removeprefix("azureml:").rsplit("/", 1)[-1]
        if compute != COMPUTE:
            raise user_error(
                f"Compute {compute} not found: the one there is is named {COMPUTE}.", "BadArgument"
            )
        code = properties.get("codeConfiguration") or {}
        if not code.get("scoringScript") or properties.get("deploymentConfiguration"):
            raise user_error(
                "Batch deployments of a model with a scoringScript run here, no others.", "BadArgument"
            )
        try:
            self._references.find(str((properties.get("model") or {}).get("assetId") or ""), "models")
            self._references.find(str(properties.get("environmentId") or ""), "environments")
            self._references.place(str(code.get("codeId") or ""), "codes")
        except BadReference as err:
            raise user_error(str(err), "BadArgument") from err

    async def _delete(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        endpoint = self._store.get(batch_endpoints.KIND, request.match_info["endpoint"])
        record = self._store.get(KIND, request.match_info["endpoint"], name)
        if endpoint is None or record is None:
            return web.Response(status=204)
        if endpoint.properties["defaults"]["deploymentName"] == name:
            raise user_error(
                f"The deployment {name} is the endpoint's default: choose another before.", "BadArgument"
            )
        record.private["operation"] = self._operations.begin("bd", "Deleting")
        record.properties["provisioningState"] = "Deleting"
        self._store.put(record)
        self._settle(record)
        headers = self._operations.headers(request, record.private["operation"])
        return web.Response(status=202, headers=headers)

    def _settle(self, record: Record) -> None:
        self._settling.later(lambda: self._settled(record.name, record.version))

    def _settled(self, endpoint: str, name: str) -> None:
        record = self._store.get(KIND, endpoint, name)
        if record is None:
            return
        if record.properties["provisioningState"] == "Deleting":
            self._store.delete(KIND, endpoint, name)
        else:
            record.properties["provisioningState"] = "Succeeded"
            self._store.put(record)
        self._operations.end(record.private["operation"])


def _new(home: Home, endpoint: str, name: str, body: Json) -> Record:
    return Record(KIND, endpoint, name, {
        "id": f"{home.id}/batchEndpoints/{endpoint}/deployments/{name}",
        "name": name,
        "type": f"{PROVIDER}/workspaces/batchEndpoints/deployments",
        "location": body.get("location") or LOCATION,
        "identity": {"type": "SystemAssigned", "principalId": home.guid, "tenantId": TENANT},
        "systemData": system_data(),
        "properties": {},
    })  # fmt: skip
