"""Random Fourier features of columns together: their means merge, and tell two tables apart by any of it.

The squared distance of two tables' mean features is the maximum mean discrepancy under the RBF kernel, but
for the drawing of `FREQUENCIES` frequencies (Rahimi and Recht 2007; Gretton and others 2012).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from drift.blocks import MAX_BLOCKS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from drift.blocks import RowBlocks, Unit

FREQUENCIES = 64
_SEED = 20_070_903


@dataclass(frozen=True, eq=False)
class FeatureMap:
    """How rows become features: columns are standardised by `centre` and `scale`, and both sides by the same.

    The kernel's width is the median distance of two rows of k independent standard normal columns, sqrt(2 k).
    """

    centre: NDArray[np.float64]
    scale: NDArray[np.float64]

    @classmethod
    def of(cls, rows: NDArray[np.float64]) -> FeatureMap:
        """A map that suits these rows (n x k, finite, at least one)."""
        with np.errstate(over="ignore"):
            scale = rows.std(axis=0)
        return cls(rows.mean(axis=0), np.where((scale > 0) & np.isfinite(scale), scale, 1.0))

    def features(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Features of rows (n x 2 FREQUENCIES), each row of length 1."""
        angles = ((rows - self.centre) / self.scale) @ self._frequencies
        return np.concatenate([np.cos(angles), np.sin(angles)], axis=1) / math.sqrt(FREQUENCIES)

    @cached_property
    def _frequencies(self) -> NDArray[np.float64]:
        columns = self.centre.size
        # The legacy generator: its stream is the same in every version of NumPy.
        draws = np.random.RandomState(_SEED).standard_normal((columns, FREQUENCIES))
        return draws / math.sqrt(2 * max(columns, 1))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, FeatureMap)
            and np.array_equal(self.centre, other.centre)
            and np.array_equal(self.scale, other.scale)
        )

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True, slots=True, eq=False)
class FeatureSums:
    """Sums of features under a map, and of the rows whose block is known by block (`BlockTable`'s keys)."""

    map: FeatureMap
    rows: int
    total: NDArray[np.float64]
    unit: Unit | None = None
    shift: int = 0
    keys: NDArray[np.int64] | None = None
    block_rows: NDArray[np.int64] | None = None
    block_totals: NDArray[np.float64] | None = None

    @classmethod
    def of(
        cls, map_: FeatureMap, rows: NDArray[np.float64], blocks: RowBlocks | None, kept: NDArray[np.bool_]
    ) -> FeatureSums:
        """Of finite rows (n x k); `blocks` are those of a larger piece, of which `kept` says which rows."""
        features = map_.features(rows)
        total = features.sum(axis=0)
        if blocks is None:
            return cls(map_, rows.shape[0], total)
        place = blocks.place[kept]
        if blocks.known is not None:
            known = blocks.known[kept]
            place, features = place[known], features[known]
        count = np.bincount(place, minlength=blocks.keys.size).astype(np.int64)
        order = np.argsort(place, kind="stable")
        met = np.flatnonzero(count)
        starts = np.concatenate([[0], np.cumsum(count[met])])[:-1].astype(np.int64)
        sums = np.add.reduceat(features[order], starts, axis=0) if met.size else features[:0]
        found = cls(
            map_, rows.shape[0], total, blocks.unit, 0, blocks.keys[met].astype(np.int64), count[met], sums
        )
        return found.fitted()

    def merge(self, other: FeatureSums) -> FeatureSums | None:
        """The sums of both sides' rows; None where they are of different maps."""
        if self.map != other.map:
            return None
        rows, total = self.rows + other.rows, self.total + other.total
        sides = [side for side in (self, other) if side.keys is not None]
        if len({side.unit for side in sides}) != 1:
            return FeatureSums(self.map, rows, total)
        shift = max(side.shift for side in sides)
        keys, counts, sums = _grouped(
            np.concatenate([side.keys >> (shift - side.shift) for side in sides if side.keys is not None]),
            np.concatenate([side.block_rows for side in sides if side.block_rows is not None]),
            np.concatenate([side.block_totals for side in sides if side.block_totals is not None]),
        )
        return FeatureSums(self.map, rows, total, sides[0].unit, shift, keys, counts, sums).fitted()

    def fitted(self) -> FeatureSums:
        """The same with at most `MAX_BLOCKS` blocks."""
        if self.keys is None or self.block_rows is None or self.block_totals is None:
            return self
        keys, counts, sums, shift = self.keys, self.block_rows, self.block_totals, self.shift
        while keys.size > MAX_BLOCKS:
            keys, counts, sums = _grouped(keys >> 1, counts, sums)
            shift += 1
        return FeatureSums(self.map, self.rows, self.total, self.unit, shift, keys, counts, sums)


def _grouped(
    keys: NDArray[np.int64], counts: NDArray[np.int64], sums: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    if not keys.size:
        return keys, counts, sums
    order = np.argsort(keys, kind="stable")
    ordered, starts = np.unique(keys[order], return_index=True)
    return ordered, np.add.reduceat(counts[order], starts), np.add.reduceat(sums[order], starts, axis=0)
