"""Does a deployment answer what the model answered where it was trained? Pure."""

from __future__ import annotations

import math
from typing import Any


def difference(expected: Any, actual: Any, tolerance: float, at: str = "response") -> str | None:
    """The first place where the answers differ, or None.

    Numbers may differ by `tolerance`, absolutely or relative to the greater of the two. Everything else
    must be the same, also in kind: `true` is not 1. Values are not repeated in the text: they may be
    somebody's.
    """
    if _is_number(expected) and _is_number(actual):
        return _numbers(expected, actual, tolerance, at)
    if isinstance(expected, dict) and isinstance(actual, dict):
        return _objects(expected, actual, tolerance, at)
    if isinstance(expected, list) and isinstance(actual, list):
        if len(expected) != len(actual):
            return f"{at} has {len(actual)} entries, {len(expected)} were expected"
        pairs = enumerate(zip(expected, actual, strict=True))
        return next((d for n, (e, a) in pairs if (d := difference(e, a, tolerance, f"{at}[{n}]"))), None)
    if type(expected) is not type(actual):
        return f"{at} is {_kind(actual)}, {_kind(expected)} was expected"
    return None if expected == actual else f"{at} is not the expected {_kind(expected)}"


def _objects(expected: dict[str, Any], actual: dict[str, Any], tolerance: float, at: str) -> str | None:
    if expected.keys() != actual.keys():
        missing = ", ".join(sorted(expected.keys() - actual.keys()))
        return f"{at} lacks {missing}" if missing else f"{at} has keys that were not expected"
    places = ((f"{at}.{key}", value, actual[key]) for key, value in expected.items())
    return next((d for place, e, a in places if (d := difference(e, a, tolerance, place))), None)


def _numbers(expected: float, actual: float, tolerance: float, at: str) -> str | None:
    if math.isnan(expected) and math.isnan(actual):
        return None
    if math.isclose(expected, actual, rel_tol=tolerance, abs_tol=tolerance):
        return None
    return f"{at} is off by {abs(actual - expected):.3g}, {tolerance:g} is allowed"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _kind(value: Any) -> str:
    kinds = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}
    return kinds.get(type(value), "a number")
