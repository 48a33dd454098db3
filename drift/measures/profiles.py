"""How far apart two numeric columns are, from their profiles alone.

n and m are the numbers of values of reference and current, F and G their empirical distribution functions.
`both` spares the work where the two are aligned already.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from drift.alignment import align
from drift.measures.measure import Measure
from drift.tails import kolmogorov_above

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from drift.alignment import Aligned
    from drift.numeric import NumericSummary

LEAST_DEVIATION = 1e-3


def ks(reference: NumericSummary, current: NumericSummary, both: Aligned | None = None) -> Measure:
    """Two-sample Kolmogorov-Smirnov: D = sup |F(x) - G(x)|; the effect size is D.

    At the bins' ends F and G are known exactly: the greatest difference there is attained and therefore a
    lower bound. Inside a bin F - G lies between F(start) - G(end) and F(end) - G(start): the upper bound.
    Both agree when bins are single values. The p-value is Kolmogorov's limit (1933; Smirnov 1939), Q(D
    sqrt(nm / (n + m))), of the lower bound: never too small for that reason, and conservative under ties.
    """
    n, m = reference.count, current.count
    if not n or not m:
        raise ValueError("Kolmogorov-Smirnov needs values on both sides")
    both = both or align(reference.histogram, current.histogram)
    f, g = np.cumsum(both.reference) / n, np.cumsum(both.current) / m
    lower = float(np.max(np.abs(f - g)))
    inside = (both.low != both.high) & (both.reference > 0) & (both.current > 0)
    before_f, before_g = f - both.reference / n, g - both.current / m
    reach = np.maximum(f - before_g, g - before_f)[inside]
    upper = max(lower, float(np.max(reach, initial=0.0)))
    return Measure(
        statistic=lower,
        p_value=kolmogorov_above(lower * math.sqrt(n * m / (n + m))),
        effect_size=lower,
        lower=lower,
        upper=min(upper, 1.0),
    )


def wasserstein(reference: NumericSummary, current: NumericSummary, both: Aligned | None = None) -> Measure:
    """First Wasserstein distance of the finite values: W = integral of |F(x) - G(x)| dx (Vallender 1974).

    Exact between bins; inside a bin F and G are taken as straight lines, and their possible range gives the
    bounds. The effect size is W over the reference's standard deviation, at least 0.001, as Azure ML's and
    evidently's monitors divide it.
    """
    if not reference.finite or not current.finite:
        raise ValueError("the Wasserstein distance needs finite values on both sides")
    both = both or align(reference.histogram, current.histogram)
    a, b = _finite_counts(both.reference, reference), _finite_counts(both.current, current)
    used = (a + b) > 0
    p, q = a[used] / reference.finite, b[used] / current.finite
    least = min(_some(reference.minimum), _some(current.minimum))
    most = max(_some(reference.maximum), _some(current.maximum))
    with np.errstate(over="ignore", invalid="ignore"):
        low, high = np.clip(both.low[used], least, most), np.clip(both.high[used], least, most)
        after = np.cumsum(p) - np.cumsum(q)
        before = after - p + q
        between = float(np.sum(np.abs(after[:-1]) * (low[1:] - high[:-1])))
        width = high - low
        size = np.abs(before) + np.abs(after)
        crossing = before * after < 0
        slope = np.where(crossing, (before**2 + after**2) / np.where(size > 0, 2 * size, 1.0), size / 2)
        least_inside = np.maximum(np.maximum(before - q, -(before + p)), 0.0)
        most_inside = np.maximum(np.abs(before + p), np.abs(before - q))
        statistic = between + float(np.sum(slope * width))
        lower = between + float(np.sum(least_inside * width))
        upper = between + float(np.sum(most_inside * width))
    deviation = reference.standard_deviation
    effect = None if deviation is None else statistic / max(deviation, LEAST_DEVIATION)
    return Measure(statistic=statistic, effect_size=effect, lower=lower, upper=upper)


def _finite_counts(counts: NDArray[np.int64], summary: NumericSummary) -> NDArray[np.int64]:
    # Infinities are the extreme values: they lie in the first and the last bin that the side occupies.
    finite = counts.copy()
    occupied = np.flatnonzero(counts)
    finite[occupied[0]] -= summary.negative_infinite
    finite[occupied[-1]] -= summary.positive_infinite
    return finite


def _some(value: float | None) -> float:
    if value is None:
        raise AssertionError("finite values without extremes")
    return value
