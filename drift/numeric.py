"""What a profile keeps of a column of numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from drift.histogram import KEY_BITS, KeyHistogram

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class NumericSummary:
    """Counts, extremes, moments and the histogram.

    `minimum`, `maximum`, `mean` and `m2` (the sum of squared deviations from the mean) are over the finite
    values; the histogram also holds the infinities. NaN is only counted. Extremes are None without finite
    values.
    """

    nan: int = 0
    positive_infinite: int = 0
    negative_infinite: int = 0
    zeros: int = 0
    negatives: int = 0
    fractional: int = 0
    """Finite values that are not whole numbers."""
    minimum: float | None = None
    maximum: float | None = None
    mean: float = 0.0
    m2: float = 0.0
    histogram: KeyHistogram = field(default_factory=KeyHistogram.empty)

    @classmethod
    def of(cls, values: NDArray[np.float64], bits: int = KEY_BITS) -> NumericSummary:
        """Summarise values; NaN is allowed. `bits` is the resolution already given up elsewhere."""
        nan = positive = negative = 0
        present = finite = values
        is_finite = np.isfinite(values)
        if not is_finite.all():
            is_nan = np.isnan(values)
            nan = int(np.count_nonzero(is_nan))
            positive = int(np.count_nonzero(values == np.inf))
            negative = int(np.count_nonzero(values == -np.inf))
            present, finite = values[~is_nan], values[is_finite]
        mean, m2 = _moments(finite)
        return cls(
            nan=nan,
            positive_infinite=positive,
            negative_infinite=negative,
            zeros=int(np.count_nonzero(finite == 0)),
            negatives=int(np.count_nonzero(present < 0)),
            fractional=int(np.count_nonzero(finite != np.rint(finite))),
            minimum=float(np.min(finite)) + 0.0 if finite.size else None,
            maximum=float(np.max(finite)) + 0.0 if finite.size else None,
            mean=mean,
            m2=m2,
            histogram=KeyHistogram.of(present, bits),
        )

    def merge(self, other: NumericSummary) -> NumericSummary:
        """The summary of both sides' values."""
        mean, m2 = self._merged_moments(other)
        minima = [one for one in (self.minimum, other.minimum) if one is not None]
        maxima = [one for one in (self.maximum, other.maximum) if one is not None]
        return NumericSummary(
            nan=self.nan + other.nan,
            positive_infinite=self.positive_infinite + other.positive_infinite,
            negative_infinite=self.negative_infinite + other.negative_infinite,
            zeros=self.zeros + other.zeros,
            negatives=self.negatives + other.negatives,
            fractional=self.fractional + other.fractional,
            minimum=min(minima, default=None),
            maximum=max(maxima, default=None),
            mean=mean,
            m2=m2,
            histogram=self.histogram.merge(other.histogram),
        )

    def _merged_moments(self, other: NumericSummary) -> tuple[float, float]:
        # Chan, Golub and LeVeque (1979): stable for any offset and any split.
        left, right = self.finite, other.finite
        if not left or not right:
            source = self if left else other
            return source.mean, source.m2
        apart = other.mean - self.mean
        share = right / (left + right)
        mean = self.mean + apart * share
        if not math.isfinite(apart):
            return self.mean * (1 - share) + other.mean * share, math.inf
        return mean, self.m2 + other.m2 + apart * apart * left * share

    @property
    def count(self) -> int:
        """Values that can be ordered: all but nulls and NaN."""
        return self.histogram.total

    @property
    def finite(self) -> int:
        """Values that are neither NaN nor infinite."""
        return self.count - self.positive_infinite - self.negative_infinite

    @property
    def standard_deviation(self) -> float | None:
        """Of the sample (n - 1); None below two finite values or when it overflows."""
        if self.finite < 2 or not math.isfinite(self.m2):
            return None
        return math.sqrt(max(self.m2, 0.0) / (self.finite - 1))


def _moments(finite: NDArray[np.float64]) -> tuple[float, float]:
    if not finite.size:
        return 0.0, 0.0
    with np.errstate(over="ignore", invalid="ignore"):  # beyond 1e154 squares overflow: m2 says so
        mean = finite.mean()
        if not np.isfinite(mean):
            mean = np.sum(finite / finite.size)
        apart = finite - mean
        correction = apart.sum()  # what rounding the mean left over
        m2 = float(np.square(apart, out=apart).sum() - correction * correction / finite.size)
    if not math.isfinite(m2):
        return float(mean), math.inf
    return float(mean + correction / finite.size), max(m2, 0.0)
