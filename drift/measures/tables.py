"""Tests of two sides' counts over the same categories.

n and m are the sums of reference and current, O the observed and E the expected counts. The reference is a
sample too: unless a name says otherwise, no test takes it as exact.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from drift.measures.errors import MeasureError
from drift.measures.measure import Measure

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]


def chi2_contingency(reference: Array, current: Array, *, correction: bool = False) -> Measure:
    """Pearson's two-sample chi-squared test: sum of (O - E)^2 / E over 2 x k cells (Pearson 1900).

    k - 1 degrees of freedom. `correction` is Yates' (1934), for 2 x 2 tables only: each |O - E| less by a
    half, at most to zero. The effect size is phi = sqrt(X2 / (n + m)) of the uncorrected statistic.
    """
    observed, expected = _expectations(reference, current)
    plain = float(np.sum((observed - expected) ** 2 / expected))
    if correction:
        observed = _yates(observed, expected)
    statistic = float(np.sum((observed - expected) ** 2 / expected))
    return _tested(statistic, reference.size - 1, math.sqrt(plain / float(observed.sum())))


def g_test(
    reference: Array, current: Array, *, correction: bool = False, reference_exact: bool = False
) -> Measure:
    """Likelihood-ratio test: G = 2 sum of O ln(O / E), k - 1 degrees of freedom (Wilks 1935; Woolf 1957).

    `correction` as in `chi2_contingency`. With `reference_exact` it is a test of fit of the current counts to
    the reference's shares (evidently), which alarms too often, since the reference is a sample as well. The
    effect size is sqrt(G / total), the total of the counts tested.
    """
    if reference_exact:
        observed, expected = current, _scaled(reference, current)
    else:
        observed, expected = _expectations(reference, current)
    # With O - E in it the sum has no rounding below zero; over all cells O - E sums to nothing.
    plain = 2 * float(np.sum(special.kl_div(observed, expected)))
    statistic = plain
    if correction:
        if reference_exact:
            raise MeasureError("Yates' correction belongs to the two-sample test")
        statistic = 2 * float(np.sum(special.kl_div(_yates(observed, expected), expected)))
    return _tested(statistic, reference.size - 1, math.sqrt(plain / float(observed.sum())))


def chi2_gof(reference: Array, current: Array) -> Measure:
    """Pearson's test of fit of the current counts to the reference's shares: sum of (O - E)^2 / E.

    E is the reference scaled to the current total; k - 1 degrees of freedom; infinite where the reference
    has nothing and the current data something. Azure ML's and evidently's test. It takes the reference as
    exact and alarms the more often the more categories there are: prefer `chi2_contingency`. The effect size
    is Cohen's w = sqrt(X2 / m) (1988).
    """
    expected = _scaled(reference, current)
    with np.errstate(divide="ignore"):
        statistic = float(np.sum((current - expected) ** 2 / expected))
    return _tested(statistic, reference.size - 1, math.sqrt(statistic / float(current.sum())))


def fisher_exact(reference: Array, current: Array) -> Measure:
    """Fisher's exact test of a 2 x 2 table, two-sided (1922): scipy.stats.fisher_exact.

    The statistic is the sample's odds ratio, ad / bc, 1 for equal sides; the effect size is phi.
    """
    from scipy import stats

    if reference.size > 2:
        raise MeasureError(f"Fisher's exact test needs two categories, not {reference.size}")
    if np.any(reference != np.floor(reference)) or np.any(current != np.floor(current)):
        raise MeasureError("Fisher's exact test needs whole counts")
    if reference.size == 1:
        return Measure(statistic=1.0, p_value=1.0, effect_size=0.0)
    result = stats.fisher_exact(np.array([reference, current], np.int64))
    phi = chi2_contingency(reference, current).effect_size
    return Measure(statistic=float(result.statistic), p_value=float(result.pvalue), effect_size=phi)


def cramers_v(reference: Array, current: Array, *, bias_correction: bool = False) -> Measure:
    """Cramer's V (1946): sqrt(X2 / (n + m) / min(r - 1, k - 1)); here r is 2. The p-value is that of X2.

    With `bias_correction` (Bergsma 2013) X2 / N is less by (r - 1)(k - 1) / (N - 1), at least 0, and r and k
    by (r - 1)^2 / (N - 1) and (k - 1)^2 / (N - 1).
    """
    test = chi2_contingency(reference, current)
    total, k = float(reference.sum() + current.sum()), reference.size
    squared = test.statistic / total
    if bias_correction:
        if total <= 2:
            raise MeasureError("the bias of Cramer's V needs more than two rows")
        squared = max(squared - (k - 1) / (total - 1), 0.0)
        squared /= max(min(1 - 1 / (total - 1), k - 1 - (k - 1) ** 2 / (total - 1)), math.ulp(1.0))
    value = math.sqrt(squared)
    return Measure(statistic=value, p_value=test.p_value, effect_size=value)


def _expectations(reference: Array, current: Array) -> tuple[Array, Array]:
    observed = np.concatenate([reference, current])
    n, m = float(reference.sum()), float(current.sum())
    both = reference + current
    return observed, np.concatenate([both * (n / (n + m)), both * (m / (n + m))])


def _scaled(reference: Array, current: Array) -> Array:
    return np.asarray(reference * (float(current.sum()) / float(reference.sum())), np.float64)


def _yates(observed: Array, expected: Array) -> Array:
    if observed.size != 4:
        return observed
    apart = expected - observed
    return np.asarray(observed + np.sign(apart) * np.minimum(0.5, np.abs(apart)), np.float64)


def _tested(statistic: float, freedom: int, effect: float) -> Measure:
    p_value = float(special.chdtrc(freedom, statistic)) if freedom else 1.0
    return Measure(statistic=statistic, p_value=p_value, effect_size=effect)
