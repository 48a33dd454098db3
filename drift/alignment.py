"""Two columns' counts over the same bins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from drift.distinct import distinct
from drift.histogram import KeyHistogram

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from drift.categories import CategorySummary

QUANTILE_BINS = 10


@dataclass(frozen=True, slots=True)
class Aligned:
    """Two histograms at their common resolution: bins from `low` to `high` in rising order."""

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    reference: NDArray[np.int64]
    current: NDArray[np.int64]


def align(reference: KeyHistogram, current: KeyHistogram) -> Aligned:
    """Bring two histograms to the coarser one's resolution."""
    bits = min(reference.bits, current.bits)
    sides = reference.coarsened(bits), current.coarsened(bits)
    prefixes = np.concatenate([side.prefixes for side in sides])
    if not prefixes.size:
        return Aligned(np.empty(0), np.empty(0), sides[0].counts, sides[1].counts)
    order = np.argsort(prefixes, kind="stable")
    ordered = prefixes[order]
    fresh = np.concatenate([[True], ordered[1:] != ordered[:-1]])
    place = np.empty(order.size, np.int64)
    place[order] = np.cumsum(fresh) - 1
    used = ordered[fresh]
    low, high = KeyHistogram(bits, used, np.empty(0, np.int64)).edges()
    counts = np.zeros((2, used.size), np.int64)
    middle = sides[0].prefixes.size
    counts[0, place[:middle]], counts[1, place[middle:]] = sides[0].counts, sides[1].counts
    return Aligned(low, high, counts[0], counts[1])


def quantile_table(both: Aligned, bins: int = QUANTILE_BINS) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Counts of both sides in bins of about equal reference mass.

    Values below the reference's least and above its greatest get bins of their own; ties make fewer bins.
    """
    occupied = np.flatnonzero(both.reference)
    if not occupied.size:
        return np.array([0]), np.array([both.current.sum()])
    mass = np.cumsum(both.reference)
    targets = mass[-1] * np.arange(1, bins) / bins
    inner = np.searchsorted(mass, targets) + 1  # the bin that reaches the quantile closes its group
    starts = distinct(np.concatenate([[0, occupied[0]], inner, [occupied[-1] + 1]]))
    starts = starts[starts < mass.size]
    return np.add.reduceat(both.reference, starts), np.add.reduceat(both.current, starts)


def category_table(
    reference: CategorySummary, current: CategorySummary
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Counts of both sides by value; by bucket when either side has too many values."""
    if reference.values is not None and current.values is not None:
        names = sorted({*reference.values, *current.values})
        return (
            np.array([reference.values.get(name, 0) for name in names], np.int64),
            np.array([current.values.get(name, 0) for name in names], np.int64),
        )
    left, right = reference.bucketed().buckets, current.bucketed().buckets
    if left is None or right is None:
        raise AssertionError("bucketed() without buckets")
    used = (left + right) > 0
    return left[used], right[used]
