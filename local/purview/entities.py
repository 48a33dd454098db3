"""Entities by type and unique attribute: created, or changed where they are there already.

As in Apache Atlas a request creates or changes all of its entities or none, and an attribute that it does not
mention keeps its value.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from local.azureml.store import Record
from local.purview.errors import AtlasError, Json, bad_parameters

if TYPE_CHECKING:
    from local.azureml.store import Store
    from local.purview.types import Types

KIND = "entities"
ENDS = ("inputs", "outputs")


class Entities:
    """The data map's entities."""

    def __init__(self, store: Store, types: Types) -> None:
        self._store = store
        self._types = types
        self._places = {record.body["guid"]: (record.name, record.version) for record in store.all(KIND)}
        """By guid: type and qualified name."""

    def get(self, guid: str) -> Json:
        """The entity of that guid."""
        place = self._places.get(guid)
        record = self._store.get(KIND, *place) if place else None
        if record is None:
            raise AtlasError("404-00-005", f"Given instance guid {guid} is invalid/not found")
        return record.body

    def named(self, type_name: str, qualified_name: str) -> Json:
        """The entity of that type and name."""
        self._types.found(type_name)
        found = self._find(type_name, qualified_name)
        if found is None:
            attribute = {"qualifiedName": qualified_name}
            raise AtlasError(
                "404-00-009", f"Instance {type_name} with unique attribute {attribute} does not exist"
            )
        return found

    def all(self) -> Iterator[Json]:
        """Every entity that is not deleted."""
        for record in self._store.all(KIND):
            if record.body["status"] == "ACTIVE":
                yield record.body

    def write(self, entities: list[Json]) -> Json:
        """Create or change them: an `EntityMutationResult`.

        Raises:
            AtlasError: one of them is refused, so none is taken.
        """
        if not entities:
            raise bad_parameters("no entities to create/update.")
        fresh: dict[str, tuple[Json, Json | None]] = {}
        assigned: dict[str, str] = {}
        for sent in entities:
            entity, before = self._prepared(sent, fresh)
            given = str(sent.get("guid") or "")
            assigned[given if given.startswith("-") else f"-{len(assigned) + 1}"] = entity["guid"]
            fresh[entity["guid"]] = entity, before
        for entity, _ in fresh.values():
            self._resolve(entity, assigned, fresh)
        changed: dict[str, list[Json]] = {}
        for entity, before in fresh.values():
            if before is not None and _same(entity, before):
                continue
            entity["updateTime"] = int(time.time() * 1000)
            entity["version"] = entity["version"] + 1 if before else 0
            entity["lastModifiedTS"] = str(entity["version"] + 1)
            self._put(entity)
            changed.setdefault("UPDATE" if before else "CREATE", []).append(header(entity, brief=True))
        return {"mutatedEntities": changed, "guidAssignments": assigned}

    def delete(self, guid: str) -> Json | None:
        """Mark it as deleted; its header, or None where it was."""
        entity = self.get(guid)
        if entity["status"] == "DELETED":
            return None
        self._put({**entity, "status": "DELETED"})
        return header(entity, brief=True)

    def _put(self, entity: Json) -> None:
        place = entity["typeName"], entity["attributes"]["qualifiedName"]
        self._store.put(Record(KIND, *place, entity))
        self._places[entity["guid"]] = place

    def _find(self, type_name: str, qualified_name: str) -> Json | None:
        record = self._store.get(KIND, type_name, qualified_name)
        return record.body if record and record.body["status"] == "ACTIVE" else None

    def _prepared(self, sent: Json, fresh: dict[str, tuple[Json, Json | None]]) -> tuple[Json, Json | None]:
        """The entity as it would stand, and as it stands; `fresh`: what the request had so far."""
        kind, attributes = str(sent.get("typeName")), sent.get("attributes") or {}
        if self._types.get(kind) is None:
            raise AtlasError("400-00-014", f"Type ENTITY with name {kind} does not exist")
        faults = list(self._types.faults(kind, attributes))
        if faults:
            raise AtlasError(
                "404-00-007",
                f"Invalid instance creation/updation parameters passed : {'; '.join(faults)}",
            )
        known = self._types.attributes(kind)
        told = {name: value for name, value in attributes.items() if name in known}
        name = str(attributes["qualifiedName"])
        before = self._find(kind, name)
        twice = (one for one, _ in fresh.values() if one["typeName"] == kind)
        so_far = next((one for one in twice if one["attributes"]["qualifiedName"] == name), before)
        now = int(time.time() * 1000)
        made = so_far or {
            "typeName": kind,
            "guid": str(uuid.uuid4()),
            "status": "ACTIVE",
            "createTime": now,
            "updateTime": now,
            "createdBy": "local",
            "updatedBy": "local",
            "version": 0,
            "attributes": dict.fromkeys(known),
        }
        return {**made, "attributes": {**made["attributes"], **told}}, before

    def _resolve(self, entity: Json, assigned: dict[str, str], fresh: dict[str, Any]) -> None:
        """Put what is referred to in place of the references.

        Raises:
            AtlasError: it is not there.
        """
        for end in ENDS:
            refs = entity["attributes"].get(end)
            if refs is not None:
                found = [self._referred(ref, assigned, fresh) for ref in refs]
                entity["attributes"][end] = [
                    {"guid": one["guid"], "typeName": one["typeName"]} for one in found
                ]

    def _referred(self, ref: Json, assigned: dict[str, str], fresh: dict[str, Any]) -> Json:
        guid = str(ref.get("guid") or "")
        guid = assigned.get(guid, guid)
        if guid in fresh:
            found: Json = fresh[guid][0]
            return found
        if guid in self._places and self.get(guid)["status"] == "ACTIVE":
            return self.get(guid)
        name = (ref.get("uniqueAttributes") or {}).get("qualifiedName")
        there = self._find(str(ref.get("typeName")), str(name)) if name is not None else None
        if there is None:
            raise AtlasError("404-00-00A", f"Referenced entity {ref} is not found")
        return there


def header(entity: Json, *, brief: bool = False) -> Json:
    """As `AtlasEntityHeader`; `brief`: as in the answer to a change."""
    shown = ("qualifiedName",) if brief else ("qualifiedName", "name")
    short = {
        "typeName": entity["typeName"],
        "attributes": {name: entity["attributes"][name] for name in shown},
        "guid": entity["guid"],
        "status": entity["status"],
    }
    if brief:
        return {**short, "lastModifiedTS": entity.get("lastModifiedTS", "1")}
    return {**short, "displayText": entity["attributes"]["name"], "classificationNames": [], "labels": []}


def _same(one: Json, other: Json) -> bool:
    return bool(one["attributes"] == other["attributes"])
