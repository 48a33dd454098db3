"""Where a model fails: by position and slice, never by value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from drift.performance.metrics import log_losses
from drift.performance.predictions import CANDIDATE
from drift.performance.spread import rounded

if TYPE_CHECKING:
    from drift.performance.predictions import Predictions

SHOWN = 20


def confusion(rows: Predictions, model: str) -> dict[str, int]:
    """How often which label was said of which, as true and false positives and negatives."""
    said, was = rows.scores[model] >= rows.threshold(model), rows.label > 0
    return {
        "true_positive": int(np.count_nonzero(said & was)),
        "false_positive": int(np.count_nonzero(said & ~was)),
        "false_negative": int(np.count_nonzero(~said & was)),
        "true_negative": int(np.count_nonzero(~said & ~was)),
    }


def largest_errors(rows: Predictions) -> list[dict[str, Any]]:
    """The rows that the candidate was most wrong about: position in the file, error, slices. No other value.

    The error is the log loss of a binary task, else the absolute error.
    """
    scores = rows.scores[CANDIDATE]
    errors = log_losses(rows.label, scores) if rows.task == "binary" else np.abs(scores - rows.label)
    few = min(SHOWN, len(errors))
    least = np.partition(errors, len(errors) - few)[len(errors) - few]
    near = np.flatnonzero(errors >= least)
    worst = near[np.lexsort((rows.rows[near], -errors[near]))][:few]
    return [
        {
            "row": int(rows.rows[place]),
            "error": rounded(float(errors[place])),
            "slices": {name: one.values[one.codes[place]] for name, one in rows.slices.items()},
        }
        for place in worst.tolist()
    ]
