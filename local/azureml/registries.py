"""Registries: models that workspaces share. The data plane that azure-ai-ml talks to, found by discovery.

A version comes by import from a workspace: its files are copied to the registry's container, and read by SAS.
Tags stay behind: nothing promises that Azure takes them along.
"""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from aiohttp import web

from local.azureml.answers import Json, json_body, not_found, properties_of, system_data, user_error
from local.azureml.blobs import NothingThere
from local.azureml.names import LOCATION, PROVIDER, TENANT, BadReference, Home, Place
from local.azureml.operations import Operations
from local.azureml.store import Record, Store

if TYPE_CHECKING:
    from pathlib import Path

    from local.azureml.blobs import Blobs
    from local.azureml.rooms import Room

FRONT = "/mferp/managementfrontend"
SAS_TIME = timedelta(hours=1)
_SOURCE = re.compile(
    r"azureml://locations/[^/]+/workspaces/(?P<guid>[^/]+)/models/(?P<name>[^/]+)/versions/(?P<version>[^/]+)$"
)
COPIED = ("description", "properties", "flavors", "modelType", "stage")


class Registry:
    """One registry: its versions of models, and the files that they consist of."""

    def __init__(self, *, name: str, state: Path, blobs: Blobs, rooms: Sequence[Room]) -> None:
        """`rooms`: the workspaces that versions are imported from."""
        self.name = name
        self._state = state
        self._blobs = blobs
        self._rooms = rooms
        self._home = Home(f"registry-{name}", group="registries")
        self._container = f"registry-{name}"
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Make what is not there."""
        self._store = Store(self._state / "registries" / f"{self.name}.sqlite", self._home)
        self._operations = Operations(self._store)
        await self._blobs.ensure_container(self._container)

    async def stop(self) -> None:
        """End imports that are under way: who asks again begins them again."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def close(self) -> None:
        """Close the records."""
        self._store.close()

    def routes(self) -> list[web.RouteDef]:
        """Discovery, and the registry's own paths."""
        registry = f"{FRONT}{self._home.group_id}/providers/{PROVIDER}/registries/{self.name}"
        version = f"{registry}/models/{{name}}/versions/{{version}}"
        return [
            web.get(f"/registrymanagement/v1.0/registries/{self.name}/discovery", self._discovery),
            web.get(f"{registry}/models", self._models),
            web.get(f"{registry}/models/{{name}}", self._model),
            web.get(f"{registry}/models/{{name}}/versions", self._versions),
            web.get(version, self._get),
            web.put(version, self._put),
            web.post(f"{registry}/import", self._import),
            web.put(f"{registry}/tempdatarefs/{{name}}/versions/{{version}}", self._place),
            web.post(f"{registry}/datarefs/{{name}}/versions/{{version}}", self._reference),
            *self._operations.routes(),
        ]

    async def _discovery(self, request: web.Request) -> web.Response:
        return web.json_response({
            "registryName": self.name,
            "tenantId": TENANT,
            "primaryRegion": LOCATION,
            "regions": [LOCATION],
            "subscriptionId": self._home.subscription,
            "resourceGroup": self._home.group,
            "workspaceName": self._home.workspace,
            "primaryRegionResourceProviderUri": f"{request.scheme}://{request.host}/",
        })  # fmt: skip

    async def _models(self, _request: web.Request) -> web.Response:
        names = dict.fromkeys(record.name for record in self._store.all("models"))
        return web.json_response({"value": [self._described(name) for name in names]})

    async def _model(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if not self._store.all("models", name):
            raise not_found("Model", f"Model container with name: {name} not found.")
        return web.json_response(self._described(name))

    def _described(self, name: str) -> Json:
        versions = self._store.all("models", name)
        return {
            "id": f"azureml://registries/{self.name}/models/{name}",
            "name": name,
            "type": "Microsoft.MachineLearningServices/registries/models",
            "properties": {
                "description": None, "tags": {}, "properties": {}, "isArchived": False,
                "latestVersion": versions[-1].version,
            },
            "systemData": versions[0].body["systemData"],
        }  # fmt: skip

    async def _versions(self, request: web.Request) -> web.Response:
        every = request.query.get("listViewType") == "All"
        records = self._store.all("models", request.match_info["name"])
        found = [one for one in records if every or not one.properties["isArchived"]]
        if "desc" in request.query.get("$orderBy", "createdtime desc"):
            found.reverse()
        top = request.query.get("$top", "")
        return web.json_response(
            {"value": [one.body for one in found[: int(top) if top.isdecimal() else None]]}
        )

    async def _get(self, request: web.Request) -> web.Response:
        return web.json_response(self._find(request).body)

    async def _put(self, request: web.Request) -> web.Response:
        """Of a version that is there only what describes it can change."""
        record = self._find(request)
        _, properties = await properties_of(request)
        for key in {"description", "tags", "properties", "isArchived"} & properties.keys():
            record.properties[key] = properties[key]
        self._store.put(record)
        return web.json_response(record.body)

    async def _place(self, request: web.Request) -> web.Response:
        """Where files of a new version would go: versions come by import alone."""
        record = self._find(request)
        raise user_error(f"Model {record.name}:{record.version} exists, and its files with it.", status=409)

    async def _import(self, request: web.Request) -> web.Response:
        _, asked = await properties_of(request)
        source = _SOURCE.match(str(asked.get("sourceAssetId")))
        room = next((one for one in self._rooms if source and one.home.guid == source["guid"]), None)
        if source is None or room is None:
            raise user_error(
                f"sourceAssetId {asked.get('sourceAssetId')} names no workspace here.", "BadArgument"
            )
        try:
            record, place = room.model(source["name"], source["version"])
        except BadReference as err:
            raise not_found("Model", str(err)) from err
        name = str(asked.get("destinationName") or record.name)
        version = str(asked.get("destinationVersion") or record.version)
        if self._store.get("models", name, version):
            raise user_error(f"Model {name}:{version} exists in registry {self.name}.", status=409)
        operation = self._operations.begin("import", "InProgress")
        task = asyncio.create_task(self._copy(record, place, name, version, operation))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return web.Response(status=202, headers=self._operations.headers(request, operation))

    async def _copy(self, record: Record, place: Place, name: str, version: str, operation: str) -> None:
        folder = f"{uuid.uuid4()}/"
        source = Place(place.container, f"{place.path.rstrip('/')}/")
        try:
            await self._blobs.copy(source, Place(self._container, folder))
        except NothingThere as err:
            self._operations.end(
                operation, {"code": "UserError", "message": f"The model has no files: {err}"}
            )
            return
        copied = {key: record.properties[key] for key in COPIED if key in record.properties}
        if self._store.get("models", name, version) is None:  # who came first stays
            self._store.put(Record("models", name, version, {
                "id": f"azureml://registries/{self.name}/models/{name}/versions/{version}",
                "name": version,
                "type": "Microsoft.MachineLearningServices/registries/models/versions",
                "properties": {
                    "tags": {},
                    **copied,
                    "isArchived": False,
                    "isAnonymous": False,
                    "jobName": None,
                    "provisioningState": "Succeeded",
                    "modelUri": f"https://{self._account}.blob.core.windows.net/{self._container}/{folder}",
                },
                "systemData": system_data(),
            }))  # fmt: skip
        self._operations.end(operation)

    async def _reference(self, request: web.Request) -> web.Response:
        """A SAS for the files of a version, of which the client knows the path from the version's URI."""
        record, asked = self._find(request), await json_body(request)
        if asked.get("blobUri") != record.properties["modelUri"]:
            raise user_error(
                f"blobUri {asked.get('blobUri')} is not of {record.name}:{record.version}.", "BadArgument"
            )
        uri, sas = await self._blobs.open_container(self._container, datetime.now(UTC) + SAS_TIME)
        accounts = f"{self._home.group_id}/providers/Microsoft.Storage/storageAccounts"
        return web.json_response({
            "blobReferenceForConsumption": {
                "blobUri": uri,
                "storageAccountArmId": f"{accounts}/{self._account}",
                "credential": {"credentialType": "SAS", "sasUri": sas},
            },
        })  # fmt: skip

    @property
    def _account(self) -> str:
        return self.name.replace("-", "")[:24]

    def _find(self, request: web.Request) -> Record:
        name, version = request.match_info["name"], request.match_info["version"]
        record = self._store.get("models", name, version)
        if record is None:
            raise not_found("Model", f"Model {name}:{version} not found in registry {self.name}.")
        return record
