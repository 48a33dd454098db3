"""The server: types, entities and lineage below `/datamap/api/atlas/v2`, as Purview's Data Map has them."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

from aiohttp import web

from local.azureml.names import Home
from local.azureml.store import Record, Store
from local.purview import bodies
from local.purview.entities import Entities
from local.purview.errors import AtlasError, Json, atlas, bad_parameters
from local.purview.lineage import lineage
from local.purview.types import Types

if TYPE_CHECKING:
    from pathlib import Path

API = "/datamap/api/atlas/v2"
TYPES = "types"
UNIQUE = "attr:qualifiedName"


class Purview:
    """One account's Data Map.

    Args:
        state: folder of everything that must last.
        port: of the loopback interface; 0 is any.
    """

    def __init__(self, *, state: Path, port: int = 0) -> None:
        self._file = state / "purview.db"
        self._port = port
        self._runner: web.AppRunner | None = None
        self._store: Store
        self._types: Types
        self._entities: Entities

    async def start(self) -> str:
        """Listen; the account's address."""
        self._store = Store(self._file, Home())
        self._types = Types({record.name: record.body for record in self._store.all(TYPES)})
        self._entities = Entities(self._store, self._types)
        app = web.Application(middlewares=[atlas], client_max_size=16 << 20)
        app.add_routes(self._routes())
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}"

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner:
            await self._runner.cleanup()
            self._runner = None
            self._store.close()

    def _routes(self) -> list[web.RouteDef]:
        return [
            web.get(f"{API}/types/{{kind:entitydef|typedef}}/name/{{name}}", self._get_type),
            web.get(f"{API}/types/typedefs", self._list_types),
            web.post(f"{API}/types/typedefs", self._create_types),
            web.put(f"{API}/types/typedefs", self._update_types),
            web.post(f"{API}/entity/bulk", self._write),
            web.delete(f"{API}/entity/bulk", self._delete),
            web.get(f"{API}/entity/guid/{{guid}}", self._get),
            web.get(f"{API}/entity/uniqueAttribute/type/{{type}}", self._get_named),
            web.get(f"{API}/lineage/uniqueAttribute/type/{{type}}", self._lineage_named),
            web.get(f"{API}/lineage/{{guid}}", self._lineage),
        ]

    async def _get_type(self, request: web.Request) -> web.Response:
        return _answer("AtlasEntityDef", self._types.found(request.match_info["name"]))

    async def _list_types(self, request: web.Request) -> web.Response:
        wanted = request.query.get("type", "entity").lower() in {"entity", ""}
        return _answer("AtlasTypesDef", {"entityDefs": list(self._types.all()) if wanted else []})

    async def _create_types(self, request: web.Request) -> web.Response:
        made = [_whole(one) for one in (await _body(request, "AtlasTypesDef")).get("entityDefs") or ()]
        tried = Types(dict(self._types.own))
        for one in made:
            tried.check_new(one)
            tried.own[one["name"]] = one  # the next one may derive from it
        return self._kept(made)

    async def _update_types(self, request: web.Request) -> web.Response:
        made = [_whole(one) for one in (await _body(request, "AtlasTypesDef")).get("entityDefs") or ()]
        for one in made:
            self._types.check_update(one)
        return self._kept(made)

    def _kept(self, made: list[Json]) -> web.Response:
        for one in made:
            before = self._store.get(TYPES, one["name"])
            one |= {
                "guid": before.body["guid"] if before else str(uuid.uuid4()),
                "version": before.body["version"] + 1 if before else 1,
                "lastModifiedTS": "1",
            }
            self._types.own[one["name"]] = one
            self._store.put(Record(TYPES, one["name"], "", one))
        return _answer("AtlasTypesDef", {"entityDefs": made})

    async def _write(self, request: web.Request) -> web.Response:
        body = await _body(request, "AtlasEntitiesWithExtInfo")
        referred = list((body.get("referredEntities") or {}).values())
        entities = [*referred, *(body.get("entities") or ())]
        return _answer("EntityMutationResult", self._entities.write(entities))

    async def _delete(self, request: web.Request) -> web.Response:
        gone = [self._entities.delete(guid) for guid in request.query.getall("guid", [])]
        headers = [one for one in gone if one]
        return _answer("EntityMutationResult", {"mutatedEntities": {"DELETE": headers} if headers else {}})

    async def _get(self, request: web.Request) -> web.Response:
        entity = self._entities.get(request.match_info["guid"])
        return _answer("AtlasEntityWithExtInfo", {"referredEntities": {}, "entity": entity})

    async def _get_named(self, request: web.Request) -> web.Response:
        return _answer("AtlasEntityWithExtInfo", {"referredEntities": {}, "entity": self._named(request)})

    async def _lineage(self, request: web.Request) -> web.Response:
        return _answer("AtlasLineageInfo", lineage(self._entities, request.match_info["guid"], request.query))

    async def _lineage_named(self, request: web.Request) -> web.Response:
        guid = self._named(request)["guid"]
        return _answer("AtlasLineageInfo", lineage(self._entities, guid, request.query))

    def _named(self, request: web.Request) -> Json:
        kind, name = request.match_info["type"], request.query.get(UNIQUE)
        if name is None:
            asked = ", ".join(request.query) or "nothing"
            raise AtlasError("400-00-013", f"Type {kind} with unique attribute {asked} does not exist")
        return self._entities.named(kind, name)


def _whole(made: Json) -> Json:
    return {
        **made,
        "category": "ENTITY",
        "superTypes": made.get("superTypes") or [],
        "attributeDefs": made.get("attributeDefs") or [],
    }


async def _body(request: web.Request, definition: str) -> Json:
    try:
        body = json.loads(await request.text())
    except ValueError as err:
        raise bad_parameters(f"the body is not JSON: {err}") from err
    bodies.check(definition, body)
    found: Json = body
    return found


def _answer(definition: str, body: Any) -> web.Response:
    """An answer, which holds what is published: else it is a bug of ours, and a 500."""
    try:
        bodies.check(definition, body)
    except AtlasError as err:
        raise AssertionError(f"{definition}: {err}") from err
    return web.json_response(body)
