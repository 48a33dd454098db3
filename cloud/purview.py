"""Lineage in Microsoft Purview: our types, once, and the entities, by the Data Map's Atlas API.

An entity is found by its type and qualified name, so a request that comes again changes nothing. Atlas takes
a request whole or not at all; one that is refused is cut in halves until what is wrong with it stands alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from cloud.credentials import allow_loopback_http, credential
from cloud.errors import NotFound, translated
from cloud.mlclient import AGENT
from control.errors import HomeostatError, Refused, Unavailable
from control.lineage_types import TYPES, AttributeType, LineageType

if TYPE_CHECKING:
    from azure.purview.datamap import DataMapClient

    from cloud.settings import Settings
    from control.lineage import Entity, Ref, Value

MOST = 50
"""Entities in one request."""
SERVICE = "Homeostat"
PATIENCE: dict[str, Any] = {"retry_total": 0, "connection_timeout": 10, "read_timeout": 60}
"""Nothing waits for lineage: the next look tries again."""
NO_ENTRY = frozenset({401, 403})
NO_TYPE = "ATLAS-400-00-014"
"""Somebody took our types out."""
REMEDY = "make the app's identity a Data Curator of the collection (docs/lineage.md)"
WAYS = {
    "data": "data",
    "job": "jobs",
    "version": "versions",
    "release": "releases",
    "deployment": "deployments",
}


class PurviewLineage:
    """The data map of one Purview account."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._typed = False
        """Whether our types were seen there."""

    @property
    def account(self) -> str:
        """Its host, or its address on this machine."""
        url = self._settings.purview_url or ""
        return url.removeprefix("https://").lower()

    def put(self, model: str, entities: Sequence[Entity]) -> Sequence[tuple[str, str]]:
        """Create the model's entities, or change them; those that are refused for what they are, and why.

        Raises:
            Unavailable: Purview cannot be reached.
            Refused: it takes nothing from this app as things stand.
        """
        refused: list[tuple[str, str]] = []
        with self._client() as client:
            self._ensure_types(client)
            # Data sets before processes, and in requests of their own: what is referred to is there.
            for base in ("DataSet", "Process"):
                some = [one for one in entities if TYPES[one.ref.kind].base == base]
                for first in range(0, len(some), MOST):
                    refused += self._write(client, model, some[first : first + MOST])
        return refused

    def _write(
        self, client: DataMapClient, model: str, entities: Sequence[Entity]
    ) -> Iterator[tuple[str, str]]:
        body = {"entities": [self._body(model, one) for one in entities]}
        try:
            with _asking(f"writing {len(entities)} entities of {model} to Purview"):
                client.entity.batch_create_or_update(body)
        except Refused as err:
            if _status(err) in NO_ENTRY:
                raise Refused(f"{err}; {REMEDY}") from err
            if NO_TYPE in str(err):
                self._typed = False
                raise Unavailable(f"{err}: they are made again at the next try") from err
            if len(entities) == 1:
                (one,) = entities
                yield self._name(model, one.ref), str(err)
                return
            half = len(entities) // 2
            yield from self._write(client, model, entities[:half])
            yield from self._write(client, model, entities[half:])

    def _ensure_types(self, client: DataMapClient) -> None:
        """Create our types, or give those of an older Homeostat what they lack.

        Raises:
            Refused: one is there that cannot be ours, or we may not make it.
        """
        if self._typed:
            return
        fresh, old = [], []
        for made in TYPES.values():
            there = _known(client, made)
            if there is None:
                fresh.append(_definition(made, made.attributes))
            elif lacking := _lacking(made, there):
                more = _definition(made, lacking)["attributeDefs"]
                old.append({**there, "attributeDefs": [*_attributes(there), *more]})
        try:
            if fresh:
                with _asking("making Homeostat's types in Purview", changed=_ThereAlready):
                    client.type_definition.batch_create({"entityDefs": fresh})
            if old:
                with _asking("adding attributes to Homeostat's types in Purview"):
                    client.type_definition.batch_update({"entityDefs": old})
        except _ThereAlready as err:
            raise Unavailable(f"{err}: somebody else makes them just now") from err
        except Refused as err:
            raise Refused(f"{err}; {REMEDY}") from err
        self._typed = True

    def _body(self, model: str, entity: Entity) -> dict[str, Any]:
        kind = TYPES[entity.ref.kind]
        attributes: dict[str, Any] = {name: _plain(value) for name, value in entity.attributes.items()}
        attributes |= {
            "qualifiedName": self._name(model, entity.ref),
            "name": _title(model, entity),
        }
        if address := self._address(model, entity.ref):
            attributes["resourceId"] = address
        for end, refs in (("inputs", entity.inputs), ("outputs", entity.outputs)):
            if refs is not None:
                attributes[end] = [self._reference(model, ref) for ref in refs]
        return {"typeName": kind.name, "attributes": attributes}

    def _reference(self, model: str, ref: Ref) -> dict[str, Any]:
        name = {"qualifiedName": self._name(model, ref)}
        return {"typeName": TYPES[ref.kind].name, "uniqueAttributes": name}

    def _name(self, model: str, ref: Ref) -> str:
        """The qualified name: the same for the same thing, however the settings are spelled."""
        of = self._settings
        place = f"{of.subscription}/{of.resource_group}/{of.workspace}".lower()
        return f"homeostat://{place}/{model}/{WAYS[ref.kind]}/{quote(ref.key, safe='')}"

    def _address(self, model: str, ref: Ref) -> str | None:
        """Where it is in Azure."""
        of = self._settings
        workspace = (
            f"/subscriptions/{of.subscription}/resourceGroups/{of.resource_group}"
            f"/providers/Microsoft.MachineLearningServices/workspaces/{of.workspace}"
        )
        below = {
            "data": f"data/{model}-data/versions/{ref.key}",
            "job": f"jobs/{ref.key}",
            "version": f"models/{model}/versions/{ref.key}",
        }
        return f"{workspace}/{below[ref.kind]}" if ref.kind in below else None

    def _client(self) -> DataMapClient:
        from azure.purview.datamap import DataMapClient

        settings = self._settings
        local = {"per_call_policies": [allow_loopback_http()]} if settings.is_local else {}
        return DataMapClient(
            settings.purview_url,
            credential(settings),
            user_agent=AGENT,
            permit_redirects=False,
            **PATIENCE,
            **local,
        )


class _ThereAlready(Unavailable):
    """Somebody else made it in the meantime."""


@contextmanager
def _asking(what: str, *, changed: type[Unavailable] = Unavailable) -> Iterator[None]:
    """Ask Purview, and tell what it says: its answers have a shape of their own, which messages leave out.

    Its client reads every refusal as JSON, which a gateway's page is not.
    """
    try:
        with translated(what, changed=changed):
            yield
    except HomeostatError as err:
        raise type(err)(f"{err}{_said(err.__cause__)}") from err.__cause__
    except ValueError as err:
        raise Unavailable(f"{what}: the answer is not Purview's: {err}") from err


def _known(client: DataMapClient, made: LineageType) -> Mapping[str, Any] | None:
    """The type of that name as Purview has it; None when it has none."""
    try:
        with _asking(f"looking for the type {made.name} in Purview"):
            found: Mapping[str, Any] = client.type_definition.get_by_name(made.name).as_dict()
    except NotFound:
        return None
    except Refused as err:
        raise Refused(f"{err}; {REMEDY}") from err
    if made.base not in (found.get("superTypes") or ()):
        raise Refused(
            f"Purview has a type {made.name} that is no {made.base}: it is not Homeostat's; delete it"
        )
    return found


def _lacking(made: LineageType, there: Mapping[str, Any]) -> dict[str, AttributeType]:
    """What ours has and Purview's has not; more than ours may be there."""
    known = {one["name"]: one["typeName"] for one in _attributes(there)}
    for name, kind in made.attributes.items():
        if known.get(name, kind) != kind:
            raise Refused(
                f"Purview's type {made.name} has the attribute {name} as {known[name]}, not as {kind}: "
                "it is not Homeostat's; delete the type"
            )
    return {name: kind for name, kind in made.attributes.items() if name not in known}


def _attributes(there: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return there.get("attributeDefs") or ()


def _definition(made: LineageType, attributes: Mapping[str, AttributeType]) -> dict[str, Any]:
    return {
        "category": "ENTITY",
        "name": made.name,
        "description": made.description,
        "typeVersion": "1.0",
        "serviceType": SERVICE,
        "superTypes": [made.base],
        "attributeDefs": [_attribute(name, kind) for name, kind in attributes.items()],
    }


def _attribute(name: str, kind: AttributeType) -> dict[str, Any]:
    many = kind.startswith("array<")
    return {
        "name": name,
        "typeName": kind,
        "isOptional": True,
        "isUnique": False,
        "isIndexable": False,
        "cardinality": "LIST" if many else "SINGLE",
        "valuesMinCount": 0,
        "valuesMaxCount": 2147483647 if many else 1,
    }


def _title(model: str, entity: Entity) -> str:
    """How people see it."""
    ref = entity.ref
    titles = {
        "data": f"{model} data {ref.key}",
        "job": ref.key,
        "version": f"{model} version {ref.key}",
        "release": f"{model} release {ref.key}",
        "deployment": f"{model} deployment {ref.key}",
    }
    return titles[ref.kind]


def _plain(value: Value) -> Any:
    """As Atlas takes it: times in milliseconds."""
    if isinstance(value, datetime):
        return int(value.timestamp() * 1000)
    return list(value) if isinstance(value, tuple) else value


def _said(err: BaseException | None) -> str:
    """What Atlas says is wrong."""
    try:
        body = json.loads(err.response.text())  # type: ignore[union-attr]
        return f": {body['errorCode']} {body['errorMessage']}"[:500]
    except (AttributeError, KeyError, TypeError, ValueError):
        return ""


def _status(err: Exception) -> int | None:
    return getattr(err.__cause__, "status_code", None)
