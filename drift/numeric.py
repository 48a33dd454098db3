"""What a profile keeps of a column of numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from drift.histogram import KeyHistogram


@dataclass(frozen=True, slots=True, kw_only=True)
class NumericSummary:
    """Counts, extremes, moments and the histogram.

    `minimum`, `maximum`, `mean` and `m2` (the sum of squared deviations from the mean) are over the finite
    values; the histogram also holds the infinities. NaN is only counted. Extremes are None without finite
    values.
    """

    count: int = 0
    """Values that can be ordered: all but nulls and NaN."""
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

    def merge(self, other: NumericSummary) -> NumericSummary:
        """The summary of both sides' values."""
        mean, m2 = self._merged_moments(other)
        minima = [one for one in (self.minimum, other.minimum) if one is not None]
        maxima = [one for one in (self.maximum, other.maximum) if one is not None]
        return NumericSummary(
            count=self.count + other.count,
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
    def finite(self) -> int:
        """Values that are neither NaN nor infinite."""
        return self.count - self.positive_infinite - self.negative_infinite

    @property
    def standard_deviation(self) -> float | None:
        """Of the sample (n - 1); None below two finite values or when it overflows."""
        if self.finite < 2 or not math.isfinite(self.m2):
            return None
        return math.sqrt(max(self.m2, 0.0) / (self.finite - 1))
