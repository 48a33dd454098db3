"""Online deployments: their routes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from local.azureml.answers import Json, conflict, json_body, not_found, properties_of, user_error
from local.azureml.deployment_record import KIND, apply, check, instances, new_deployment, servers
from local.azureml.endpoints import BUSY, find

if TYPE_CHECKING:
    from local.azureml.deployment_lives import DeploymentLives
    from local.azureml.operations import Operations
    from local.azureml.references import References
    from local.azureml.store import Record, Store


class Deployments:
    """The deployments of the workspace's endpoints."""

    def __init__(
        self, *, store: Store, references: References, operations: Operations, lives: DeploymentLives
    ) -> None:
        self._store = store
        self._references = references
        self._operations = operations
        self._lives = lives

    def routes(self, workspace: str) -> list[web.RouteDef]:
        """Below the workspace's path."""
        deployments = f"{workspace}/onlineEndpoints/{{endpoint}}/deployments"
        deployment = f"{deployments}/{{name}}"
        return [
            web.get(deployments, self._list),
            web.get(deployment, self._get),
            web.put(deployment, self._put),
            web.patch(deployment, self._patch),
            web.delete(deployment, self._delete),
            web.post(f"{deployment}/getLogs", self._logs),
        ]

    def names(self, endpoint: str) -> list[str]:
        """The endpoint's deployments."""
        return [r.version for r in self._store.all(KIND, endpoint)]

    async def start(self) -> None:
        """Start again what was ready or on its way, and end what was being deleted."""
        await self._lives.recover()

    async def stop(self) -> None:
        """Stop what is under way; it goes on when the state is started again."""
        await self._lives.stop()

    async def remove_all(self, endpoint: str) -> None:
        """Delete the endpoint's deployments."""
        await self._lives.remove_all(endpoint)

    async def _list(self, request: web.Request) -> web.Response:
        endpoint = find(self._store, request)
        return web.json_response({"value": [r.body for r in self._store.all(KIND, endpoint.name)]})

    async def _get(self, request: web.Request) -> web.Response:
        return web.json_response(self._find(request).body)

    async def _put(self, request: web.Request) -> web.Response:
        endpoint = find(self._store, request)
        name = request.match_info["name"]
        body, properties = await properties_of(request)
        check(properties, self._references)
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
            record = existing or new_deployment(self._store.home, endpoint.name, name, wanted)
            operation = self._operations.begin("od", "Updating" if existing else "Creating")
            same = bool(existing) and servers(record.private.get("wanted", {})) == servers(wanted)
            ready = same and record.properties["provisioningState"] == "Succeeded"
            apply(record, wanted)
            record.private |= {"wanted": wanted, "operation": operation}
            record.properties["provisioningState"] = "Updating" if existing else "Creating"
            self._store.put(record)
            self._lives.begin(record, ready=ready)
        return web.json_response(
            record.body,
            status=200 if existing else 201,
            headers=self._operations.headers(request, operation, request.path),
        )

    async def _patch(self, request: web.Request) -> web.Response:
        """Another number of servers, or other tags: the rest stays."""
        record = self._find(request)
        body = await json_body(request)
        capacity = (body.get("sku") or {}).get("capacity", instances(record))
        if isinstance(capacity, bool) or not isinstance(capacity, int) or capacity < 1:
            raise user_error(f"sku.capacity must be 1 or more, not {capacity!r}.", "BadArgument")
        if record.properties["provisioningState"] != "Succeeded":
            raise conflict(
                f"The deployment {record.version} is {record.properties['provisioningState']}: "
                "try again later."
            )
        wanted: Json = record.private["wanted"]
        wanted["sku"] = {"name": "Default"} | (wanted.get("sku") or {}) | {"capacity": capacity}
        wanted["tags"] = (wanted.get("tags") or {}) | (body.get("tags") or {})
        operation = self._operations.begin("od", "Updating")
        apply(record, wanted)
        record.private |= {"wanted": wanted, "operation": operation}
        record.properties["provisioningState"] = "Updating"
        self._store.put(record)
        self._lives.begin(record, ready=True)
        return web.json_response(
            record.body, status=202, headers=self._operations.headers(request, operation)
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
        await self._lives.interrupt(record)
        operation = self._operations.begin("od", "Deleting")
        record.private["operation"] = operation
        record.properties["provisioningState"] = "Deleting"
        self._store.put(record)
        self._lives.begin_removal(record)
        return web.Response(status=202, headers=self._operations.headers(request, operation))

    async def _logs(self, request: web.Request) -> web.Response:
        record = self._find(request)
        tail = int((await json_body(request)).get("tail") or 500)
        lines = self._lives.logs(record).splitlines()
        return web.json_response({"content": "\n".join(lines[-tail:])})

    def _find(self, request: web.Request) -> Record:
        endpoint, name = request.match_info["endpoint"], request.match_info["name"]
        record = self._store.get(KIND, endpoint, name)
        if record is None:
            raise not_found("Deployment", f"Online deployment {name} of the endpoint {endpoint} not found.")
        return record
