"""Metrics of predictions, for many weightings of the same rows at once.

Every metric is defined once, for weighted rows: weights of 1 give the metric itself, the counts of a
bootstrap resample give its value on that resample. A value that is not defined (no positives, say) is NaN.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Measure = Callable[[Array], dict[str, Array]]
    """From weights (weightings x rows) to one value per weighting, by metric."""

GREATER_IS_BETTER = {
    "binary": {
        "roc_auc": True,
        "log_loss": False,
        "accuracy": True,
        "precision": True,
        "recall": True,
        "f1": True,
        "brier": False,
    },
    "regression": {"rmse": False, "mae": False, "r2": True},
}
SMALLEST = np.finfo(np.float64).eps
"""Probabilities are kept this far from 0 and 1 in the log loss, as scikit-learn does."""

ROUNDING = 1e-12
"""A sum of squares about the mean that is this small beside its parts is 0 but for rounding."""


def measures(task: str, truth: Array, scores: Array, threshold: float = 0.5) -> Measure:
    """Prepare the metrics of one model's scores; the result computes them for given weights.

    Args:
        task: `binary` or `regression`.
        truth: labels.
        scores: probabilities of label 1, or predicted numbers.
        threshold: probability from which the label is 1.
    """
    if task == "binary":
        return _binary(truth, scores, threshold)
    return _regression(truth, scores)


def measured(measure: Measure, rows: int) -> dict[str, float]:
    """The metrics of the rows as they are, those that are defined."""
    values = measure(np.ones((1, rows)))
    return {name: float(value[0]) for name, value in values.items() if np.isfinite(value[0])}


def _binary(truth: Array, scores: Array, threshold: float) -> Measure:
    said = (scores >= threshold).astype(np.float64)
    clipped = np.clip(scores, SMALLEST, 1 - SMALLEST)
    # One column per sum that the metrics are made of.
    terms = np.column_stack(
        [
            truth,
            said,
            truth * said,
            truth == said,
            -(truth * np.log(clipped) + (1 - truth) * np.log1p(-clipped)),
            (scores - truth) ** 2,
        ]
    )
    order = np.argsort(scores, kind="stable")
    ordered_truth = truth[order]
    starts = np.flatnonzero(np.diff(scores[order], prepend=np.nan) != 0)  # of runs of equal scores

    def area(weights: Array) -> Array:
        ordered = weights[:, order]
        above = ordered * ordered_truth
        positive = np.add.reduceat(above, starts, axis=1)
        negative = np.add.reduceat(ordered - above, starts, axis=1)
        below = np.cumsum(negative, axis=1) - negative / 2  # ties count half
        pairs = positive.sum(axis=1) * negative.sum(axis=1)
        return _ratio((positive * below).sum(axis=1), pairs)

    def measure(weights: Array) -> dict[str, Array]:
        rows = weights.sum(axis=1)
        positive, predicted, hits, right, loss, squares = (weights @ terms).T
        return {
            "roc_auc": area(weights),
            "log_loss": _ratio(loss, rows),
            "accuracy": _ratio(right, rows),
            "precision": _ratio(hits, predicted),
            "recall": _ratio(hits, positive),
            "f1": _ratio(2 * hits, predicted + positive),
            "brier": _ratio(squares, rows),
        }

    return measure


def _regression(truth: Array, scores: Array) -> Measure:
    middle = float(truth.mean())  # sums of squares about it keep their digits
    terms = np.column_stack(
        [(scores - truth) ** 2, np.abs(scores - truth), truth - middle, (truth - middle) ** 2]
    )

    def measure(weights: Array) -> dict[str, Array]:
        rows = weights.sum(axis=1)
        squares, absolutes, total, total_squares = (weights @ terms).T
        spread = total_squares - total**2 / rows
        spread[spread <= ROUNDING * total_squares] = 0  # every label is the same: R2 is not defined
        return {
            "rmse": np.sqrt(_ratio(squares, rows)),
            "mae": _ratio(absolutes, rows),
            "r2": 1 - _ratio(squares, spread),
        }

    return measure


def _ratio(above: Array, below: Array) -> Array:
    ratio = np.full(above.shape, np.nan)
    np.divide(above, below, out=ratio, where=below > 0)
    return ratio
