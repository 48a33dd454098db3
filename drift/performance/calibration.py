"""Do the probabilities mean what they say?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

BINS = 15
"""Of equal width, as in Guo et al. (2017)."""
_FINE = 1000.0
"""Log-odds are put together to a thousandth before the slope is fitted; each cell keeps its mean."""
_FURTHEST = 40.0
_STEPS = 50
_ENOUGH = 1e-10


def bins(label: Array, scores: Array) -> list[dict[str, Any]]:
    """The bins that have rows: where they lie, how many rows, mean score and share of positive rows."""
    place = np.minimum((scores * BINS).astype(np.intp), BINS - 1)
    rows = np.bincount(place, minlength=BINS)
    said, came = (np.bincount(place, one, BINS) for one in (scores, label))
    return [
        {
            "from": at / BINS,
            "to": (at + 1) / BINS,
            "rows": int(rows[at]),
            "score": float(said[at] / rows[at]),
            "rate": float(came[at] / rows[at]),
        }
        for at in np.flatnonzero(rows).tolist()
    ]


def expected_error(found: list[dict[str, Any]]) -> float:
    """Expected calibration error (Naeini, Cooper and Hauskrecht 2015): mean distance of score and rate."""
    rows = sum(one["rows"] for one in found)
    return float(sum(one["rows"] * abs(one["score"] - one["rate"]) for one in found) / rows)


def slope(task: str, label: Array, scores: Array) -> float | None:
    """Slope of the label on what was predicted: 1 is right, below 1 the predictions are too extreme.

    For a binary task a logistic regression on the log-odds (Cox 1958), else least squares. None where it is
    not defined: one label only, predictions that do not differ, or that separate the labels completely.
    """
    return _logistic(label, scores) if task == "binary" else _linear(label, scores)


def _linear(label: Array, scores: Array) -> float | None:
    apart = scores - scores.mean()
    spread = float(np.sum(apart * apart))
    return float(np.sum(apart * (label - label.mean()))) / spread if spread > 0 else None


def _logistic(label: Array, scores: Array) -> float | None:
    with np.errstate(divide="ignore"):
        odds = np.clip(np.log(scores) - np.log1p(-scores), -_FURTHEST, _FURTHEST)
    cell = np.rint((odds + _FURTHEST) * _FINE).astype(np.intp)
    rows = np.bincount(cell)
    used = np.flatnonzero(rows)
    weights, came = rows[used].astype(np.float64), np.bincount(cell, label)[used]
    odds = np.bincount(cell, odds)[used] / weights
    if len(used) < 2 or not 0 < came.sum() < weights.sum():
        return None
    level, steep = 0.0, 1.0
    for _ in range(_STEPS):  # Newton's method
        chance = 1 / (1 + np.exp(-np.clip(level + steep * odds, -_FURTHEST, _FURTHEST)))
        missed, spread = came - weights * chance, weights * chance * (1 - chance)
        first, second = missed.sum(), (missed * odds).sum()
        a, b, c = spread.sum(), (spread * odds).sum(), (spread * odds * odds).sum()
        determinant = a * c - b * b
        if not determinant > ROUNDED * a * c:
            return None
        up, turn = (c * first - b * second) / determinant, (a * second - b * first) / determinant
        level, steep = level + up, steep + turn
        if abs(up) + abs(turn) < _ENOUGH * (1 + abs(steep)):
            return float(steep)
    return None


ROUNDED = 1e-14
"""Curvature this small beside its parts is none."""
