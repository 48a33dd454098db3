"""A two-sample test for rows that come in blocks, calibrated on how the reference's own blocks differ.

Rows of one day are more alike than rows of two: shares differ from block to block without any drift, and a
test that takes rows as independent alarms at every size. The model is that of random effects: a block's
shares are x_b = pi + u_b + e_b, where u_b is drawn anew for each block (covariance U) and e_b is the chance
of n_b independent rows. Then, without drift, the difference of the current shares q and the reference's p has

    V = (h_p + h_q) U + (1/n + 1/m) E,   h = sum of (block's rows / all rows)^2,   E = multinomial covariance

U is the covariance of the reference's blocks around p minus what the rows explain (negative eigenvalues are
taken as zero, which errs towards no alarm). The statistic is Q = sum of w_k (q_k - p_k)^2. Without drift Q is
a sum of l_i chi2_1, where the l_i are the eigenvalues of V under these weights: that is the second-order
correction of Pearson's test for clustered samples by Rao and Scott (1981, 1984), with as many denominator
degrees of freedom as blocks less one (Thomas and Rao 1987), and with the exact mixture (`drift/quadratic.py`)
in the place of Satterthwaite's approximation. Categories: shares, weighted by one over the reference's share
(at least 0.01). Numbers: cumulated shares, weighted by the reference's shares, as Cramer and von Mises do.
Rates of nulls, which blocks change by factors rather than by amounts, are tested as shares and as log-odds,
and the greater p-value counts: each alone alarms too often, far out (bench/README.md).

It assumes that blocks differ independently of each other and about normally, in the current data as in the
reference; that the current data are at least one whole block; and it takes current data that do not say their
blocks as a single one. Trends and seasons longer than the reference are drift to it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from drift.quadratic import ratio_tail

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from drift.blocks import BlockTable, Unit
    from drift.column_profile import ColumnProfile
    from drift.histogram import KeyHistogram

MIN_BLOCKS = 10
"""With fewer blocks nothing reliable can be said of how they differ."""
MIN_BLOCK_VALUES = 30
"""Smaller blocks say more of chance than of how blocks differ."""
LEAST_SHARE = 0.01


@dataclass(frozen=True, slots=True)
class BlockTest:
    """`p_value` is None where fewer than `MIN_BLOCKS` blocks have enough values.

    `unit` is what the blocks are; None where the reference knows none.
    """

    blocks: int
    p_value: float | None = None
    unit: Unit | None = None


def distribution_test(before: ColumnProfile, after: ColumnProfile, *, ordered: bool) -> BlockTest:
    """Have the values moved more than the reference's blocks do among themselves?"""
    table = before.blocks
    if table is None:
        return BlockTest(0)
    unit = table.unit
    reference, current = _histogram(before), _histogram(after)
    bits = min(table.bits, reference.bits, current.bits)
    table, reference, current = (
        table.coarsened(table.shift, bits),
        reference.coarsened(bits),
        current.coarsened(bits),
    )
    both = reference.merge_prefixes(current)
    counts = np.zeros((table.keys.size, both.prefixes.size), np.int64)
    counts[:, np.searchsorted(both.prefixes, table.prefixes)] = table.counts
    sides = [np.zeros(both.prefixes.size, np.int64) for _ in range(2)]
    for side, histogram in zip(sides, (reference, current), strict=True):
        side[np.searchsorted(both.prefixes, histogram.prefixes)] = histogram.counts
    sizes = after.blocks.sizes if after.blocks and _alike(before.blocks, after.blocks) else None
    return replace(block_test(counts, sides[0], sides[1], sizes, ordered=ordered), unit=unit)


def rate_test(before: ColumnProfile, after: ColumnProfile, rows_before: int, rows_after: int) -> BlockTest:
    """Has the rate of absent values moved more than the reference's blocks do?"""
    table = before.blocks
    if table is None:
        return BlockTest(0)
    counts = np.column_stack([table.rows - table.sizes, table.sizes])
    sizes = after.blocks.rows if after.blocks and _alike(table, after.blocks) else None
    reference = np.array([rows_before - before.count, before.count])
    now = np.array([rows_after - after.count, after.count])
    shares = block_test(counts, reference, now, sizes, ordered=False)
    if shares.p_value is None:
        return replace(shares, unit=table.unit)
    odds = log_odds_test(counts, reference, now, sizes)
    return BlockTest(shares.blocks, max(shares.p_value, odds), table.unit)


def log_odds_test(
    blocks: NDArray[np.int64],
    reference: NDArray[np.int64],
    current: NDArray[np.int64],
    current_sizes: NDArray[np.int64] | None = None,
) -> float:
    """p-value of a change of log-odds, from counts (hits, others) as in `block_test`.

    The empirical log-odds y = ln((x + 1/2) / (n - x + 1/2)) has about the variance 1/(x + 1/2) + 1/(n - x +
    1/2) (Haldane 1956, Anscombe 1956); what the blocks' y vary beyond that is the variance between blocks.
    """
    sizes = blocks.sum(axis=1)
    y, noise = _log_odds(blocks[sizes >= MIN_BLOCK_VALUES])
    between = max(float(np.var(y, ddof=1) - np.mean(noise)), 0.0)
    (before, _), (after, _) = _log_odds(reference), _log_odds(current)
    n, m = int(reference.sum()), int(current.sum())
    pooled = (reference + current) / (n + m)
    chance = sum(float(_log_odds(pooled * rows)[1]) for rows in (n, m))
    concentration = _concentration(sizes, n) + (
        1.0 if current_sizes is None else _concentration(current_sizes, m)
    )
    variance = concentration * between + chance
    return ratio_tail(float(after - before) ** 2 / variance, np.ones(1), y.size - 1)


def _log_odds(counts: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of (hits, others) along the last axis: the log-odds, and their variance by chance."""
    hits, others = counts[..., 0] + 0.5, counts[..., 1] + 0.5
    return np.asarray(np.log(hits / others)), np.asarray(1 / hits + 1 / others)


def block_test(
    blocks: NDArray[np.int64],
    reference: NDArray[np.int64],
    current: NDArray[np.int64],
    current_sizes: NDArray[np.int64] | None = None,
    *,
    ordered: bool,
) -> BlockTest:
    """The test, from counts by bin.

    Args:
        blocks: the reference's, one row per block; what `reference` has beyond them is taken as one block.
        reference: all of it.
        current: all of it.
        current_sizes: values of each of the current blocks; None means one block.
        ordered: the bins are in an order (numbers).
    """
    sizes = blocks.sum(axis=1)
    used = sizes >= MIN_BLOCK_VALUES
    count = int(np.count_nonzero(used))
    if count < MIN_BLOCKS:
        return BlockTest(count)
    n, m = int(reference.sum()), int(current.sum())
    p, q = reference / n, current / m
    pooled = (reference + current) / (n + m)
    rows = np.diag(pooled) - np.outer(pooled, pooled)
    apart = blocks[used] / sizes[used, None] - p
    weights = p if ordered else 1 / np.maximum(p, LEAST_SHARE)
    moved = q - p
    if ordered:
        apart, moved = np.cumsum(apart, axis=1), np.cumsum(moved)
        rows = np.cumsum(np.cumsum(rows, axis=0), axis=1)
    root = np.sqrt(weights)
    apart, moved, rows = apart * root, moved * root, rows * np.outer(root, root)
    between = _positive(apart.T @ apart / (count - 1) - rows * float(np.mean(1 / sizes[used])))
    concentration = _concentration(sizes, n) + (
        1.0 if current_sizes is None else _concentration(current_sizes, m)
    )
    variances = np.linalg.eigvalsh(concentration * between + (1 / n + 1 / m) * rows)
    statistic, expected = float(moved @ moved), float(np.sum(np.maximum(variances, 0.0)))
    if expected <= 0.0:
        return BlockTest(count, 1.0 if statistic <= 0.0 else 0.0)
    kept = variances[variances > expected * 1e-9]
    return BlockTest(count, ratio_tail(statistic / expected, kept, count - 1))


def _positive(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * np.maximum(values, 0.0)) @ vectors.T, np.float64)


def _concentration(sizes: NDArray[np.int64], total: int) -> float:
    rest = total - int(sizes.sum())
    return float(np.sum((sizes / total) ** 2) + (rest / total) ** 2)


def _alike(reference: BlockTable | None, current: BlockTable | None) -> bool:
    if reference is None or current is None:
        return False
    return (reference.unit, reference.shift) == (current.unit, current.shift)


def _histogram(column: ColumnProfile) -> KeyHistogram:
    if column.numeric is not None:
        return column.numeric.histogram
    if column.category is None:
        raise AssertionError(f"column {column.name!r} has neither numbers nor categories")
    return column.category.key_histogram()
