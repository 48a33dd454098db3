"""From per-row results to what a gate judges by: metrics, differences with intervals, slices, failures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from drift.performance.calibration import bins, expected_error, slope
from drift.performance.failures import confusion, largest_errors
from drift.performance.metrics import GREATER_IS_BETTER
from drift.performance.predictions import CANDIDATE, CHAMPION
from drift.performance.resampling import resamples, units_of
from drift.performance.spread import estimate, least_error, rounded, standard_error
from drift.performance.sums import summed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from drift.performance.predictions import Predictions
    from drift.performance.sums import Sums

    Codes = NDArray[np.intp]
    Drawn = NDArray[np.float32]

RESAMPLES = 1000
MOST_SLICES = 200
"""Slices of one column, the largest first."""


def assess(
    predictions: Predictions, *, seed: int, confidence: float = 0.95, count: int = RESAMPLES
) -> dict[str, Any]:
    """The part of `evaluation.json` that follows from the rows (docs/pipeline-contract.md).

    The same rows in any order give the same answer, but for the positions of the largest errors.

    Args:
        predictions: the rows.
        seed: of the resamples; same seed, same answer, to the ten digits that are kept.
        confidence: of the intervals.
        count: of resamples.
    """
    rows = predictions.canonical()
    units, drawable = units_of(rows, seed)
    middle = float(rows.label.mean())
    drawn = resamples(drawable, count, seed)
    whole = summed(rows, units, middle)
    models = tuple(rows.scores)
    calibrated = {name: _calibrated(rows, name) for name in models}
    result: dict[str, Any] = {
        "task": rows.task,
        "rows": len(rows),
        "units": len(whole.units),
        "method": f"paired bootstrap of {rows.drawn}, {count} resamples, seed {seed}",
        "metrics": {name: {"greater_is_better": up} for name, up in GREATER_IS_BETTER[rows.task].items()},
        CHAMPION: None,
        "comparison": None,
        "slices": [_part(*cut, middle, drawn, confidence) for cut in _cuts(rows, units)],
        "calibration": {name: one["bins"] for name, one in calibrated.items()},
        "confusion": {name: confusion(rows, name) for name in models} if rows.task == "binary" else None,
        "largest_errors": largest_errors(rows),
    }
    resampled, points = whole.resampled(drawn), whole.point()
    for name in models:
        errors = {
            metric: rounded(error)
            for metric, values in resampled[name].items()
            if (error := _error(whole, metric, values)) is not None
        }
        result[name] = {
            "metrics": _rounded(points[name] | calibrated[name]["metrics"]),
            "standard_errors": errors,
        }
    if CHAMPION in rows.scores:
        compared = _compared(whole, resampled, confidence)
        result["comparison"] = {name: one | {"method": result["method"]} for name, one in compared.items()}
    return result


def _cuts(rows: Predictions, units: Codes) -> Iterator[tuple[str, Any, Predictions, Codes]]:
    """Column, value, rows and their units of every slice; the largest first."""
    for column, slicing in rows.slices.items():
        order = np.argsort(slicing.codes, kind="stable")
        sizes = np.bincount(slicing.codes, minlength=len(slicing.values))
        ends = np.cumsum(sizes)
        for code in np.argsort(-sizes, kind="stable")[:MOST_SLICES].tolist():
            places = order[ends[code] - sizes[code] : ends[code]]
            if len(places):
                yield column, slicing.values[code], rows.take(places), units[places]


def _part(
    column: str,
    value: Any,
    rows: Predictions,
    units: Codes,
    middle: float,
    drawn: Drawn,
    confidence: float,
) -> dict[str, Any]:
    sums = summed(rows, units, middle)
    part: dict[str, Any] = {"by": column, "value": value, "rows": len(rows), CHAMPION: None}
    part |= {name: _rounded(found) for name, found in sums.point().items()}
    if CHAMPION in rows.scores:
        part["comparison"] = _compared(sums, sums.resampled(drawn), confidence)
    return part


def _compared(
    sums: Sums, resampled: dict[str, dict[str, NDArray[np.float64]]], confidence: float
) -> dict[str, dict[str, Any]]:
    """Candidate minus champion, every metric that both have and that enough resamples define."""
    points = sums.point()
    candidate, champion = points[CANDIDATE], points[CHAMPION]
    chances = {} if sums.identical else sums.chances()
    comparison = {}
    for name in candidate:
        if name not in champion:
            continue
        error = _error(sums, name, resampled[CANDIDATE][name] - resampled[CHAMPION][name])
        if error is not None and name in chances:
            error = max(error, least_error(chances[name]))
        found = estimate(candidate[name] - champion[name], error, len(sums.units), confidence)
        if found:
            comparison[name] = found
    return comparison


def _error(sums: Sums, metric: str, resampled: NDArray[np.float64]) -> float | None:
    few = metric in NEEDS_BOTH and sums.scarce < LEAST_OF_A_LABEL
    return None if few else standard_error(resampled, len(sums.units))


NEEDS_BOTH = frozenset({"roc_auc", "precision", "recall", "f1"})
LEAST_OF_A_LABEL = 10
"""With fewer rows of one label a metric of that label gets no interval."""


def _calibrated(rows: Predictions, model: str) -> dict[str, Any]:
    scores = rows.scores[model]
    steep = slope(rows.task, rows.label, scores)
    metrics = {} if steep is None else {"calibration_slope": steep}
    if rows.task != "binary":
        return {"metrics": metrics, "bins": None}
    found = bins(rows.label, scores)
    return {
        "metrics": metrics | {"ece": expected_error(found)},
        "bins": [{key: _digits(value) for key, value in one.items()} for one in found],
    }


def _digits(value: float) -> float:
    return value if isinstance(value, int) else rounded(value)


def _rounded(metrics: dict[str, float]) -> dict[str, float]:
    return {name: rounded(value) for name, value in metrics.items()}
