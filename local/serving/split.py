"""Which deployment a request goes to. Exact over any hundred requests, without randomness."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Split:
    """Smooth weighted round robin: every name gets its share, spread evenly over time."""

    def __init__(self, weights: Mapping[str, int]) -> None:
        self._weights = {name: weight for name, weight in weights.items() if weight > 0}
        self._credit = dict.fromkeys(self._weights, 0)

    def next(self, usable: frozenset[str] | set[str]) -> str | None:
        """The next name among the usable ones; None when no usable one has weight."""
        weights = {name: weight for name, weight in self._weights.items() if name in usable}
        if not weights:
            return None
        for name, weight in weights.items():
            self._credit[name] += weight
        chosen = max(weights, key=lambda name: self._credit[name])
        self._credit[chosen] -= sum(weights.values())
        return chosen


class Share:
    """True for that many percent of the calls, spread evenly."""

    def __init__(self, percent: int) -> None:
        self._percent = percent
        self._credit = 0

    def next(self) -> bool:
        """Whether this call belongs to the share."""
        self._credit += self._percent
        if self._credit >= 100:
            self._credit -= 100
            return True
        return False
