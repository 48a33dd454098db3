"""The type system: what an entity's type asks of it. The base types are Apache Atlas' (base_model)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from local.purview.errors import AtlasError, Json

NAME = re.compile(r"^[a-zA-Z][a-zA-Z0-9_ .]*$")
ARRAY = re.compile(r"^array<(.+)>$")
WHOLE = {"byte": 8, "short": 16, "int": 32, "long": 64}
PRIMITIVES = frozenset({"string", "boolean", "float", "double", "date", *WHOLE})


def _own(name: str, type_name: str = "string", *, optional: bool = True, unique: bool = False) -> Json:
    return {
        "name": name,
        "typeName": type_name,
        "isOptional": optional,
        "isUnique": unique,
        "cardinality": "SET" if ARRAY.match(type_name) else "SINGLE",
    }


def _base(name: str, above: str | None, *attributes: Json) -> Json:
    return {
        "category": "ENTITY",
        "name": name,
        "description": name,
        "typeVersion": "1.1",
        "superTypes": [above] if above else [],
        "attributeDefs": list(attributes),
    }


BASE = {
    one["name"]: one
    for one in (
        _base("Referenceable", None, _own("qualifiedName", optional=False, unique=True)),
        _base("Asset", "Referenceable", _own("name", optional=False), _own("description"), _own("owner")),
        _base("DataSet", "Asset"),
        _base("Process", "Asset", _own("inputs", "array<DataSet>"), _own("outputs", "array<DataSet>")),
    )
}


@dataclass(slots=True)
class Types:
    """Entity types by name; the base types are always there."""

    own: dict[str, Json]

    def get(self, name: str) -> Json | None:
        """The definition of that name."""
        return BASE.get(name) or self.own.get(name)

    def found(self, name: str) -> Json:
        """The definition of that name, with the types that derive from it."""
        made = self.get(name)
        if made is None:
            raise AtlasError("404-00-001", f"Given typename {name} was invalid")
        below = [other["name"] for other in self.all() if name in other["superTypes"]]
        return {**made, "subTypes": sorted(below)}

    def all(self) -> Iterator[Json]:
        """Every definition."""
        yield from (*BASE.values(), *self.own.values())

    def above(self, name: str) -> Iterator[str]:
        """The type and everything that it derives from."""
        yield name
        for parent in (self.get(name) or {"superTypes": ()})["superTypes"]:
            yield from self.above(parent)

    def attributes(self, name: str) -> dict[str, Json]:
        """Every attribute of that type, inherited ones included."""
        found: dict[str, Json] = {}
        for one in reversed(list(self.above(name))):
            found |= {attribute["name"]: attribute for attribute in (self.get(one) or {})["attributeDefs"]}
        return found

    def check_new(self, made: Json) -> None:
        """A definition that is to be created.

        Raises:
            AtlasError: why not.
        """
        name = str(made.get("name") or "")
        if not NAME.match(name):
            raise AtlasError(
                "400-00-019",
                f"{name}: invalid name for ENTITY.  Names must consist of a letter followed by a sequence of "
                "letter, number, space, or '_' characters",
            )
        if self.get(name) is not None:
            raise AtlasError("409-00-001", f"Given type {name} already exists in ENTITY category.")
        for parent in made["superTypes"]:
            if self.get(parent) is None:
                raise AtlasError("404-00-001", f"Given typename {parent} was invalid")
        self._check_attributes(made)

    def check_update(self, made: Json) -> None:
        """A definition that is to stand in the place of the one of that name.

        Raises:
            AtlasError: why not.
        """
        name = str(made.get("name") or "")
        before = self.found(name)
        if set(before["superTypes"]) - set(made["superTypes"]):
            raise AtlasError("400-00-00E", "superType remove not supported")
        now = {attribute["name"]: attribute for attribute in made["attributeDefs"]}
        known = {attribute["name"]: attribute for attribute in before["attributeDefs"]}
        for gone in sorted(set(known) - set(now)):
            raise AtlasError("400-00-00D", f"{name}.{gone} : attribute delete not supported")
        for attribute in now.values():
            there = known.get(attribute["name"])
            if there is None and not attribute.get("isOptional", False):
                raise AtlasError(
                    "400-00-00C", f"{name}.{attribute['name']} : can not add mandatory attribute"
                )
            if there is not None and there["typeName"] != attribute["typeName"]:
                raise AtlasError("400-00-027", f"{name}.{attribute['name']} : attribute update not supported")
        self._check_attributes(made)

    def _check_attributes(self, made: Json) -> None:
        for attribute in made["attributeDefs"]:
            where, kind = f"{made['name']}.{attribute.get('name')}", str(attribute.get("typeName"))
            inner = ARRAY.match(kind)
            if not attribute.get("name"):
                raise AtlasError(
                    "400-00-011", f"Invalid type definition {made['name']}: an attribute has no name"
                )
            if (inner[1] if inner else kind) not in PRIMITIVES and self.get(
                inner[1] if inner else kind
            ) is None:
                raise AtlasError("400-00-001", f"Unknown type {kind} for {where}")
            if attribute.get("cardinality", "SINGLE") != "SINGLE" and not inner:
                raise AtlasError(
                    "400-00-012", f"Cardinality of attribute {where} requires a list or set type"
                )

    def faults(self, name: str, attributes: Mapping[str, Any]) -> Iterator[str]:
        """What is wrong with these values; what the type does not know is ignored, as in Atlas."""
        for attribute in self.attributes(name).values():
            where, value = f"{name}.{attribute['name']}", attributes.get(attribute["name"])
            if value is not None:
                yield from self._wrong(where, attribute["typeName"], value)
            elif not attribute.get("isOptional", False):
                yield f"{where}: mandatory attribute value missing in type {name}"

    def _wrong(self, where: str, kind: str, value: Any) -> Iterator[str]:
        inner = ARRAY.match(kind)
        if inner and isinstance(value, list):
            for number, one in enumerate(value):
                yield from self._wrong(f"{where}[{number}]", inner[1], one)
        elif inner or not (_fits(kind, value) if kind in PRIMITIVES else self._refers(kind, value)):
            yield f"{where}={value!r}: invalid value for type {kind}"

    def _refers(self, kind: str, value: Any) -> bool:
        """Whether that is a reference to an entity of that type."""
        if not isinstance(value, dict):
            return False
        named = value.get("typeName")
        if named is not None and kind not in self.above(str(named)):
            return False
        unique = value.get("uniqueAttributes")
        return bool(value.get("guid")) or (named is not None and isinstance(unique, dict) and bool(unique))


def _fits(kind: str, value: Any) -> bool:
    if kind == "string":
        return isinstance(value, str)
    if kind == "boolean":
        return isinstance(value, bool)
    if isinstance(value, bool):
        return False
    if kind in WHOLE:
        return isinstance(value, int) and abs(value) < 1 << (WHOLE[kind] - 1)
    if kind == "date":
        return isinstance(value, int) or _is_time(value)
    return isinstance(value, int | float)


def _is_time(value: Any) -> bool:
    try:
        return datetime.strptime(value, "%Y-%m-%dT%H:%M:%S.%f%z").tzinfo is not None
    except (TypeError, ValueError):
        return False
