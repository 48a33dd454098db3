"""From a promise about months to the alpha of one check."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import timedelta

MOST = 0.5
"""A check that alarms more often without drift says nothing."""


def alpha_per_check(at_most: float, per: timedelta, every: timedelta, *, confidence: float = 0.95) -> float:
    """The alpha at which checks that often keep the promise "at most that many false alarms per that time".

    k = per / every checks fall in the time, rounded up. Without drift their alarms are Binomial(k, alpha)
    when the checks are independent. The result is the greatest alpha at which no more than `at_most` alarms
    occur in a share `confidence` of such times, and at most `at_most` on average; the average holds for
    dependent checks too. Below one alarm, `at_most: 0.5`, the first means none at all.

    Args:
        at_most: false alarms.
        per: the time that they are counted over.
        every: how far apart the checks are.
        confidence: in how many of such times the promise is kept.

    Raises:
        ValueError: a number or a time is not positive, or the confidence is not between 0 and 1.
    """
    if at_most <= 0 or per.total_seconds() <= 0 or every.total_seconds() <= 0:
        raise ValueError(
            f"at most {at_most} false alarms per {per}, checked every {every}: all must be positive"
        )
    if not 0 < confidence < 1:
        raise ValueError(f"a confidence of {confidence} is not between 0 and 1")
    from scipy import special  # half a second, which only a promise over time costs

    checks = math.ceil(per / every)
    alarms = math.floor(at_most)
    kept = MOST if alarms >= checks else float(special.bdtri(alarms, checks, confidence))
    return min(kept, at_most / checks, MOST)
