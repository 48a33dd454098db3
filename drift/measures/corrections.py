"""Adjusted p-values for many tests at once: reject where below alpha."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def bonferroni(p_values: Sequence[float]) -> list[float]:
    """Bonferroni: p times the number of tests (Dunn 1961). Any false alarm has at most alpha."""
    return [min(1.0, p * len(p_values)) for p in p_values]


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's (1979) adjusted p-values: reject where below alpha, and any false alarm has at most alpha."""
    adjusted = [0.0] * len(p_values)
    worst = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        worst = max(worst, min(1.0, p_values[place] * (len(p_values) - rank)))
        adjusted[place] = worst
    return adjusted


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Benjamini and Hochberg (1995): the expected share of false alarms among all alarms is at most alpha.

    The i-th least p times k / i, made monotone from the greatest down. For independent tests, or such as
    depend positively.
    """
    return _stepped_up(p_values, 1.0)


def benjamini_yekutieli(p_values: Sequence[float]) -> list[float]:
    """Benjamini and Yekutieli (2001): the same promise for tests that depend in any way.

    As Benjamini-Hochberg, times 1 + 1/2 + ... + 1/k.
    """
    return _stepped_up(p_values, sum(1 / i for i in range(1, len(p_values) + 1)))


def _stepped_up(p_values: Sequence[float], factor: float) -> list[float]:
    count = len(p_values)
    falling = sorted(range(count), key=p_values.__getitem__, reverse=True)
    scaled = (p_values[place] * count * factor / (count - i) for i, place in enumerate(falling))
    adjusted = [0.0] * count
    for place, value in zip(falling, accumulate(scaled, min), strict=True):
        adjusted[place] = min(1.0, value)
    return adjusted
