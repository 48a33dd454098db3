"""Bounds on quantiles that a histogram proves."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from drift.numeric import NumericSummary


def quantile_bounds(numbers: NumericSummary, share: float) -> tuple[float, float]:
    """Between which two values the quantile lies: the least value that at least that share of values reaches.

    The two are equal where the histogram is exact; else they are the edges of one bin, within the column's
    extremes. Definition: inverse of the empirical distribution function (Hyndman and Fan 1996, type 1).

    Raises:
        ValueError: `share` is not between 0 and 1, or there are no values.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"a quantile's share lies between 0 and 1, not at {share}")
    if not numbers.count:
        raise ValueError("a column without values has no quantiles")
    reached = np.cumsum(numbers.histogram.counts)
    rank = max(math.ceil(share * numbers.count), 1)
    place = int(np.searchsorted(reached, rank))
    low, high = numbers.histogram.edges()
    least, most = float(low[place]), float(high[place])
    if math.isinf(least) or math.isinf(most) or numbers.minimum is None or numbers.maximum is None:
        return least, most  # the bin of an infinity, unless it is one wide bin: then nothing is known
    return max(least, numbers.minimum), min(most, numbers.maximum)
