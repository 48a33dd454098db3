"""One question that the gate asked, and how it reads numbers that others wrote."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from control.facts import Verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One question the gate asked, with its numbers."""

    name: str
    verdict: Verdict
    reason: str


def at(body: Any, *keys: str) -> Any:
    """What lies below those keys, or None."""
    for key in keys:
        body = body.get(key) if isinstance(body, Mapping) else None
    return body


def number(body: Any, key: str) -> float | None:
    """A finite number, else None: NaN is no measurement."""
    value = at(body, key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)
