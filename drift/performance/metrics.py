"""Metrics from sums over rows: weighted sums give the metric of weighted rows, a resample's counts its value.

A value that is not defined (no positives, say) is NaN.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

GREATER_IS_BETTER: dict[str, dict[str, bool]] = {
    "binary": {
        "roc_auc": True,
        "log_loss": False,
        "accuracy": True,
        "precision": True,
        "recall": True,
        "f1": True,
        "brier": False,
        "ece": False,
    },
    "regression": {"rmse": False, "mae": False, "r2": True},
}
"""Metrics with a direction; `calibration_slope` has none: it is best at 1."""
SMALLEST = float(np.finfo(np.float64).eps)
"""Probabilities are kept this far from 0 and 1 in the log loss, as scikit-learn does."""
ROUNDING = 1e-12
"""A sum of squares about the mean that is this small beside its parts is 0 but for rounding."""


def shared_terms(task: str, label: Array, middle: float) -> Iterator[Array]:
    """What the rows themselves add: 1 and the label, or 1, the label and its square, both about `middle`."""
    yield np.ones(len(label))
    if task == "binary":
        yield label
    else:
        yield label - middle
        yield np.square(label - middle)


def terms(task: str, label: Array, scores: Array, threshold: float) -> Iterator[Array]:
    """What one model's scores add to the sums, a row each."""
    if task == "regression":
        errors = scores - label
        yield np.square(errors)
        yield np.abs(errors)
        return
    said = (scores >= threshold).astype(np.float64)
    yield said
    yield label * said
    yield (label == said).astype(np.float64)
    yield log_losses(label, scores)
    yield np.square(scores - label)


def log_losses(label: Array, scores: Array) -> Array:
    """The negative logarithm of the probability that was given to what happened."""
    happened = np.where(label > 0, scores, 1 - scores)
    return -np.log(np.clip(happened, SMALLEST, 1 - SMALLEST))


def values(task: str, shared: Array, own: Array) -> dict[str, Array]:
    """The metrics, all but those of ranking and calibration.

    Args:
        task: `binary` or `regression`.
        shared: sums of `shared_terms`, along the last axis.
        own: sums of `terms`, along the last axis.
    """
    if task == "binary":
        rows, positive = np.moveaxis(shared, -1, 0)
        predicted, hits, right, loss, squares = np.moveaxis(own, -1, 0)
        return {
            "log_loss": ratio(loss, rows),
            "accuracy": ratio(right, rows),
            "precision": ratio(hits, predicted),
            "recall": ratio(hits, positive),
            "f1": ratio(2 * hits, predicted + positive),
            "brier": ratio(squares, rows),
        }
    rows, total, total_squares = np.moveaxis(shared, -1, 0)
    squares, absolutes = np.moveaxis(own, -1, 0)
    spread = total_squares - ratio(total**2, rows)
    spread = np.where(spread <= ROUNDING * total_squares, 0, spread)  # all labels equal: R2 is not defined
    return {
        "rmse": np.sqrt(ratio(squares, rows)),
        "mae": ratio(absolutes, rows),
        "r2": 1 - ratio(squares, spread),
    }


def ratio(above: Array, below: Array) -> Array:
    """Above by below; NaN where below is 0."""
    result = np.full(np.shape(above), np.nan)
    np.divide(above, below, out=result, where=below > 0)
    return result
