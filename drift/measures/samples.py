"""Measures of two samples of numbers, mostly as scipy.stats defines them; it is loaded when first needed.

x and y are the values of reference and current without nulls, n and m their numbers, F and G their empirical
distribution functions, H that of both together.
"""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Literal

import numpy as np

from drift.measures.arguments import one_of
from drift.measures.errors import MeasureError
from drift.measures.measure import Measure
from drift.measures.profiles import LEAST_DEVIATION

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

Alternative = Literal["two-sided", "less", "greater"]


def ks(reference: Array, current: Array, *, method: Literal["auto", "exact", "asymp"] = "auto") -> Measure:
    """Two-sample Kolmogorov-Smirnov: D = sup |F - G| (Smirnov 1939), two-sided; the effect size is D.

    scipy.stats.ks_2samp. `auto` is exact where n and m are at most 10,000.
    """
    from scipy import stats

    one_of("method", method, ("auto", "exact", "asymp"))
    with warnings.catch_warnings(), np.errstate(divide="ignore", invalid="ignore"):
        # Where the exact way overflows scipy takes the limit, which is what is wanted.
        warnings.simplefilter("ignore", RuntimeWarning)
        result = stats.ks_2samp(reference, current, method=method)
    return Measure(
        statistic=float(result.statistic), p_value=float(result.pvalue), effect_size=float(result.statistic)
    )


def wasserstein(
    reference: Array,
    current: Array,
    *,
    reference_weights: Array | None = None,
    current_weights: Array | None = None,
    normalise: Literal["none", "deviation", "range"] = "none",
    ddof: int = 0,
) -> Measure:
    """First Wasserstein distance: W = integral of |F - G| (Vallender 1974), as scipy.stats has it.

    `normalise`: `deviation` divides by the reference's standard deviation (with `ddof`), at least 0.001, as
    Azure ML (ddof 1) and evidently (ddof 0) do; `range` scales the joint values to 0-1. The effect size is
    always the distance by `deviation`.
    """
    from scipy import stats

    one_of("normalise", normalise, ("none", "deviation", "range"))
    distance = float(stats.wasserstein_distance(reference, current, reference_weights, current_weights))
    effect = distance / max(_deviation(reference, reference_weights, ddof), LEAST_DEVIATION)
    statistic = distance
    if normalise == "deviation":
        statistic = effect
    elif normalise == "range":
        width = float(np.ptp(np.concatenate([reference, current])))
        statistic = distance / width if width > 0 else 0.0
    return Measure(statistic=statistic, effect_size=effect)


def energy_distance(
    reference: Array,
    current: Array,
    *,
    reference_weights: Array | None = None,
    current_weights: Array | None = None,
) -> Measure:
    """Energy distance: sqrt(2 integral of (F - G)^2) (Szekely 2002), scipy.stats.energy_distance.

    It is sqrt(2E|X-Y| - E|X-X'| - E|Y-Y'|). The effect size is the coefficient of inhomogeneity, between 0
    and 1: the square of the distance over 2E|X-Y| (Szekely and Rizzo 2013).
    """
    from scipy import stats

    distance = float(stats.energy_distance(reference, current, reference_weights, current_weights))
    points, f, g, _ = _distributions(reference, current, reference_weights, current_weights)
    apart = float(np.sum((f * (1 - g) + g * (1 - f))[:-1] * np.diff(points)))
    return Measure(statistic=distance, effect_size=distance**2 / (2 * apart) if apart > 0 else 0.0)


def cramer_von_mises(
    reference: Array, current: Array, *, method: Literal["auto", "exact", "asymptotic"] = "auto"
) -> Measure:
    """Two-sample Cramer-von Mises test (Anderson 1962), scipy.stats.cramervonmises_2samp.

    `auto` is exact where n and m are at most 20. The effect size is the root of the mean of (F - G)^2 over
    all values, between 0 and 1.
    """
    from scipy import stats

    one_of("method", method, ("auto", "exact", "asymptotic"))
    _at_least(2, reference, current, "the Cramer-von Mises test")
    result = stats.cramervonmises_2samp(reference, current, method=method)
    _, f, g, mass = _distributions(reference, current)
    effect = math.sqrt(float(np.sum((f - g) ** 2 * mass)))
    return Measure(statistic=float(result.statistic), p_value=float(result.pvalue), effect_size=effect)


def anderson_darling(
    reference: Array, current: Array, *, variant: Literal["midrank", "right", "continuous"] = "midrank"
) -> Measure:
    """Two-sample Anderson-Darling test (Scholz and Stephens 1987), scipy.stats.anderson_ksamp.

    The statistic is the standardised A2; p-values lie between 0.001 and 0.25, beyond they are not told apart.
    The effect size is the root of the integral of (F - G)^2 / (H (1 - H)) dH.
    """
    from scipy import stats

    one_of("variant", variant, ("midrank", "right", "continuous"))
    _at_least(2, reference, current, "the Anderson-Darling test")
    points, f, g, mass = _distributions(reference, current)
    if points.size == 1:
        return Measure(statistic=0.0, p_value=1.0, effect_size=0.0)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "p-value (capped|floored)", UserWarning)
        result = stats.anderson_ksamp([reference, current], variant=variant)
    h = np.cumsum(mass)[:-1]
    effect = math.sqrt(float(np.sum((f - g)[:-1] ** 2 / (h * (1 - h)) * mass[:-1])))
    return Measure(statistic=float(result.statistic), p_value=float(result.pvalue), effect_size=effect)


def mann_whitney(
    reference: Array,
    current: Array,
    *,
    method: Literal["auto", "exact", "asymptotic"] = "auto",
    alternative: Alternative = "two-sided",
    correction: bool = True,
) -> Measure:
    """Mann-Whitney U test (1947), two-sided unless told; scipy.stats.mannwhitneyu, U of the reference.

    `correction` is for continuity. The effect size is the rank-biserial correlation |2U / nm - 1|.
    """
    from scipy import stats

    one_of("method", method, ("auto", "exact", "asymptotic"))
    one_of("alternative", alternative, ("two-sided", "less", "greater"))
    with np.errstate(divide="ignore", invalid="ignore"):  # all values the same: no variance
        result = stats.mannwhitneyu(
            reference, current, use_continuity=correction, alternative=alternative, method=method
        )
    u, p_value = float(result.statistic), float(result.pvalue)
    effect = abs(2 * u / (reference.size * current.size) - 1)
    return Measure(statistic=u, p_value=1.0 if math.isnan(p_value) else p_value, effect_size=effect)


def t_test(
    reference: Array, current: Array, *, equal_variances: bool = False, alternative: Alternative = "two-sided"
) -> Measure:
    """Welch's t test (1947) of the means, or Student's with `equal_variances`; scipy.stats.ttest_ind.

    t is the reference's mean minus the current one, over its standard error. The effect size is Cohen's d:
    the difference over the pooled standard deviation (1988). Without any variance t is 0 or infinite.
    """
    from scipy import stats

    one_of("alternative", alternative, ("two-sided", "less", "greater"))
    _at_least(2, reference, current, "the t test")
    n, m = reference.size, current.size
    apart = float(reference.mean() - current.mean())
    if np.ptp(reference) == 0 and np.ptp(current) == 0:
        apart = float(reference[0] - current[0])
        t = math.copysign(math.inf, apart) if apart else 0.0
        p_value = 1.0 if not apart else float(alternative == ("greater" if apart < 0 else "less"))
        if not apart and alternative != "two-sided":
            p_value = 0.5
        return Measure(statistic=t, p_value=p_value, effect_size=abs(t))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Precision loss", RuntimeWarning)
        result = stats.ttest_ind(reference, current, equal_var=equal_variances, alternative=alternative)
    pooled = math.sqrt(((n - 1) * reference.var(ddof=1) + (m - 1) * current.var(ddof=1)) / (n + m - 2))
    return Measure(
        statistic=float(result.statistic), p_value=float(result.pvalue), effect_size=abs(apart) / pooled
    )


def epps_singleton(reference: Array, current: Array, *, t: tuple[float, ...] = (0.4, 0.8)) -> Measure:
    """Epps and Singleton's test (1986) of the characteristic functions at `t`, for discrete values too.

    scipy.stats.epps_singleton_2samp; chi-squared with 2 len(t) degrees of freedom. The effect size is
    sqrt(W2 / (n + m)). It needs at least 5 values a side, and a spread in their middle half.
    """
    from scipy import stats

    _at_least(5, reference, current, "the Epps-Singleton test")
    low, high = np.quantile(np.concatenate([reference, current]), [0.25, 0.75])
    if not high > low:
        raise MeasureError("the Epps-Singleton test needs a spread: half of all values are the same")
    try:
        with warnings.catch_warnings():
            # It warns where its covariance cannot be inverted: there is no statistic then.
            warnings.simplefilter("error", UserWarning)
            result = stats.epps_singleton_2samp(reference, current, t=t)
    except (ValueError, np.linalg.LinAlgError, UserWarning) as error:
        raise MeasureError(f"the Epps-Singleton test cannot be computed: {error}") from error
    effect = math.sqrt(max(float(result.statistic), 0.0) / (reference.size + current.size))
    return Measure(statistic=float(result.statistic), p_value=float(result.pvalue), effect_size=effect)


def _distributions(
    x: Array, y: Array, w: Array | None = None, v: Array | None = None
) -> tuple[Array, Array, Array, Array]:
    """Distinct values in rising order, F and G there, and each value's share of both sides together."""
    points, place = np.unique(np.concatenate([x, y]), return_inverse=True)
    a = np.bincount(place[: x.size], w, points.size)
    b = np.bincount(place[x.size :], v, points.size)
    return points, np.cumsum(a) / a.sum(), np.cumsum(b) / b.sum(), (a + b) / (a.sum() + b.sum())


def _deviation(values: Array, weights: Array | None, ddof: int) -> float:
    if weights is not None:
        mean = np.average(values, weights=weights)
        return math.sqrt(float(np.average((values - mean) ** 2, weights=weights)))
    return float(values.std(ddof=ddof)) if values.size > ddof else 0.0


def _at_least(count: int, reference: Array, current: Array, what: str) -> None:
    if min(reference.size, current.size) < count:
        raise MeasureError(
            f"{what} needs at least {count} values a side, not {reference.size} and {current.size}"
        )
