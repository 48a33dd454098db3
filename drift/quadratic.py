"""Tail of a quadratic form whose scale was estimated: P(sum l_i z_i^2 > t sum l_i c_i / v)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from drift.tails import normal_below

if TYPE_CHECKING:
    from numpy.typing import NDArray

_STEPS = 100
_NEAR_MEAN = 1e-4


def ratio_tail(ratio: float, weights: NDArray[np.float64], freedom: int) -> float:
    """P(sum of weights x chi2_1 > ratio x sum of weights x chi2_freedom / freedom), all independent.

    With one weight it is the F test with 1 and `freedom` degrees of freedom. The tail is the saddlepoint
    approximation of Barndorff-Nielsen (1990) as Kuonen (1999) uses it for quadratic forms: off by a few
    percent of itself, also far out.
    """
    if ratio <= 0.0:
        return 1.0
    up = weights / weights.sum()
    down = -ratio * up / freedom
    forms = np.concatenate([up, down])
    degrees = np.concatenate([np.ones(up.size), np.full(down.size, float(freedom))])
    # The cumulant function of the difference is convex between its poles: its least value lies at the root.
    low, high = 0.5 / float(np.min(down)), 0.5 / float(np.max(up))
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if _slope(middle, forms, degrees) > 0.0:
            high = middle
        else:
            low = middle
    at = (low + high) / 2
    bend = float(np.sum(2 * degrees * np.square(forms / (1 - 2 * at * forms))))
    root = math.copysign(math.sqrt(max(float(np.sum(degrees * np.log1p(-2 * at * forms))), 0.0)), at)
    scaled = at * math.sqrt(bend)
    if abs(root) < _NEAR_MEAN or abs(scaled) < _NEAR_MEAN:
        skew = float(np.sum(8 * degrees * forms**3))
        return 0.5 - skew / (6 * math.sqrt(2 * math.pi) * math.pow(bend, 1.5))
    return normal_below(-(root + math.log(scaled / root) / root))


def _slope(at: float, forms: NDArray[np.float64], degrees: NDArray[np.float64]) -> float:
    return float(np.sum(degrees * forms / (1 - 2 * at * forms)))
