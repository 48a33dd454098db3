"""Versioned assets: data, environments, codes, components and models, with their containers."""

from __future__ import annotations

import json
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from aiohttp import web

from local.azureml import events
from local.azureml.answers import (
    Json,
    json_body,
    not_found,
    properties_of,
    system_data,
    timestamp,
    user_error,
)
from local.azureml.names import PROVIDER, BadReference
from local.azureml.store import Record

if TYPE_CHECKING:
    from collections.abc import Iterable

    from local.azureml.blobs import Blobs
    from local.azureml.references import References
    from local.azureml.store import Store

MUTABLE = {
    "description",
    "tags",
    "properties",
    "isArchived",
    "stage",
    "autoDeleteSetting",
    "provisioningState",
}
DEFAULT_VERSION = "azureml_default"
"""The version that the SDK asks for when a component's is not given: the newest."""
UPLOAD_TIME = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of asset: its word in the path, its name in errors, what a body must have, and defaults."""

    path: str
    name: str
    required: tuple[str, ...] = ()
    defaults: Json = field(default_factory=dict)


KINDS = (
    Kind("data", "DataVersion", ("dataType", "dataUri")),
    Kind("environments", "Environment", (), {"environmentType": "UserCreated", "osType": "Linux"}),
    Kind("codes", "Code", ("codeUri",), {"provisioningState": "Succeeded"}),
    Kind("components", "Component", ("componentSpec",), {"provisioningState": "Succeeded"}),
    Kind(
        "models",
        "Model",
        ("modelUri",),
        {"flavors": {}, "jobName": None, "stage": "Development", "provisioningState": "Succeeded"},
    ),
)

Publish = Callable[[str, list[Json]], Awaitable[None]]


class Assets:
    """The routes of one kind."""

    def __init__(
        self, kind: Kind, *, store: Store, references: References, blobs: Blobs, publish: Publish
    ) -> None:
        self._kind = kind
        self._store = store
        self._references = references
        self._blobs = blobs
        self._publish = publish

    def routes(self, workspace: str) -> list[web.RouteDef]:
        """Containers and versions, below the workspace's path."""
        containers = f"{workspace}/{self._kind.path}"
        container = f"{containers}/{{name}}"
        version = f"{container}/versions/{{version}}"
        routes = [
            web.get(containers, self._list_containers),
            web.get(container, self._get_container),
            web.put(container, self._put_container),
            web.delete(container, self._delete_container),
            web.get(f"{container}/versions", self._list),
            web.get(version, self._get),
            web.put(version, self._put),
            web.delete(version, self._delete),
        ]
        if self._kind.path == "codes":
            routes.append(web.post(f"{version}/startPendingUpload", self._start_upload))
        return routes

    async def _put(self, request: web.Request) -> web.Response:
        name, version = request.match_info["name"], request.match_info["version"]
        body, properties = await properties_of(request)
        if missing := [key for key in self._kind.required if not properties.get(key)]:
            raise user_error(
                f"{self._kind.name} {name}:{version}: {', '.join(missing)} must be given.", "BadArgument"
            )
        properties = {key: value for key, value in properties.items() if value is not None}
        for words in {"tags", "properties"} & properties.keys():
            properties[words] = {key: _text(value) for key, value in properties[words].items()}
        if self._kind.path == "models":
            properties["modelUri"] = self._model_uri(str(properties["modelUri"]))
        if existing := self._store.get(self._kind.path, name, version):
            return self._update(existing, properties)
        common: Json = {
            "description": None,
            "tags": {},
            "properties": {},
            "isArchived": False,
            "isAnonymous": False,
        }
        record = Record(
            self._kind.path,
            name,
            version,
            {
                "id": f"{self._store.home.id}/{self._kind.path}/{name}/versions/{version}",
                "name": version,
                "type": f"{PROVIDER}/workspaces/{self._kind.path}/versions",
                "properties": common | self._kind.defaults | properties,
                "systemData": system_data(),
            },
            {"request": properties},
        )
        if self._store.get(self._kind.path, name) is None:
            self._store.put(self._new_container(name, body.get("tags") or {}))
        self._store.put(record)
        if self._kind.path == "models":
            home = self._store.home
            await self._publish(home.topic, [events.model_registered(home, name, version, record.properties)])
        return web.json_response(record.body, status=201)

    def _model_uri(self, uri: str) -> str:
        try:
            return self._store.home.long_uri(self._references.uri(uri, "models"))
        except BadReference as err:
            raise user_error(f"modelUri: {err}", "BadArgument") from err

    def _update(self, existing: Record, properties: Json) -> web.Response:
        before = existing.private["request"]
        changed = sorted(
            key
            for key in (before.keys() | properties.keys()) - MUTABLE
            if key in properties and before.get(key, existing.properties.get(key)) != properties[key]
        )
        if changed:
            raise user_error(
                f"{self._kind.name} {existing.name}:{existing.version} exists, and its {', '.join(changed)} "
                "cannot be updated. Register a new version.",
                "Immutable",
                f"{self._kind.name}PropertyImmutable",
            )
        existing.properties.update({key: properties[key] for key in MUTABLE & properties.keys()})
        existing.body["systemData"]["lastModifiedAt"] = timestamp()
        self._store.put(existing)
        return web.json_response(existing.body)

    async def _get(self, request: web.Request) -> web.Response:
        return web.json_response(self._version(request).body)

    async def _delete(self, request: web.Request) -> web.Response:
        record = self._store.get(self._kind.path, request.match_info["name"], request.match_info["version"])
        if record is None:
            return web.Response(status=204)
        self._store.delete(record.kind, record.name, record.version)
        return web.Response(status=200)

    async def _list(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        by_hash = self._kind.path == "codes" and "hash" in request.query
        # The SDK asks under a name that it has just made up: code is found by its hash, whatever its name.
        records = self._store.all(self._kind.path, None if by_hash else name)
        if not records and not by_hash:
            raise self._no_container(name)
        found = [r for r in records if r.version and _asked_for(r, request)]
        if "desc" in request.query.get("$orderBy", "createdtime desc"):
            found.reverse()
        return web.json_response({"value": [r.body for r in _top(found, request)]})

    async def _list_containers(self, request: web.Request) -> web.Response:
        containers = [self._described(r) for r in self._store.all(self._kind.path) if not r.version]
        found = [r for r in containers if _in_view(r, request)]
        return web.json_response({"value": [r.body for r in _top(found, request)]})

    async def _get_container(self, request: web.Request) -> web.Response:
        return web.json_response(self._described(self._container(request.match_info["name"])).body)

    async def _put_container(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        _, properties = await properties_of(request)
        existing = self._store.get(self._kind.path, name)
        record = existing or self._new_container(name, {})
        record.properties.update({k: v for k, v in properties.items() if v is not None})
        self._store.put(record)
        return web.json_response(self._described(record).body, status=200 if existing else 201)

    async def _delete_container(self, request: web.Request) -> web.Response:
        records = self._store.all(self._kind.path, request.match_info["name"])
        for record in records:
            self._store.delete(record.kind, record.name, record.version)
        return web.Response(status=200 if records else 204)

    async def _start_upload(self, request: web.Request) -> web.Response:
        """A container of its own, and a SAS with which the client uploads into it."""
        asked = (await json_body(request)).get("pendingUploadType", "TemporaryBlobReference")
        if asked != "TemporaryBlobReference":
            raise user_error(f"pendingUploadType {asked} is not understood.", "BadArgument")
        pending = str(uuid.uuid4())
        uri, sas = await self._blobs.open_container(f"code-{pending}", datetime.now(UTC) + UPLOAD_TIME)
        account = f"{self._store.home.group_id}/providers/Microsoft.Storage/storageAccounts"
        return web.json_response({
            "pendingUploadId": pending,
            "pendingUploadType": asked,
            "blobReferenceForConsumption": {
                "blobUri": uri,
                "storageAccountArmId": f"{account}/{self._blobs.account.name}",
                "credential": {"credentialType": "SAS", "sasUri": sas},
            },
        })  # fmt: skip

    def _new_container(self, name: str, tags: Json) -> Record:
        return Record(
            self._kind.path,
            name,
            "",
            {
                "id": f"{self._store.home.id}/{self._kind.path}/{name}",
                "name": name,
                "type": f"{PROVIDER}/workspaces/{self._kind.path}",
                "properties": {"description": None, "tags": tags, "properties": {}, "isArchived": False},
                "systemData": system_data(),
            },
        )

    def _described(self, container: Record) -> Record:
        """With what its versions say of it."""
        versions = [r for r in self._store.all(self._kind.path, container.name) if r.version]
        numbers = [int(r.version) for r in versions if r.version.isdecimal()]
        container.properties["latestVersion"] = versions[-1].version if versions else None
        container.properties["nextVersion"] = str(max(numbers, default=0) + 1)
        if self._kind.path == "data":
            newest = versions[-1].properties["dataType"] if versions else "uri_folder"
            container.properties.setdefault("dataType", newest)
        return container

    def _version(self, request: web.Request) -> Record:
        name, version = request.match_info["name"], request.match_info["version"]
        if version == DEFAULT_VERSION:
            record = next((r for r in reversed(self._store.all(self._kind.path, name)) if r.version), None)
        else:
            record = self._store.get(self._kind.path, name, version)
        if record is None:
            raise not_found(self._kind.name, f"{self._kind.name} {name}:{version} not found.")
        return record

    def _container(self, name: str) -> Record:
        record = self._store.get(self._kind.path, name)
        if record is None:
            raise self._no_container(name)
        return record

    def _no_container(self, name: str) -> Exception:
        return not_found(self._kind.name, f"{self._kind.name} container with name: {name} not found.")


def _text(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)


def _in_view(record: Record, request: web.Request) -> bool:
    view = request.query.get("listViewType", request.query.get("list_view_type", "ActiveOnly"))
    archived = bool(record.properties.get("isArchived"))
    return view == "All" or archived == (view == "ArchivedOnly")


def _asked_for(record: Record, request: web.Request) -> bool:
    properties = record.properties
    for key in ("hash", "stage"):
        if wanted := request.query.get(key):
            has = properties["properties"].get("hash_sha256") if key == "hash" else properties.get(key)
            if has != wanted:
                return False
    for wanted in filter(None, request.query.get("tags", "").split(",")):
        key, _, value = wanted.partition("=")
        if key not in properties["tags"] or (value and str(properties["tags"][key]) != value):
            return False
    return _in_view(record, request)


def _top(records: list[Record], request: web.Request) -> Iterable[Record]:
    top = request.query.get("$top", "")
    return records[: int(top)] if top.isdecimal() else records
