"""Bodies of resources against the type data that the Bicep compiler uses (Azure/bicep-types-az, MIT)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.checks.places import Fault, Place
from infra.checks.values import Resource, Unknown, Value

if TYPE_CHECKING:
    from infra.checks.template import Template

REQUIRED, READ_ONLY = 1, 2
BY_HAND = {"microsoft.resources/resourcegroups@2025-04-01": {"name", "location", "tags", "managedBy"}}
"""Types that the data here lack, with their properties."""
OURS = {"parent", "scope", "dependsOn"}
"""Bicep's own, beside what the type has."""
EXTRACT = Path(__file__).parent / "bicep-types.json"
"""The types that infra/ uses, taken out of the whole (homeostat infra types)."""


class Types:
    """Types by resource type and API version."""

    def __init__(self, folder: Path | None = None) -> None:
        """`folder` holds *.types.json of bicep-types-az; without it the extract beside this file is read."""
        self._folder = folder

    @property
    def _index(self) -> dict[str, tuple[list[Any], int]]:
        return _index_of(self._folder)

    def find(self, resource: Resource) -> tuple[list[Any], Any] | None:
        """The table that the type's references point into, and the type of the body."""
        entry = self._index.get(f"{resource.type}@{resource.api}".lower())
        return None if entry is None else (entry[0], _at(entry[0], entry[1]))

    def versions(self, kind: str) -> list[str]:
        """The API versions that are known of a resource type."""
        return sorted(
            name.partition("@")[2] for name in self._index if name.partition("@")[0] == kind.lower()
        )

    def extract(self, template: list[Resource]) -> list[Any]:
        """One table with what these resources use, and no more."""
        table: list[Any] = []
        for name in sorted({f"{one.type}@{one.api}".lower() for one in template}):
            old, body = self._index[name]
            entry = next(one for one in _entries(old) if one["name"].lower() == name)
            places: dict[int, int] = {}
            table.append(
                {"$type": "ResourceType", "name": entry["name"], "body": _copied(old, body, table, places)}
            )
        return table


def faults_of_types(template: Template, types: Types) -> Iterator[Fault]:
    """What the type data refuses: API versions, properties, values; also properties that expressions read."""
    for one in template.resources:
        by_hand = BY_HAND.get(f"{one.type}@{one.api}".lower())
        if by_hand is not None:
            body = one.body.data if one.body else {}
            yield from (
                Fault(body[k].at, f"{one.type}@{one.api}: {k} is unknown") for k in set(body) - by_hand
            )
            continue
        found = types.find(one)
        if found is None:
            known = types.versions(one.type)
            yield Fault(
                one.at,
                f"{one.type}@{one.api}: "
                + (f"known versions: {', '.join(known)}" if known else "no such type is known"),
            )
            continue
        if one.body is None or one.absent or one.existing:
            continue
        table, body = found
        inner = {key: value for key, value in one.body.data.items() if key not in OURS}
        yield from _Body(table, f"{one.type}@{one.api}").check(Value(inner, one.body.at), body, "")
    for resource, path, at in template.reads:
        found = types.find(resource)
        if found is not None and not _reaches(found[0], found[1], path):
            yield Fault(at, f"{resource.type}@{resource.api} has no {'.'.join(path)}")


class _Body:
    """One resource's body."""

    def __init__(self, table: list[Any], title: str) -> None:
        self._table = table
        self._title = title

    def check(self, value: Value, kind: Any, path: str) -> Iterator[Fault]:
        data = value.data
        if isinstance(data, Unknown) or kind["$type"] == "AnyType":
            return
        check = getattr(self, f"_{kind['$type']}")
        yield from check(value, kind, path)

    def _fault(self, at: Place, path: str, what: str) -> Fault:
        return Fault(at, f"{self._title}: {path.lstrip('.') or 'the body'} {what}")

    def _ObjectType(self, value: Value, kind: Any, path: str) -> Iterator[Fault]:  # noqa: N802
        more = kind.get("additionalProperties")
        yield from self._object(value, kind["properties"], _at(self._table, more) if more else None, path)

    def _DiscriminatedObjectType(self, value: Value, kind: Any, path: str) -> Iterator[Fault]:  # noqa: N802
        name = kind["discriminator"]
        if not isinstance(value.data, dict):
            yield self._fault(value.at, path, "must be an object")
            return
        chosen = value.data.get(name)
        if chosen is None:
            yield self._fault(value.at, path, f"needs {name}: {', '.join(kind['elements'])}")
        elif chosen.data not in kind["elements"]:
            yield self._fault(
                chosen.at, f"{path}.{name}", f"is {chosen.data!r}, not one of {', '.join(kind['elements'])}"
            )
        else:
            own = _at(self._table, kind["elements"][chosen.data])
            yield from self._object(value, {**kind["baseProperties"], **own["properties"]}, None, path)

    def _object(self, value: Value, properties: dict[str, Any], more: Any, path: str) -> Iterator[Fault]:
        if not isinstance(value.data, dict):
            yield self._fault(value.at, path, "must be an object")
            return
        given = {key: one for key, one in value.data.items() if one.data is not None}
        for key, one in given.items():
            rule = properties.get(key)
            if rule is None and more is None:
                near = get_close_matches(key, properties, 1)
                yield self._fault(
                    one.at, f"{path}.{key}", "is unknown" + (f": did you mean {near[0]}?" if near else "")
                )
            elif rule is None:
                yield from self.check(one, more, f"{path}.{key}")
            elif rule["flags"] & READ_ONLY and not rule["flags"] & REQUIRED:
                yield self._fault(one.at, f"{path}.{key}", "is read-only")
            else:
                yield from self.check(one, _at(self._table, rule["type"]), f"{path}.{key}")
        for key, rule in properties.items():
            if rule["flags"] & REQUIRED and not rule["flags"] & READ_ONLY and key not in given:
                yield self._fault(value.at, f"{path}.{key}", "is missing")

    def _ArrayType(self, value: Value, kind: Any, path: str) -> Iterator[Fault]:  # noqa: N802
        if not isinstance(value.data, list):
            yield self._fault(value.at, path, "must be an array")
            return
        item = _at(self._table, kind["itemType"])
        for i, one in enumerate(value.data):
            yield from self.check(one, item, f"{path}[{i}]")

    def _UnionType(self, value: Value, kind: Any, path: str) -> Iterator[Fault]:  # noqa: N802
        choices = [_at(self._table, one) for one in kind["elements"]]
        literals = [str(one["value"]) for one in choices if one["$type"] == "StringLiteralType"]
        if literals and isinstance(value.data, str):
            # many lists are open, for values to come: none of ours is newer than its API version
            fits = value.data in literals
        else:
            fits = any(not list(self.check(value, one, path)) for one in choices)
        if not fits:
            yield self._fault(value.at, path, f"is {value.data!r}, not one of {', '.join(literals)}")

    def _StringLiteralType(self, value: Value, kind: Any, path: str) -> Iterator[Fault]:  # noqa: N802
        if value.data != kind["value"]:
            yield self._fault(value.at, path, f"is {value.data!r}, not {kind['value']!r}")

    def _StringType(self, value: Value, kind: Any, path: str) -> Iterator[Fault]:  # noqa: N802
        if not isinstance(value.data, str):
            yield self._fault(value.at, path, "must be a string")
        elif len(value.data) < kind.get("minLength", 0) or len(value.data) > kind.get("maxLength", 10**9):
            limits = f"{kind.get('minLength', 0)} to {kind.get('maxLength', 'any number of')}"
            yield self._fault(value.at, path, f"{value.data!r} must have {limits} characters")
        elif "pattern" in kind and not re.search(kind["pattern"], value.data):
            yield self._fault(value.at, path, f"{value.data!r} does not match {kind['pattern']}")

    def _IntegerType(self, value: Value, kind: Any, path: str) -> Iterator[Fault]:  # noqa: N802
        if not isinstance(value.data, int) or isinstance(value.data, bool):
            yield self._fault(value.at, path, "must be an int")
        elif not kind.get("minValue", value.data) <= value.data <= kind.get("maxValue", value.data):
            yield self._fault(value.at, path, f"is {value.data}: out of range")

    def _BooleanType(self, value: Value, _kind: Any, path: str) -> Iterator[Fault]:  # noqa: N802
        if not isinstance(value.data, bool):
            yield self._fault(value.at, path, "must be a bool")


@cache
def _index_of(folder: Path | None) -> dict[str, tuple[list[Any], int]]:
    """Type and version, in small letters, to the table and the body's number in it; each folder read once."""
    files = [EXTRACT] if folder is None else sorted(folder.glob("*.types.json"))
    tables = [json.loads(file.read_text("utf-8")) for file in files]
    return {one["name"].lower(): (table, one["body"]) for table in tables for one in _entries(table)}


def _entries(table: list[Any]) -> Iterator[dict[str, Any]]:
    for one in table:
        if one["$type"] == "ResourceType":
            yield {"name": one["name"], "body": one["body"]}


def _at(table: list[Any], reference: Any) -> Any:
    return table[int(reference["$ref"].removeprefix("#/"))]


def _copied(old: list[Any], reference: Any, new: list[Any], places: dict[int, int]) -> Any:
    """Copy what a reference points to, and all below it; the new reference."""
    number = int(reference["$ref"].removeprefix("#/"))
    if number not in places:
        places[number] = len(new)
        new.append(None)
        new[places[number]] = _rewritten(old, dict(old[number].items()), new, places)
    return {"$ref": f"#/{places[number]}"}


def _rewritten(old: list[Any], one: Any, new: list[Any], places: dict[int, int]) -> Any:
    if isinstance(one, dict):
        if set(one) == {"$ref"}:
            return _copied(old, one, new, places)
        # in a table of properties these are names like any other
        dropped = {"description", "functions"} if {"$type", "flags"} & set(one) else set()
        return {k: _rewritten(old, v, new, places) for k, v in one.items() if k not in dropped}
    if isinstance(one, list):
        return [_rewritten(old, v, new, places) for v in one]
    return one


def _reaches(table: list[Any], kind: Any, path: tuple[str, ...]) -> bool:
    if not path or kind["$type"] in {"AnyType", "UnionType", "ArrayType", "StringType"}:
        return not path or kind["$type"] == "AnyType"
    if kind["$type"] == "DiscriminatedObjectType":
        inner = [_at(table, one) for one in kind["elements"].values()]
        inner.append({"$type": "ObjectType", "properties": kind["baseProperties"]})
        return any(_reaches(table, one, path) for one in inner)
    if kind["$type"] != "ObjectType":
        return False
    rule = kind["properties"].get(path[0])
    if rule is not None:
        return _reaches(table, _at(table, rule["type"]), path[1:])
    more = kind.get("additionalProperties")
    return more is not None and _reaches(table, _at(table, more), path[1:])
