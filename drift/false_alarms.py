"""What thresholds amount to: how often a table of this size alarms when nothing has drifted.

Both sides are drawn from the reference, again and again: where it knows its blocks, whole blocks with
replacement, the same for all columns (the bootstrap of clusters, Davison and Hinkley 1997), and rows within
them; else rows. Columns are drawn independently of each other within a block. Numbers are drawn by the block
table's bins (64) or 256, categories by theirs: with many categories in blocks the rate is a lower bound.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from drift.histogram import key_values
from drift.styles.counted import Counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from drift.column_profile import ColumnProfile
    from drift.histogram import KeyHistogram
    from drift.profile import Profile
    from drift.thresholds import Thresholds

DRAWS = 200
BINS = 256
LEAST_BLOCKS = 2
_Z = 1.96


@dataclass(frozen=True, slots=True)
class FalseAlarmRate:
    """An estimate with Wilson's (1927) 95 % interval, from draws of blocks (0: of rows)."""

    estimate: float
    lower: float
    upper: float
    draws: int
    blocks: int

    def to_dict(self) -> dict[str, float]:
        """Plain data."""
        return {"estimate": self.estimate, "lower": self.lower, "upper": self.upper}


def false_alarm_rate(
    reference: Profile,
    current: Profile,
    names: Sequence[str],
    thresholds: Thresholds,
    *,
    seed: int = 0,
    draws: int = DRAWS,
) -> FalseAlarmRate:
    """How often these thresholds alarm in these columns without drift, at the current data's size.

    Args:
        reference: what is drawn from.
        current: how many values, and how many blocks, each column has.
        names: the columns; those that the reference has as numbers or categories are drawn.
        thresholds: by metric.
        seed: of the draws.
        draws: how many.
    """
    random = np.random.default_rng(seed)
    shapes = [
        shape
        for name in names
        if (column := reference.columns.get(name)) and (shape := _shape(column, current.columns.get(name)))
    ]
    blocks = max((shape.blocks.shape[0] for shape in shapes if shape.grouped), default=0)
    now = max((shape.now for shape in shapes), default=1)
    alarms = 0
    for _ in range(draws):
        before, after = (random.integers(0, max(blocks, 1), size) for size in (max(blocks, 1), now))
        failed = sum(_alarms(shape, thresholds, before, after, random) for shape in shapes)
        alarms += thresholds.drifted(failed, len(names))
    share = alarms / draws
    middle = (share + _Z**2 / (2 * draws)) / (1 + _Z**2 / draws)
    half = _Z * math.sqrt(share * (1 - share) / draws + _Z**2 / (4 * draws**2)) / (1 + _Z**2 / draws)
    return FalseAlarmRate(share, max(middle - half, 0.0), min(middle + half, 1.0), draws, blocks)


@dataclass(frozen=True, slots=True)
class _Shape:
    """One column to draw from: counts by block and bin, and how many values each side has."""

    blocks: NDArray[np.int64]
    grouped: bool
    centres: NDArray[np.float64] | None
    reference: int
    current: int
    now: int
    """Blocks of the current data."""

    def draw(self, blocks: NDArray[np.int64], values: int, random: np.random.Generator) -> NDArray[np.int64]:
        chosen = self.blocks[blocks % self.blocks.shape[0]].sum(axis=0)
        total = chosen.sum()
        shares = chosen / total if total else self.blocks.sum(axis=0) / self.blocks.sum()
        return random.multinomial(values, shares)


def _alarms(
    shape: _Shape,
    thresholds: Thresholds,
    before: NDArray[np.int64],
    after: NDArray[np.int64],
    random: np.random.Generator,
) -> bool:
    drawn = Counted(
        shape.draw(before, shape.reference, random), shape.draw(after, shape.current, random), shape.centres
    )
    return bool(thresholds.exceeded(drawn, thresholds.values(drawn)))


def _shape(before: ColumnProfile, after: ColumnProfile | None) -> _Shape | None:
    if after is None or not before.count or not after.count or before.role == "skipped":
        return None
    ordered = before.role in ("number", "time") and before.numeric is not None
    table = before.blocks
    if table is not None and np.count_nonzero(table.sizes) >= LEAST_BLOCKS:
        counts = table.counts[table.sizes > 0]
        bits, prefixes, grouped = table.bits, table.prefixes, True
        same = after.blocks is not None and after.blocks.unit == table.unit
        now = after.blocks.keys.size if after.blocks is not None and same else 1
    else:
        histogram = _histogram(before, ordered=ordered)
        counts, bits, prefixes = histogram.counts[None, :], histogram.bits, histogram.prefixes
        grouped, now = False, 1
    centres = _middles(prefixes, bits, before) if ordered else None
    return _Shape(counts, grouped, centres, before.count, after.count, now)


def _middles(prefixes: NDArray[np.uint64], bits: int, column: ColumnProfile) -> NDArray[np.float64]:
    if column.numeric is None or column.numeric.minimum is None or column.numeric.maximum is None:
        return np.zeros(prefixes.size)
    shift = np.uint64(64 - bits)
    low = key_values(prefixes << shift)
    high = key_values((prefixes << shift) | ((np.uint64(1) << shift) - np.uint64(1)))
    least, most = column.numeric.minimum, column.numeric.maximum
    return np.clip(low, least, most) / 2 + np.clip(high, least, most) / 2


def _histogram(column: ColumnProfile, *, ordered: bool) -> KeyHistogram:
    if ordered and column.numeric is not None:
        return column.numeric.histogram.with_most(BINS)
    categories = column.category_counts()
    if categories is None:
        raise AssertionError(f"column {column.name!r} has neither numbers nor categories")
    return categories.key_histogram()
