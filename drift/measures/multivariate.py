"""Measures of two tables of numbers: rows are observations, columns the same on both sides.

X and Y are the rows of reference and current, n and m their numbers.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy import special

from drift.measures.arguments import one_of
from drift.measures.errors import MeasureError
from drift.measures.measure import Measure

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

MOST_ROWS = 4_000


def mmd(
    reference: Array,
    current: Array,
    *,
    sigma: float | None = None,
    biased: bool = False,
    permutations: int = 0,
    seed: int = 0,
    max_rows: int = MOST_ROWS,
) -> Measure:
    """Maximum mean discrepancy, squared: E k(X,X') + E k(Y,Y') - 2 E k(X,Y) (Gretton and others 2012).

    k = exp(-|x - y|^2 / (2 sigma^2)); without `sigma`, the median distance of different rows. The unbiased
    estimate leaves out each row with itself and may be below zero. The effect size is the square root, at
    least 0. The p-value is by permutation of the rows: (1 + those as great) / (1 + permutations) (Phipson and
    Smyth 2010). Time and memory grow with the square of the rows: more than `max_rows` are refused, not
    sampled in silence.
    """
    n, m = reference.shape[0], current.shape[0]
    if n + m > max_rows:
        raise MeasureError(f"{n + m} rows are more than max_rows={max_rows}: sample them, or raise it")
    if min(n, m) < 2:
        raise MeasureError("the maximum mean discrepancy needs at least two rows a side")
    if permutations < 0:
        raise MeasureError("permutations must not be negative")
    squared = _squared_distances(np.concatenate([reference, current]))
    if sigma is None:
        apart = squared[np.triu_indices(n + m, 1)]
        sigma = math.sqrt(float(np.median(apart[apart > 0]))) if np.any(apart > 0) else 1.0
    if not sigma > 0:
        raise MeasureError(f"sigma must be above 0, not {sigma!r}")
    kernel = np.exp(squared / (-2 * sigma**2))
    first = np.arange(n + m) < n
    statistic = _discrepancy(kernel, first, biased=biased)
    p_value = None
    if permutations:
        rng = np.random.default_rng(seed)
        drawn = [_discrepancy(kernel, rng.permutation(first), biased=biased) for _ in range(permutations)]
        as_great = sum(one >= statistic - 1e-12 for one in drawn)  # ties but for rounding
        p_value = (1 + as_great) / (1 + permutations)
    return Measure(statistic=statistic, p_value=p_value, effect_size=math.sqrt(max(statistic, 0.0)))


def pca_reconstruction_error(
    reference: Array, current: Array, *, components: float = 0.65, nulls: Literal["mean", "drop"] = "mean"
) -> Measure:
    """How badly the reference's principal components rebuild the current rows (nannyml's definition).

    Columns are standardised by the reference's mean and deviation; kept are the fewest components whose share
    of the variance exceeds `components` (or that many, from 1 on). The statistic is the mean Euclidean
    distance between the current rows and their reconstruction; the effect size is its change against the
    reference's own, in standard deviations of the reference's rows. Nulls become the reference's mean.
    """
    one_of("nulls", nulls, ("mean", "drop"))
    if nulls == "drop":
        reference, current = _complete(reference), _complete(current)
    if reference.shape[0] < 2 or not current.shape[0]:
        raise MeasureError("principal components need at least two rows of reference, and one current")
    filled = [np.where(np.isnan(side), _column_means(reference), side) for side in (reference, current)]
    mean, deviation = filled[0].mean(axis=0), filled[0].std(axis=0)
    deviation = np.where(deviation > 1e-12 * np.maximum(1.0, np.abs(mean)), deviation, 1.0)
    x, y = ((side - mean) / deviation for side in filled)
    _, singular, axes = np.linalg.svd(x, full_matrices=False)
    kept = axes[: _components(singular, components)]
    before, now = (np.linalg.norm(side - side @ kept.T @ kept, axis=1) for side in (x, y))
    moved = abs(float(np.mean(now)) - float(np.mean(before)))
    moved = 0.0 if moved < 1e-12 else moved
    spread = float(before.std())
    effect = moved / spread if spread > 1e-12 else (math.inf if moved else 0.0)
    return Measure(statistic=float(np.mean(now)), effect_size=effect)


def correlation_change(
    reference: Array, current: Array, *, method: Literal["pearson", "spearman"] = "pearson"
) -> Measure:
    """The greatest change of any two columns' correlation: max |r - s|; that is the effect size too.

    The p-value is of the greatest |atanh r - atanh s| over its standard error (Fisher 1921), times the number
    of pairs (Bonferroni); the variance of atanh r is 1 / (n - 3), for Spearman's 1.06 / (n - 3) (Fieller,
    Hartley and Pearson 1957). Rows with a null are left out, and so are pairs with a constant column.
    """
    one_of("method", method, ("pearson", "spearman"))
    x, y = _complete(reference), _complete(current)
    if min(x.shape[0], y.shape[0]) < 4:
        raise MeasureError("a change of correlation needs at least four complete rows a side")
    if x.shape[1] < 2:
        raise MeasureError("a correlation needs at least two columns")
    if method == "spearman":
        x, y = _ranked(x), _ranked(y)
    pairs = np.triu_indices(x.shape[1], 1)
    r, s = _correlations(x)[pairs], _correlations(y)[pairs]
    known = np.isfinite(r) & np.isfinite(s)
    if not np.any(known):
        raise MeasureError("no two columns vary on both sides")
    r, s = r[known], s[known]
    change = float(np.max(np.abs(r - s)))
    almost = 1 - 1e-15  # atanh of a perfect correlation is infinite
    apart = np.abs(np.arctanh(np.clip(r, -almost, almost)) - np.arctanh(np.clip(s, -almost, almost)))
    variance = (1.06 if method == "spearman" else 1.0) * (1 / (x.shape[0] - 3) + 1 / (y.shape[0] - 3))
    single = 2 * float(special.ndtr(-float(np.max(apart)) / math.sqrt(variance)))
    return Measure(statistic=change, p_value=min(1.0, single * r.size), effect_size=change)


def _squared_distances(rows: Array) -> Array:
    centred = rows - rows.mean(axis=0)
    norms = np.sum(centred**2, axis=1)
    squared = np.maximum(norms[:, None] + norms[None, :] - 2 * (centred @ centred.T), 0.0)
    # What is left of the norms by rounding is a distance of zero.
    squared[squared < 1e-13 * (norms[:, None] + norms[None, :])] = 0.0
    return squared


def _discrepancy(kernel: Array, first: NDArray[np.bool_], *, biased: bool) -> float:
    a, b = first.astype(np.float64), (~first).astype(np.float64)
    n, m = float(a.sum()), float(b.sum())
    to_a = kernel @ a
    within_a, between = float(a @ to_a), float(b @ to_a)
    within_b = float(b @ (kernel @ b))
    if biased:
        return within_a / n**2 + within_b / m**2 - 2 * between / (n * m)
    return (within_a - n) / (n * (n - 1)) + (within_b - m) / (m * (m - 1)) - 2 * between / (n * m)


def _complete(rows: Array) -> Array:
    return rows[~np.any(np.isnan(rows), axis=1)]


def _column_means(rows: Array) -> Array:
    present = ~np.isnan(rows)
    counts = present.sum(axis=0)
    if not np.all(counts):
        raise MeasureError("a column of the reference has no values")
    return np.asarray(np.where(present, rows, 0.0).sum(axis=0) / counts, np.float64)


def _components(singular: Array, wanted: float) -> int:
    if wanted >= 1 and float(wanted).is_integer():
        return min(int(wanted), singular.size)
    if not 0 < wanted < 1:
        raise MeasureError(f"components must be a share below 1 or a whole number, not {wanted!r}")
    variance = singular**2
    if not variance.sum():
        return singular.size
    share = np.cumsum(variance) / variance.sum()
    return int(np.searchsorted(share, wanted, side="right")) + 1


def _ranked(rows: Array) -> Array:
    ranks = np.empty_like(rows)
    for place in range(rows.shape[1]):
        _, index, counts = np.unique(rows[:, place], return_inverse=True, return_counts=True)
        ranks[:, place] = (np.cumsum(counts) - (counts - 1) / 2)[index]
    return ranks


def _correlations(rows: Array) -> Array:
    varies = np.ptp(rows, axis=0) > 0
    centred = rows - rows.mean(axis=0)
    length = np.where(varies, np.sqrt(np.sum(centred**2, axis=0)), 1.0)
    unit = centred / np.where(length > 0, length, 1.0)
    correlations = np.clip(unit.T @ unit, -1.0, 1.0)
    correlations[~varies, :] = math.nan
    correlations[:, ~varies] = math.nan
    return correlations
