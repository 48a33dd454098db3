"""How far apart two tables are as a whole, from what their profiles keep of the columns together."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from drift.measures.measure import Measure
from drift.tails import normal_below

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from drift.joint import JointSummary

LEAST_ROWS = 4
COMPONENTS = 0.65
"""Kept are the fewest components that explain more than this share of the variance (nannyml's default)."""


def joint_measures(reference: JointSummary, current: JointSummary) -> dict[str, Measure]:
    """All of them by name; empty where the columns differ or the rows do not suffice."""
    if reference.names != current.names or len(reference.names) < 2:
        return {}
    if min(reference.rows, current.rows) < LEAST_ROWS:
        return {}
    found = {"pca_reconstruction_error": reconstruction_error(reference, current)}
    change = correlation_change(reference, current)
    return found if change is None else {"correlation_change": change, **found}


def correlation_change(reference: JointSummary, current: JointSummary) -> Measure | None:
    """The greatest change of any two columns' correlation: `drift.measures.multivariate.correlation_change`.

    The same value, from co-moments. The p-value takes rows as independent and columns as normal. None where
    no two columns vary on both sides.
    """
    pairs = np.triu_indices(len(reference.names), 1)
    r, s = (_correlations(side)[pairs] for side in (reference, current))
    known = np.isfinite(r) & np.isfinite(s)
    if not known.any():
        return None
    r, s = r[known], s[known]
    change, almost = float(np.max(np.abs(r - s))), 1 - 1e-15
    apart = np.abs(np.arctanh(np.clip(r, -almost, almost)) - np.arctanh(np.clip(s, -almost, almost)))
    deviation = math.sqrt(1 / (reference.rows - 3) + 1 / (current.rows - 3))
    p_value = min(1.0, 2 * normal_below(-float(np.max(apart)) / deviation) * r.size)
    return Measure(statistic=change, p_value=p_value, effect_size=change)


def reconstruction_error(reference: JointSummary, current: JointSummary) -> Measure:
    """Root mean square distance between current rows and what the reference's components rebuild of them.

    Columns are standardised by the reference, as nannyml does, and the same components are kept; nannyml's
    mean distance is at most this (Jensen's inequality). With R the projection away from the components, S the
    current covariance and d the current mean, both standardised: sqrt(tr(R S) + d' R d). The effect size is
    its change against the reference's own, as a share of that.
    """
    deviation = np.sqrt(np.diag(reference.comoment) / reference.rows)
    deviation = np.where(deviation > 0, deviation, 1.0)
    scale = np.outer(deviation, deviation)
    before, now = (side.comoment / side.rows / scale for side in (reference, current))
    values, vectors = np.linalg.eigh(before)
    values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1]
    total = float(values.sum())
    kept = int(np.searchsorted(np.cumsum(values) / total, COMPONENTS, side="right")) + 1 if total else 0
    rest = np.eye(values.size) - vectors[:, :kept] @ vectors[:, :kept].T
    moved = (current.mean - reference.mean) / deviation
    own = _root(float(np.sum(rest * before)))
    error = _root(float(np.sum(rest * now)) + float(moved @ rest @ moved))
    effect = abs(error - own) / own if own > 0 else (0.0 if error < 1e-9 else math.inf)
    return Measure(statistic=error, effect_size=effect)


def _root(square: float) -> float:
    return math.sqrt(max(square, 0.0))


def _correlations(side: JointSummary) -> NDArray[np.float64]:
    length = np.sqrt(np.diag(side.comoment))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.clip(side.comoment / np.outer(length, length), -1.0, 1.0), np.float64)
