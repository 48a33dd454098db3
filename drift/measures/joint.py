"""How far apart two tables are as a whole, from what their profiles keep of the columns together."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from drift.measures.measure import Measure
from drift.tails import normal_below

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from drift.fourier import FeatureSums
    from drift.joint import JointSummary

LEAST_ROWS = 4
LEAST_BLOCKS = 10
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
    if reference.features is not None and current.features is not None:
        discrepancy = mean_discrepancy(reference.features, current.features)
        if discrepancy is not None:
            found["mmd"] = discrepancy
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


def mean_discrepancy(
    reference: FeatureSums, current: FeatureSums, *, permutations: int = 999, seed: int = 0
) -> Measure | None:
    """Squared maximum mean discrepancy, without each row with itself: `drift.measures.multivariate.mmd`.

    Columns are standardised by the features' map. Where both sides know their blocks and there are at least
    `LEAST_BLOCKS`, the p-value is by permutation of the blocks, which holds for rows that are alike within
    one; else there is none. None where the maps differ, or a side has fewer than two rows.
    """
    n, m = reference.rows, current.rows
    if reference.map != current.map or min(n, m) < 2:
        return None
    p, q = reference.total / n, current.total / m
    own = sum((float(mean @ mean) - 1 / rows) * rows / (rows - 1) for mean, rows in ((p, n), (q, m)))
    statistic = own - 2 * float(p @ q)
    p_value = _by_blocks(reference, current, permutations, seed)
    return Measure(statistic=statistic, p_value=p_value, effect_size=_root(statistic))


def _by_blocks(reference: FeatureSums, current: FeatureSums, permutations: int, seed: int) -> float | None:
    if (
        reference.block_rows is None or reference.block_totals is None
        or current.block_rows is None or current.block_totals is None
        or (reference.unit, reference.shift) != (current.unit, current.shift)
    ):  # fmt: skip
        return None
    rows = np.concatenate([reference.block_rows, current.block_rows]).astype(np.float64)
    totals = np.concatenate([reference.block_totals, current.block_totals])
    blocks, now = rows.size, current.block_rows.size
    if blocks < LEAST_BLOCKS or not now or now == blocks:
        return None

    def apart(chosen: NDArray[np.bool_]) -> float:
        means = (totals[side].sum(axis=0) / rows[side].sum() for side in (chosen, ~chosen))
        return float(np.sum(np.square(next(means) - next(means))))

    random = np.random.default_rng(seed)
    labels = np.arange(blocks) >= blocks - now
    seen = apart(labels)
    as_great = sum(apart(random.permutation(labels)) >= seen * (1 - 1e-12) for _ in range(permutations))
    return (1 + as_great) / (1 + permutations)


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
