"""The app's frozen dataclasses as JSON and back, strictly.

Types come from the dataclasses' own annotations. A field that the class does not have, a missing one
without a default and a value of another type are errors that name the place: state that we cannot read
completely must not be written back.
"""

from __future__ import annotations

import json
import math
import types
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from control.errors import BadData

SCHEMA = 1
"""Raised when stored rows change in a way that older code cannot read."""

T = TypeVar("T")


def canonical(value: Any) -> str:
    """One line of ASCII JSON, the same for equal values: what is hashed and compared."""
    return json.dumps(plain(value), sort_keys=True, separators=(",", ":"), allow_nan=False)


def plain(value: Any) -> Any:
    """The value as plain JSON types; numbers that JSON has no word for become text."""
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted(plain(item) for item in value)
    return _plain_scalar(value)


def _plain_scalar(value: Any) -> str | float | bool | None:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise TypeError(f"{type(value).__name__} has no place in the ledger")


def read(kind: type[T], body: str, where: str, schema: int = SCHEMA) -> T:
    """Read a value of that dataclass.

    Args:
        kind: the dataclass.
        body: JSON.
        where: which row, for the message.
        schema: the schema that the row says it was written with.

    Raises:
        BadData: the row does not fit; names the field.
    """
    if schema > SCHEMA:
        raise BadData(f"{where} has schema {schema}: a newer Homeostat wrote it, this one knows {SCHEMA}")
    try:
        parsed = json.loads(body)
    except ValueError as err:
        raise BadData(f"{where} is not JSON: {err}") from err
    value: T = _value(kind, parsed, where)
    return value


def _value(kind: Any, value: Any, where: str) -> Any:
    origin = get_origin(kind)
    if kind is Any:
        return value
    if is_dataclass(kind) and isinstance(kind, type):
        return _dataclass(kind, value, where)
    if origin in (Union, types.UnionType):
        return _union(kind, value, where)
    if origin is Literal:
        return _checked(
            value in get_args(kind), value, f"one of {', '.join(map(repr, get_args(kind)))}", where
        )
    if origin in (tuple, dict):
        return _container(kind, value, where)
    return _scalar(kind, value, where)


def _container(kind: Any, value: Any, where: str) -> Any:
    """Ours are `tuple[X, ...]`, `tuple[X, Y]` and `dict[str, X]`."""
    inner = get_args(kind)
    if get_origin(kind) is dict:
        _checked(isinstance(value, dict), value, "an object", where)
        return {key: _value(inner[1], item, f"{where}.{key}") for key, item in value.items()}
    _checked(isinstance(value, list), value, "a list", where)
    if inner[-1] is Ellipsis:
        inner = (inner[0],) * len(value)
    _checked(len(inner) == len(value), value, f"a list of {len(inner)}", where)
    return tuple(
        _value(one, item, f"{where}[{n}]") for n, (one, item) in enumerate(zip(inner, value, strict=True))
    )


def _scalar(kind: Any, value: Any, where: str) -> Any:
    if kind is datetime:
        try:
            moment = datetime.fromisoformat(value)
        except (TypeError, ValueError) as err:
            raise BadData(f"{where} must be a time in ISO 8601, not {value!r}") from err
        return _checked(moment.tzinfo is not None, moment, "a time with a zone", where)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if kind is timedelta:
        return timedelta(seconds=_checked(is_number, value, "seconds", where))
    if kind is float:
        return float(_checked(is_number, value, "a number", where))
    if kind is types.NoneType:
        return _checked(value is None, value, "null", where)
    return _checked(type(value) is kind, value, f"of type {kind.__name__}", where)


def _union(kind: Any, value: Any, where: str) -> Any:
    """Our unions are `X | None`."""
    (inner,) = (one for one in get_args(kind) if one is not types.NoneType)
    return None if value is None else _value(inner, value, where)


def _dataclass(kind: Any, value: Any, where: str) -> Any:
    _checked(isinstance(value, dict), value, "an object", where)
    hints = _hints(kind)
    unknown = sorted(set(value) - set(hints))
    if unknown:
        raise BadData(f"{where} has a field that {kind.__name__} does not know: {', '.join(unknown)}")
    missing = sorted(item.name for item in fields(kind) if item.name not in value and _is_required(item))
    if missing:
        raise BadData(f"{where} lacks a field of {kind.__name__}: {', '.join(missing)}")
    return kind(**{name: _value(hints[name], item, f"{where}.{name}") for name, item in value.items()})


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def _is_required(item: Field[Any]) -> bool:
    return item.default is MISSING and item.default_factory is MISSING


def _checked(right: bool, value: T, expected: str, where: str) -> T:  # noqa: FBT001 - a condition, not an option
    if not right:
        raise BadData(f"{where} must be {expected}, not {value!r}")
    return value
