"""How far apart two distributions are at least, under continuous looking. Pure.

Both distances are suprema over events A of |P(A) - Q(A)|: over the half-lines for Kolmogorov-Smirnov, over
all sets of categories for the total variation. So what is measured is off by at most the radii of the two
samples, within which every event's share of a sample stays at all looks at once.
"""

from __future__ import annotations

import math
from functools import cache

FEWEST = 100
"""Rows from which on the radius of a distribution function holds; with fewer nothing is known of it."""

_BREADTH = 0.85
"""A of Howard & Ramdas; their choice."""

_GOLDEN = (math.sqrt(5) - 1) / 2

_ROWS_AT_BEST = 1000
"""The radius of a share is narrowest at so many rows."""


def distance_at_least(distance: float, rows: tuple[int, int], categories: int, level: float) -> float:
    """The distance between the distributions is at least this, but for a probability of `level`.

    Args:
        distance: between the two samples: Kolmogorov-Smirnov, or total variation of categories.
        rows: of the two samples.
        categories: how many there are; 0 for numbers.
        level: half of it goes into each sample.
    """
    radius = math.fsum(
        total_variation_radius(count, categories, level / 2)
        if categories
        else distribution_radius(count, level / 2)
        for count in rows
    )
    return max(0.0, distance - radius)


def distribution_radius(rows: int, level: float) -> float:
    """How far a sample's distribution function is off, at most, anywhere and at all looks at once.

    Howard & Ramdas 2022 (Sequential estimation of quantiles with applications to A/B testing and best-arm
    identification, Bernoulli 28), theorem 2: with t rows, from m on, A sqrt((log log(e t / m) + C) / t),
    exceeded ever with probability at most 4 exp(-g C) (1 + 1 / ((g - 1) log eta)), for any eta with
    g = 2 / eta (A - sqrt(2 (eta - 1) / C))^2 > 1.
    """
    if rows < FEWEST:
        return 1.0
    return min(1.0, _BREADTH * math.sqrt((math.log1p(math.log(rows / FEWEST)) + _constant(level)) / rows))


@cache
def _constant(level: float) -> float:
    """The least C at which the theorem's probability is `level`, for the best eta."""
    low, high = 1.0, 8.0
    while _log_miss(high) > math.log(level):
        low, high = high, 2 * high
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if _log_miss(middle) > math.log(level) else (low, middle)
    return high


def _log_miss(constant: float) -> float:
    """The logarithm of the theorem's probability at this C, for a good eta; it holds for any."""
    low, high = 1.0, 2 * _BREADTH**2
    for _ in range(30):  # golden section; where the theorem says nothing, eta is too great
        left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        if _log_miss_at(constant, left) <= _log_miss_at(constant, right):
            high = right
        else:
            low = left
    return _log_miss_at(constant, (low + high) / 2)


def _log_miss_at(constant: float, eta: float) -> float:
    left = _BREADTH - math.sqrt(2 * (eta - 1) / constant)
    power = 2 / eta * left * left
    if left <= 0 or power <= 1:
        return math.inf
    return math.log(4) - power * constant + math.log1p(1 / ((power - 1) * math.log(eta)))


def total_variation_radius(rows: int, categories: int, level: float) -> float:
    """How far any set of categories' share of a sample is off, at most, at all looks at once.

    A share deviates like a sum of variables in [0, 1], sub-Gaussian with variance 1/4 (Hoeffding 1963).
    Robbins' normal mixture bounds such a sum S of t at all t at once:
    S^2 <= (v + w) (log((v + w) / w) + 2 log(1 / a)) with v = t / 4 (Howard, Ramdas, McAuliffe & Sekhon 2021,
    Time-uniform, nonparametric, nonasymptotic confidence sequences, Annals of Statistics 49, the two-sided
    normal mixture, with their w for a chosen t). The 2^(k-1) - 1 ways to part k categories in two share the
    level (as Weissman et al. 2003 do for one look, Inequalities for the L1 deviation of the empirical
    distribution). Categories that a sample does not have yet count among the k.
    """
    if categories < 2:
        return 0.0
    if not rows:
        return 1.0
    # log(2^(k - 1) - 1), without the power itself
    parts = (categories - 1) * math.log(2) + math.log1p(-(2.0 ** (1 - categories)))
    doubt = 2 * (parts - math.log(level))
    variance, best = rows / 4, _ROWS_AT_BEST / 4
    width = best / (doubt + math.log1p(doubt))
    return min(1.0, math.sqrt((variance + width) * (math.log1p(variance / width) + doubt)) / rows)
