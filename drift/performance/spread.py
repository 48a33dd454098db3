"""How far off a difference may be, from its values on resamples."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

DEFINED = 0.95
"""A metric that is defined on a smaller share of the resamples gets no interval."""
LEAST = 10
"""Fewer units, or fewer rows of the rarer label, say nothing of how far off a metric is."""
_Z = NormalDist().inv_cdf(0.975)
DIGITS = 10
"""Kept of every number: the last ones depend on the machine's own instructions."""


def standard_error(resampled: NDArray[np.float64], units: int) -> float | None:
    """The standard deviation over the resamples, for `units` units, or None where there is too little.

    The resamples vary by (units - 1) / units too little (Efron 1982); that is put right.
    """
    finite = resampled[np.isfinite(resampled)]
    if units < LEAST or len(finite) < DEFINED * len(resampled):
        return None
    return float(np.std(finite, ddof=1)) * math.sqrt(units / (units - 1))


def least_error(chances: float) -> float:
    """What stays uncertain of a difference of two shares when no pair of `chances` differs.

    The half-width of Tango's (1998) score interval is z^2 / (n + z^2) then; at 95 % that is this many
    standard errors' z.
    """
    return _Z / (chances + _Z * _Z)


def quantile(confidence: float, units: int) -> float:
    """How many standard errors a two-sided interval reaches, for `units` units.

    Student's t with units - 1 degrees of freedom, by Wallace's (1959) transformation of the normal
    distribution: within 1 % at 95 % from 4 degrees on, and too wide where it is further off.
    """
    freedom = units - 1
    normal = NormalDist().inv_cdf((1 + confidence) / 2) * (8 * freedom + 3) / (8 * freedom + 1)
    return math.sqrt(freedom * math.expm1(normal * normal / freedom))


def estimate(difference: float, error: float | None, units: int, confidence: float) -> dict[str, Any] | None:
    """The difference with its interval, as `evaluation.json` has it; None where there is none."""
    if error is None:
        return None
    reach = quantile(confidence, units) * error
    return {
        "difference": rounded(difference),
        "standard_error": rounded(error),
        "lower": rounded(difference - reach),
        "upper": rounded(difference + reach),
        "confidence": confidence,
        "units": units,
    }


def rounded(value: float) -> float:
    """The digits that are kept."""
    return float(f"{value:.{DIGITS}g}")
