"""Can a classifier tell the current rows from the reference's? X and Y are their rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from drift.measures.errors import MeasureError
from drift.measures.measure import Measure

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

_STEPS = 50
_CLOSE = 1e-10


def domain_classifier(
    reference: Array,
    current: Array,
    *,
    folds: int = 5,
    ridge: float = 1.0,
    products: bool = False,
    seed: int = 0,
) -> Measure:
    """Area under the ROC curve of a classifier between reference and current, cross-validated.

    After Lopez-Paz and Oquab (2017); nannyml calls it the domain classifier. 0.5 means that it cannot tell
    them apart; the effect size is 2 AUC - 1, at least 0. The classifier is a logistic regression on the
    standardised columns and their squares (with `products`, also on the columns' products), with the penalty
    `ridge` / 2 |b|^2: it sees changes of mean, spread and, with products, correlation. nannyml's is a boosted
    forest of trees, so its numbers differ from these. AUC is the mean over the folds of scores for rows that
    the regression has not seen. Nulls become the mean, and a column of their own.
    """
    if folds < 2 or not ridge > 0:
        raise MeasureError("the domain classifier needs at least 2 folds, and a ridge above 0")
    if min(len(reference), len(current)) < folds:
        raise MeasureError(f"the domain classifier needs at least {folds} rows a side, one for each fold")
    rows = np.concatenate([reference, current])
    is_current = np.arange(len(rows)) >= len(reference)
    # In an order of the values, so that neither the order of rows nor which side is which decides the folds.
    order = np.lexsort(rows.T[::-1])
    rows, is_current = rows[order], is_current[order]
    fold = _folds(is_current, folds, seed)
    features = _features(rows, products=products)
    areas = []
    for held_out in range(folds):
        seen = fold != held_out
        coefficients = _regression(features[seen], is_current[seen].astype(np.float64), ridge)
        scores = features[~seen] @ coefficients
        areas.append(_area(scores[~is_current[~seen]], scores[is_current[~seen]]))
    area = float(np.mean(areas))
    return Measure(statistic=area, effect_size=max(2 * area - 1, 0.0))


def _folds(is_current: NDArray[np.bool_], folds: int, seed: int) -> NDArray[np.int64]:
    """Each side spread evenly over the folds, by lots drawn for both together.

    Lots drawn alike for both sides would hold out rows of the same rank on both: scores for unseen rows would
    then follow the seen ones, and the area exceed 0.5 without any change.
    """
    lots = np.random.default_rng(seed).random(is_current.size)
    fold = np.empty(is_current.size, np.int64)
    for side in (is_current, ~is_current):
        places = np.flatnonzero(side)
        fold[places[np.argsort(lots[places])]] = np.arange(places.size) % folds
    return fold


def _features(rows: Array, *, products: bool) -> Array:
    """A column of ones, then standardised: the columns, where they are null, their squares or products."""
    null = np.isnan(rows)
    present = np.maximum((~null).sum(axis=0), 1)
    filled = np.where(null, np.where(null, 0.0, rows).sum(axis=0) / present, rows)
    columns = _standard(filled)
    left, right = np.triu_indices(columns.shape[1], 0 if products else columns.shape[1])
    second = columns[:, left] * columns[:, right] if products else columns**2
    parts = [columns, null[:, null.any(axis=0)].astype(np.float64), second]
    return np.hstack([np.ones((len(rows), 1)), _standard(np.hstack(parts))])


def _standard(columns: Array) -> Array:
    centred = columns - columns.mean(axis=0)
    deviation = centred.std(axis=0)
    varies = deviation > 1e-12 * np.maximum(1.0, np.abs(columns).max(axis=0))
    return np.where(varies, centred / np.where(varies, deviation, 1.0), 0.0)


def _regression(features: Array, truth: Array, ridge: float) -> Array:
    """Newton's method, each step halved until the penalised loss falls; the first column has no penalty."""
    penalty = np.full(features.shape[1], ridge)
    penalty[0] = 0.0

    def loss(coefficients: Array) -> float:
        scores = features @ coefficients
        data = float(np.sum(np.logaddexp(0.0, scores) - truth * scores))
        return data + float(np.sum(penalty * coefficients**2)) / 2

    coefficients = np.zeros(features.shape[1])
    best = loss(coefficients)
    for _ in range(_STEPS):
        expected = special.expit(features @ coefficients)
        gradient = features.T @ (expected - truth) + penalty * coefficients
        curvature = (features.T * (expected * (1 - expected))) @ features + np.diag(penalty)
        step = np.linalg.lstsq(curvature, gradient, rcond=None)[0]
        size = 1.0
        while size > _CLOSE and loss(coefficients - size * step) > best:
            size /= 2
        coefficients = coefficients - size * step
        now = loss(coefficients)
        if best - now <= _CLOSE * (1 + abs(best)):
            break
        best = now
    return coefficients


def _area(below: Array, above: Array) -> float:
    """The share of pairs in which the second is the greater, ties counted half."""
    rising = np.sort(below)
    less = np.searchsorted(rising, above, side="left").sum()
    equal = np.searchsorted(rising, above, side="right").sum() - less
    return float(less + equal / 2) / (below.size * above.size)
