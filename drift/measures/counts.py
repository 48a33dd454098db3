"""How far apart two sides' counts over the same bins or categories are: what verdicts are made of.

n and m are the numbers of values of reference and current, p and q their shares by bin or category.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from drift.measures.measure import Measure
from drift.tails import chi_squared_above

if TYPE_CHECKING:
    from numpy.typing import NDArray

EMPTY_SHARE = 1e-4
LEAST_EXPECTED = 5.0


def psi(reference: NDArray[np.int64], current: NDArray[np.int64]) -> Measure:
    """Population stability index: sum of (q - p) ln(q / p), shares of zero taken as 0.0001.

    Lewis (1994); Siddiqi (2006) gives the custom of 0.1 and 0.25. It is Jeffreys' divergence.
    """
    p, q = _shares(reference), _shares(current)
    p, q = np.maximum(p, EMPTY_SHARE), np.maximum(q, EMPTY_SHARE)
    value = float(np.sum((q - p) * np.log(q / p)))
    return Measure(statistic=value, effect_size=value)


def jensen_shannon_distance(reference: NDArray[np.int64], current: NDArray[np.int64]) -> Measure:
    """Square root of the Jensen-Shannon divergence to base 2: 0 for equal shares, 1 for disjoint ones.

    JSD = (KL(p, r) + KL(q, r)) / 2 with r = (p + q) / 2 (Lin 1991; a metric: Endres and Schindelin 2003).
    Two samples of one distribution of k bins are apart by (k - 1)(1/n + 1/m) / (8 ln 2) on average (the
    divergence is a quarter of Pearson's statistic to second order): that is taken off the effect size.
    """
    p, q = _shares(reference), _shares(current)
    middle = (p + q) / 2
    divergence = (_relative_entropy(p, middle) + _relative_entropy(q, middle)) / (2 * math.log(2))
    divergence = float(np.clip(divergence, 0.0, 1.0))
    used = int(np.count_nonzero(middle))
    by_chance = (used - 1) * (1 / reference.sum() + 1 / current.sum()) / (8 * math.log(2))
    return Measure(
        statistic=math.sqrt(divergence), effect_size=math.sqrt(max(float(divergence - by_chance), 0.0))
    )


def chi2_contingency(
    reference: NDArray[np.int64],
    current: NDArray[np.int64],
    *,
    least_expected: float = LEAST_EXPECTED,
) -> Measure:
    """Pearson's two-sample chi-squared test on the table of both sides' counts, without Yates' correction.

    X2 = sum of (O - E)^2 / E over 2 x k cells, k - 1 degrees of freedom (Pearson 1900). Categories that
    expect fewer than `least_expected` on either side are pooled (Cochran 1954). The effect size is phi =
    sqrt(X2 / (n + m)), which for two rows is Cramer's V.
    """
    a, b = _pooled(reference, current, least_expected)
    n, m = float(a.sum()), float(b.sum())
    if not n or not m:
        raise ValueError("the chi-squared test needs values on both sides")
    both = (a + b).astype(np.float64)
    expected_a, expected_b = both * (n / (n + m)), both * (m / (n + m))
    statistic = float(np.sum((a - expected_a) ** 2 / expected_a + (b - expected_b) ** 2 / expected_b))
    freedom = both.size - 1
    p_value = chi_squared_above(freedom, statistic) if freedom else 1.0
    return Measure(statistic=statistic, p_value=p_value, effect_size=math.sqrt(statistic / (n + m)))


def rate_change(reference: tuple[int, int], current: tuple[int, int]) -> Measure:
    """Change of a rate, each side as (hits, out of): the current rate minus the reference's.

    The p-value is that of the 2 x 2 chi-squared test; the effect size is the size of the change.
    """
    test = chi2_contingency(
        np.array([reference[0], reference[1] - reference[0]]),
        np.array([current[0], current[1] - current[0]]),
        least_expected=0.0,
    )
    change = current[0] / current[1] - reference[0] / reference[1]
    return Measure(statistic=change, p_value=test.p_value, effect_size=abs(change))


def _shares(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    total = counts.sum()
    if not total:
        raise ValueError("shares need values on both sides")
    return np.asarray(counts / total, dtype=np.float64)


def _relative_entropy(p: NDArray[np.float64], q: NDArray[np.float64]) -> float:
    used = p > 0
    return float(np.sum(p[used] * np.log(p[used] / q[used])))


def _pooled(
    a: NDArray[np.int64], b: NDArray[np.int64], least_expected: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    used = (a + b) > 0
    a, b = a[used], b[used]
    total = a.sum() + b.sum()
    if not total:
        return a, b
    expected = (a + b) * (min(int(a.sum()), int(b.sum())) / int(total))
    order = np.argsort(expected, kind="stable")
    few = int(np.count_nonzero(expected < least_expected))
    # The pool itself must expect enough: it takes in the next larger categories until it does.
    while 0 < few < order.size and expected[order[:few]].sum() < least_expected:
        few += 1
    if few < 2:
        return a, b
    pool, rest = order[:few], order[few:]
    return np.append(a[rest], a[pool].sum()), np.append(b[rest], b[pool].sum())
