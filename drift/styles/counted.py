"""Both sides of a column, counted over the same fine bins: all that a metric sees of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from drift.tails import kolmogorov_above

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST_DEVIATION = 1e-3


@dataclass(frozen=True, slots=True)
class Counted:
    """Both sides' counts over the same bins; `centres` are the bins' values, None for categories."""

    reference: NDArray[np.int64]
    current: NDArray[np.int64]
    centres: NDArray[np.float64] | None = None

    def met(self) -> Counted:
        """The same without bins that neither side is in."""
        used = (self.reference + self.current) > 0
        centres = None if self.centres is None else self.centres[used]
        return Counted(self.reference[used], self.current[used], centres)

    def in_equal_widths(self, bins: int) -> Counted:
        """Counts in so many bins of equal width over both sides' range; categories stay what they are."""
        met = self.met()
        if met.centres is None:
            return met
        low, high = float(np.min(met.centres)), float(np.max(met.centres))
        if not high > low:
            return Counted(met.reference.sum(keepdims=True), met.current.sum(keepdims=True))
        place = np.minimum(((met.centres - low) / (high - low) * bins).astype(np.int64), bins - 1)
        a, b = (np.bincount(place, side, bins).astype(np.int64) for side in (met.reference, met.current))
        return Counted(a, b).met()

    @property
    def values(self) -> NDArray[np.float64]:
        """The bins' values."""
        if self.centres is None:
            raise AssertionError("a metric of numbers without their values")
        return self.centres


def sturges(values: int) -> int:
    """Sturges' (1926) number of bins for so many values."""
    return math.ceil(math.log2(max(values, 1)) + 1)


def wasserstein(counted: Counted) -> float:
    """Wasserstein-1 distance of the two distributions."""
    a, b = counted.reference / counted.reference.sum(), counted.current / counted.current.sum()
    return float(np.sum(np.abs(np.cumsum(a - b))[:-1] * np.diff(counted.values)))


def deviation(counted: Counted, ddof: int) -> float:
    """Standard deviation of the reference, at least 0.001."""
    values, a = counted.values, counted.reference
    mean = float(np.sum(values * a)) / a.sum()
    squares = float(np.sum(np.square(values - mean) * a))
    return max(math.sqrt(squares / max(int(a.sum()) - ddof, 1)), LEAST_DEVIATION)


def kolmogorov_smirnov(counted: Counted) -> float:
    """The greatest distance of the two distribution functions."""
    a, b = counted.reference, counted.current
    return float(np.max(np.abs(np.cumsum(a) / a.sum() - np.cumsum(b) / b.sum())))


def kolmogorov_smirnov_p(counted: Counted) -> float:
    """Its asymptotic p-value."""
    n, m = int(counted.reference.sum()), int(counted.current.sum())
    return kolmogorov_above(kolmogorov_smirnov(counted) * math.sqrt(n * m / (n + m)))


def chi2_gof_p(counted: Counted) -> float:
    """P-value of Pearson's test with the reference taken as exact."""
    from drift.measures.tables import chi2_gof

    met = counted.met()
    found = chi2_gof(met.reference.astype(np.float64), met.current.astype(np.float64))
    return float(found.p_value or 0.0)
