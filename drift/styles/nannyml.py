"""nannyml's univariate methods with constant thresholds; any column alarms.

Jensen-Shannon and Hellinger distances of numbers take Doane's (1976) number of equal widths over the
reference's range, with one bin more for what lies outside of it; numbers of at most 50 different values, no
more than a tenth of the rows, are categories.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from drift.measures import divergences
from drift.styles.counted import Counted, kolmogorov_smirnov, wasserstein
from drift.styles.style import Style

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEW, FEW_SHARE = 50, 0.1


def _binned(counted: Counted) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    met = counted.met()
    different = int(np.count_nonzero(met.reference))
    few = different <= FEW and different <= FEW_SHARE * int(met.reference.sum())
    if met.centres is not None and not few:
        met = _by_doane(met)
    return met.reference.astype(np.float64), met.current.astype(np.float64)


def _by_doane(counted: Counted) -> Counted:
    values, a = counted.values, counted.reference
    inside = a > 0
    low, high = float(np.min(values[inside])), float(np.max(values[inside]))
    bins = _doane(values, a)
    if not high > low:
        place = np.where(values == low, 0, 1)
        bins = 1
    else:
        place = np.minimum(((values - low) / (high - low) * bins).astype(np.int64), bins - 1)
        place = np.where((values < low) | (values > high), bins, place)
    x, y = (np.bincount(place, side, bins + 1).astype(np.int64) for side in (a, counted.current))
    return Counted(x, y).met()


def _doane(values: NDArray[np.float64], counts: NDArray[np.int64]) -> int:
    """NumPy's `doane`: 1 + log2 n + log2(1 + |g1| / sigma_g1)."""
    n = int(counts.sum())
    if n <= 2:
        return 1
    apart = values - float(np.sum(values * counts)) / n
    spread = math.sqrt(float(np.sum(np.square(apart) * counts)) / n)
    if not spread > 0:
        return 1
    skewness = abs(float(np.sum((apart / spread) ** 3 * counts)) / n)
    sigma = math.sqrt(6.0 * (n - 2) / ((n + 1.0) * (n + 3)))
    return math.ceil(1.0 + math.log2(n) + math.log2(1.0 + skewness / sigma))


def _jensen_shannon(counted: Counted) -> float:
    return divergences.jensen_shannon_distance(*_binned(counted), base=2.0).statistic


def _hellinger(counted: Counted) -> float:
    return divergences.hellinger(*_binned(counted)).statistic


def _chi2(counted: Counted) -> float:
    from drift.measures.tables import chi2_contingency

    return chi2_contingency(*_binned(counted), correction=True).statistic


NANNYML = Style(
    numerical={
        "jensen_shannon": _jensen_shannon,
        "hellinger": _hellinger,
        "wasserstein": wasserstein,
        "kolmogorov_smirnov": kolmogorov_smirnov,
    },
    categorical={
        "jensen_shannon": _jensen_shannon,
        "hellinger": _hellinger,
        "l_infinity": lambda counted: divergences.l_infinity(*_binned(counted)).statistic,
        "chi2": _chi2,
    },
)
