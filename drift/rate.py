"""From a promise about months to the alpha of one check."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from datetime import timedelta

MOST = 0.5
"""A check that alarms more often without drift says nothing."""
SHARED = 0.09
"""What checks against one reference have in common, as a share of their statistic's variance.

Of a reference of 60 blocks against single ones: its own chance, about 1/61, and what estimating the blocks'
spread adds, about z^2 / (2 * 59) for the z of such levels.
"""
_POINTS = 64
_STEPS = 60


def alpha_per_check(
    at_most: float,
    per: timedelta,
    every: timedelta,
    *,
    confidence: float = 0.95,
    shared: float = SHARED,
) -> float:
    """The alpha at which checks that often keep the promise "at most that many false alarms per that time".

    k = per / every checks fall in the time, rounded up. They share one reference, so their alarms come
    together more often than by chance: given the reference's own chance R, standard normal, a check alarms
    with probability Phi((sqrt(s) R - c) / sqrt(1 - s)), where s is `shared` and c the normal quantile of 1 -
    alpha (Vasicek's one-factor model, 1987), and the alarms are Binomial. The result is the greatest alpha at
    which no more than `at_most` alarms occur in a share `confidence` of such times, and at most `at_most` on
    average. Below one alarm, `at_most: 0.5`, the first means none at all.

    Args:
        at_most: false alarms.
        per: the time that they are counted over.
        every: how far apart the checks are.
        confidence: in how many of such times the promise is kept.
        shared: what the checks have in common, from 0 (nothing) to below 1.

    Raises:
        ValueError: a number or a time is not positive, or the confidence or the share is not a proper one.
    """
    if at_most <= 0 or per.total_seconds() <= 0 or every.total_seconds() <= 0:
        raise ValueError(
            f"at most {at_most} false alarms per {per}, checked every {every}: all must be positive"
        )
    if not 0 < confidence < 1:
        raise ValueError(f"a confidence of {confidence} is not between 0 and 1")
    if not 0 <= shared < 1:
        raise ValueError(f"a share of {shared} is not between 0 and 1")
    checks, alarms = math.ceil(per / every), math.floor(at_most)
    limit = min(at_most / checks, MOST)
    if alarms >= checks or _kept(limit, checks, alarms, shared) >= confidence:
        return limit
    low, high = 0.0, limit
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if _kept(middle, checks, alarms, shared) >= confidence:
            low = middle
        else:
            high = middle
    return low


def _kept(alpha: float, checks: int, alarms: int, shared: float) -> float:
    """The probability of at most so many alarms."""
    from scipy import special  # half a second, which only a promise over time costs

    if shared == 0:
        return float(special.bdtr(alarms, checks, alpha))
    points, weights = np.polynomial.hermite_e.hermegauss(_POINTS)
    quantile = special.ndtri(1 - alpha)
    given = special.ndtr((math.sqrt(shared) * points - quantile) / math.sqrt(1 - shared))
    return float(np.sum(special.bdtr(alarms, checks, given) * weights) / math.sqrt(2 * math.pi))
