"""Thresholds as Azure ML's monitors have them: a metric of a column, and the greatest allowed value.

Such thresholds say nothing about chance. `drift/false_alarms.py` says what they amount to for given data.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from drift.errors import ProfileError
from drift.measures.counts import jensen_shannon_distance
from drift.tails import kolmogorov_above

if TYPE_CHECKING:
    from numpy.typing import NDArray

NUMERICAL = (
    "jensen_shannon_distance",
    "normalized_wasserstein_distance",
    "population_stability_index",
    "two_sample_kolmogorov_smirnov_test",
)
CATEGORICAL = ("jensen_shannon_distance", "population_stability_index", "pearsons_chi_squared_test")
P_VALUES = frozenset({"two_sample_kolmogorov_smirnov_test", "pearsons_chi_squared_test"})
"""Metrics that are p-values: below the threshold they alarm, the others above it."""
LEAST_DEVIATION = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Metric to threshold, for columns of numbers and for all others.

    Raises:
        ProfileError: there is no such metric.
    """

    numerical: Mapping[str, float] = field(default_factory=dict)
    categorical: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse metrics that are not known."""
        for kind, given, known in (
            ("numerical", self.numerical, NUMERICAL),
            ("categorical", self.categorical, CATEGORICAL),
        ):
            for name in given:
                if name not in known:
                    raise ProfileError(f"{kind} metric {name!r} is none of {', '.join(known)}")

    def of(self, *, ordered: bool) -> Mapping[str, float]:
        """Those of one column."""
        return self.numerical if ordered else self.categorical


@dataclass(frozen=True, slots=True)
class Counted:
    """Both sides' counts over the same bins; `centres` are the bins' values, None for categories."""

    reference: NDArray[np.int64]
    current: NDArray[np.int64]
    centres: NDArray[np.float64] | None = None


def exceeded(metric: str, value: float, threshold: float) -> bool:
    """Whether the metric alarms."""
    return value < threshold if metric in P_VALUES else value > threshold


def metric(name: str, counted: Counted) -> float:
    """A metric as Azure ML's monitoring computes it, from counts by bin.

    Distances of numbers take Sturges' number of equal widths over both sides' range, for the smaller side's
    size; the stability index adds one to each count; Wasserstein's distance is divided by the reference's
    standard deviation, at least 0.001; Pearson's test takes the reference as exact.
    """
    if name == "normalized_wasserstein_distance":
        return _wasserstein(counted)
    if name == "two_sample_kolmogorov_smirnov_test":
        return _kolmogorov(counted)
    a, b = _binned(counted)
    if name == "jensen_shannon_distance":
        return float(jensen_shannon_distance(a, b).statistic)
    if name == "population_stability_index":
        p, q = (a + 1) / a.sum(), (b + 1) / b.sum()
        return float(np.sum((q - p) * np.log(q / p)))
    from drift.measures.tables import chi2_gof

    return float(chi2_gof(a.astype(np.float64), b.astype(np.float64)).p_value or 0.0)


def _binned(counted: Counted) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    a, b = counted.reference, counted.current
    used = (a + b) > 0
    a, b = a[used], b[used]
    if counted.centres is None:
        return a, b
    centres = counted.centres[used]
    low, high = float(np.min(centres)), float(np.max(centres))
    if not high > low:
        return a.sum(keepdims=True), b.sum(keepdims=True)
    bins = math.ceil(math.log2(min(a.sum(), b.sum())) + 1)
    place = np.minimum(((centres - low) / (high - low) * bins).astype(np.int64), bins - 1)
    a, b = (np.bincount(place, side, bins).astype(np.int64) for side in (a, b))
    met = (a + b) > 0
    return a[met], b[met]


def _centres(counted: Counted) -> NDArray[np.float64]:
    if counted.centres is None:
        raise AssertionError("a metric of numbers without their values")
    return counted.centres


def _wasserstein(counted: Counted) -> float:
    centres, a, b = _centres(counted), counted.reference, counted.current
    apart = np.abs(np.cumsum(a / a.sum() - b / b.sum()))[:-1]
    mean = float(np.sum(centres * a)) / a.sum()
    deviation = math.sqrt(float(np.sum(np.square(centres - mean) * a)) / max(int(a.sum()) - 1, 1))
    return float(np.sum(apart * np.diff(centres))) / max(deviation, LEAST_DEVIATION)


def _kolmogorov(counted: Counted) -> float:
    n, m = int(counted.reference.sum()), int(counted.current.sum())
    apart = np.cumsum(counted.reference) / n - np.cumsum(counted.current) / m
    return kolmogorov_above(float(np.max(np.abs(apart))) * math.sqrt(n * m / (n + m)))
