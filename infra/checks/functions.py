"""Bicep's functions, as far as `infra/` uses them. An unknown argument makes the result unknown."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable
from typing import Any

from infra.checks.places import Place, Wrong
from infra.checks.values import Resource, Scope, Unknown, Value, plain

SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"
TENANT = "22222222-2222-2222-2222-222222222222"
"""Stand for the real ones: names come out as long as they will be."""


def call(name: str, arguments: list[Value], at: Place) -> Value:
    """The result of a function.

    Raises:
        Wrong: there is no such function, or it takes other arguments.
    """
    if name not in FUNCTIONS:
        raise Wrong(at, f"the checks do not know the function {name}")
    if name != "coalesce" and any(_unknown(one) for one in arguments):
        inner = ", ".join(str(plain(one)) for one in arguments)
        return Value(Unknown(f"{name}({inner})"), at)
    try:
        found = FUNCTIONS[name](*(_raw(one) for one in arguments))
    except (TypeError, ValueError, IndexError, AttributeError, KeyError) as err:
        raise Wrong(at, f"{name}: {err}") from err
    return wrapped(found, at)


def wrapped(data: Any, at: Place) -> Value:
    """Plain data as values, all at one place."""
    if isinstance(data, Value):
        return data
    if isinstance(data, dict):
        return Value({str(key): wrapped(one, at) for key, one in data.items()}, at)
    if isinstance(data, list | tuple):
        return Value([wrapped(one, at) for one in data], at)
    return Value(data, at)


def _unknown(value: Value) -> bool:
    return isinstance(value.data, Unknown)


def _raw(value: Value) -> Any:
    """One level: the elements of arrays and objects keep their places."""
    return value.data.id if isinstance(value.data, Resource | Scope) else value.data


def _text(data: Any) -> str:
    if isinstance(data, bool):
        return str(data).lower()
    return data if isinstance(data, str) else json.dumps(plain(wrapped(data, Place.__new__(Place))))


def _unique(*parts: Any) -> str:
    number = int.from_bytes(hashlib.sha256("|".join(map(_text, parts)).encode()).digest()[:8], "big")
    letters = "abcdefghijklmnopqrstuvwxyz234567"
    return "".join(letters[(number >> 5 * i) % 32] for i in range(13))


def _guid(*parts: Any) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "-".join(map(_text, parts))))


def _union(*parts: Any) -> Any:
    if all(isinstance(part, dict) for part in parts):
        return {key: one for part in parts for key, one in part.items()}
    return [one for part in parts for one in part]


def _contains(where: Any, what: Any) -> bool:
    if isinstance(where, list):
        return any(plain(one) == what for one in where)
    return what in where


def _resource_id(*parts: str) -> str:
    names = list(parts)
    at = next(i for i, part in enumerate(names) if "/" in part and "." in part)
    kinds, given = names[at].split("/"), names[at + 1 :]
    if len(kinds) - 1 != len(given):
        raise ValueError(f"{names[at]} takes {len(kinds) - 1} names")
    below = "/".join(f"{kind}/{name}" for kind, name in zip(kinds[1:], given, strict=True))
    return f"/subscriptions/{SUBSCRIPTION}/providers/{kinds[0]}/{below}"


def _date(pattern: str = "") -> str:
    return {"yyyy-MM-01": "2026-01-01"}.get(pattern, "2026-01-01T00:00:00Z")


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "array": lambda one: [one],
    "bool": lambda one: str(one).lower() == "true",
    "concat": _union,
    "contains": _contains,
    "empty": lambda one: one is None or len(one) == 0,
    "endsWith": lambda one, end: one.lower().endswith(end.lower()),
    "first": lambda one: one[0],
    "format": lambda pattern, *given: pattern.format(*given),
    "guid": _guid,
    "int": int,
    "join": lambda parts, by: by.join(_text(plain(one)) for one in parts),
    "last": lambda one: one[-1],
    "length": len,
    "max": max,
    "min": min,
    "range": lambda start, count: list(range(start, start + count)),
    "replace": lambda one, old, new: one.replace(old, new),
    "split": lambda one, by: one.split(by),
    "startsWith": lambda one, start: one.lower().startswith(start.lower()),
    "string": _text,
    "subscriptionResourceId": _resource_id,
    "substring": lambda one, start, count=None: one[start : None if count is None else start + count],
    "take": lambda one, count: one[:count],
    "toLower": lambda one: one.lower(),
    "toUpper": lambda one: one.upper(),
    "trim": lambda one: one.strip(),
    "union": _union,
    "uniqueString": _unique,
    "utcNow": _date,
}
