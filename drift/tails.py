"""Tails of the distributions that verdicts need: importing scipy.special for them takes half a second."""

from __future__ import annotations

import math

import numpy as np

_TERMS = 100
_CERTAIN = 0.04
"""Below it Kolmogorov's tail is 1 to the last digit."""


def normal_below(z: float) -> float:
    """P(Z <= z) of the standard normal distribution."""
    return math.erfc(-z / math.sqrt(2)) / 2


def chi_squared_above(freedom: int, value: float) -> float:
    """P(X >= value) of the chi-squared distribution with a whole number of degrees of freedom.

    The finite sums of Abramowitz and Stegun (1964), 26.4.4 and 26.4.5, with h = value / 2: for even freedom
    sum of e^-h h^j / j!, j < freedom / 2; for odd erfc(sqrt h) + sum of e^-h h^(j - 1/2) / gamma(j + 1/2),
    1 <= j <= (freedom - 1) / 2. Terms are taken as logarithms: they neither overflow nor vanish early.

    Raises:
        ValueError: the freedom is not positive.
    """
    if freedom < 1:
        raise ValueError(f"{freedom} degrees of freedom: at least 1 is needed")
    if not value > 0:
        return 1.0
    if math.isinf(value):
        return 0.0
    half = value / 2
    even = freedom % 2 == 0
    powers = np.arange(freedom // 2) + (0.0 if even else 0.5)
    total = 0.0 if even else math.erfc(math.sqrt(half))
    if powers.size:
        # ln gamma(power + 1) by its recurrence
        factors = np.log(np.concatenate([[1.0], powers[1:]]))
        logs = powers * math.log(half) - half - (np.cumsum(factors) + math.lgamma(powers[0] + 1))
        greatest = float(np.max(logs))
        total += math.exp(greatest) * float(np.sum(np.exp(logs - greatest)))
    return min(total, 1.0)


def kolmogorov_above(value: float) -> float:
    """P(K >= value) of Kolmogorov's distribution (1933), the limit of sqrt(n) D.

    2 sum of (-1)^(k - 1) exp(-2 k^2 value^2) from 1 on; its theta-transformed form for small values, where
    that converges slowly (Feller 1948).
    """
    if not value > _CERTAIN:
        return 1.0
    if value < 1:
        odd = np.arange(1, _TERMS, 2)
        exponents = -np.square(odd * math.pi / value) / 8
        return 1.0 - math.sqrt(2 * math.pi) / value * float(np.sum(np.exp(exponents)))
    if math.isinf(value):
        return 0.0
    k = np.arange(1, _TERMS)
    signs = np.where(k % 2 == 1, 1.0, -1.0)
    return min(2 * float(np.sum(signs * np.exp(-2 * np.square(k * value)))), 1.0)
