"""Two profiles of a column as bars that can be drawn side by side."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from drift.categories import CategorySummary
    from drift.column_profile import ColumnProfile
    from drift.numeric import NumericSummary

BINS = 24
CATEGORIES = 24
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Bars:
    """Shares of both sides in the same bins."""

    labels: list[str]
    reference: list[float]
    current: list[float]


def bars_of(reference: ColumnProfile, current: ColumnProfile) -> Bars | None:
    """Shares of both sides; None where there is nothing to draw."""
    if not reference.count or not current.count:
        return None
    left, right = reference.category_counts(), current.category_counts()
    numeric = reference.numeric is not None and current.numeric is not None
    if left and right and not (numeric and reference.role != "category"):
        return _categories(left, right)
    if reference.numeric is not None and current.numeric is not None:
        return _numbers(reference.numeric, current.numeric, times=reference.kind == "time")
    return None


def _numbers(reference: NumericSummary, current: NumericSummary, *, times: bool) -> Bars | None:
    """Bins of equal width over all but the outer two percent of both sides; the ends hold the rest."""
    import numpy as np

    from drift.alignment import align

    both = align(reference.histogram, current.histogram)
    sides = [both.reference / reference.count, both.current / current.count]
    mass = np.cumsum((sides[0] + sides[1]) / 2)
    middle = both.low / 2 + both.high / 2
    low, high = (float(middle[min(int(np.searchsorted(mass, at)), mass.size - 1)]) for at in (0.01, 0.99))
    if not np.isfinite(high - low):
        return None
    edges = np.linspace(low, high, BINS + 1) if high > low else np.array([low, low + 1.0])
    place = np.clip(np.searchsorted(edges, middle, side="right") - 1, 0, edges.size - 2)
    counted = [np.bincount(place, weights=side, minlength=edges.size - 1).tolist() for side in sides]
    labels = [f"{_label(a, times=times)} to {_label(b, times=times)}" for a, b in pairwise(edges.tolist())]
    return Bars(labels, counted[0], counted[1])


def _categories(reference: CategorySummary, current: CategorySummary) -> Bars | None:
    """The most frequent categories of both sides, and all others together."""
    if reference.values is None or current.values is None:
        return None
    shares = {
        name: (reference.values.get(name, 0) / reference.count, current.values.get(name, 0) / current.count)
        for name in {*reference.values, *current.values}
    }
    order = sorted(shares, key=lambda name: (-sum(shares[name]), name))
    shown, rest = order[:CATEGORIES], order[CATEGORIES:]
    bars = Bars(shown, [shares[n][0] for n in shown], [shares[n][1] for n in shown])
    if rest:
        bars.labels.append(f"{len(rest)} others")
        bars.reference.append(sum(shares[name][0] for name in rest))
        bars.current.append(sum(shares[name][1] for name in rest))
    return bars


def _label(value: float, *, times: bool) -> str:
    if times:
        try:
            return (_EPOCH + timedelta(seconds=value)).strftime("%Y-%m-%d %H:%M")
        except OverflowError:
            return f"{value:.4g} s"
    return f"{value:.4g}"
