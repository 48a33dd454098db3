"""The evidence of control/sequential.py at many looks at once. Only to find the looks worth judging."""

from __future__ import annotations

import math
from bisect import bisect_right

import numpy as np
from traffic import CLASSES, FIRST, Counts, distances

from control.sequential import SHARE_OF_LEVEL, SHIFTS, STAKES
from control.sequential_distance import distance_at_least
from control.traffic import LATENCY_RATIO

_SHIFTS, _STAKES = np.array(SHIFTS), np.log(STAKES)


def log_evidence(hits: np.ndarray, trials: np.ndarray, rate: float) -> np.ndarray:
    """As control.sequential.log_evidence."""
    terms = _STAKES + np.outer(hits, _SHIFTS) - np.outer(trials, np.log1p(rate * np.expm1(_SHIFTS)))
    top = terms.max(1, keepdims=True)
    return top[:, 0] + np.log(np.exp(terms - top).sum(1))


def suspects(
    mine: Counts, other: Counts, *, share: float, level: float, error_rate: float, p95: float
) -> dict[str, np.ndarray]:
    """By question, by how much the evidence at each look is above (or below) what fails a step.

    That of latency is what speaks against one value of the champion's quantile, its true one; a step fails
    only when every value is refuted, so it is above this only where this is.
    """
    rest = (1 - SHARE_OF_LEVEL) * level
    found = {"error_rate": log_evidence(mine.failures, mine.requests, error_rate) + math.log(level)}
    if not other.requests[-1]:
        return found
    split = [
        log_evidence(side, mine.requests + other.requests, part)
        for side, part in ((mine.requests, share), (other.requests, 1 - share))
    ]
    doubted = np.maximum(*split) >= -math.log(SHARE_OF_LEVEL * level / 2)
    # Where the share is doubted, the judgement takes another: look at those in any case.
    of_hits = log_evidence(mine.failures, mine.failures + other.failures, share) + math.log(rest)
    found["error_rate x champion"] = np.where(doubted, 1.0, of_hits)
    found["latency_p95"] = np.where(doubted, 1.0, _latency(mine, other, share, rest, p95))
    numbers, classes = distances(mine, other)
    rows = list(zip(mine.requests, other.requests, strict=True))
    found["prediction_drift"] = np.array(
        [
            max(
                distance_at_least(float(numbers[look]), rows[look], 0, level / 2),
                distance_at_least(float(classes[look]), rows[look], CLASSES, level / 2),
            )
            for look in range(len(rows))
        ]
    )
    return found


def _latency(mine: Counts, other: Counts, share: float, level: float, p95: float) -> np.ndarray:
    edges = [LATENCY_RATIO ** (FIRST + number) for number in range(mine.latencies.shape[1] + 1)]
    above = [side.latencies[:, ::-1].cumsum(1)[:, ::-1] for side in (mine, other)]
    slow = above[0][:, bisect_right(edges, p95)]  # lower edges above it
    from_value = above[1][:, bisect_right(edges, p95) - 1]  # upper edges above it
    over = above[1][:, bisect_right(edges, p95)]
    won = [
        math.log(0.6) + log_evidence(slow, slow + from_value, share),
        math.log(0.2) + log_evidence(other.requests - from_value, other.requests, 0.95),
        math.log(0.2) + log_evidence(over, other.requests, 1 - 0.95),
    ]
    return np.logaddexp.reduce(won) + math.log(level)
