"""What a profile keeps of a column by block (day, hour or batch): so that it knows how its blocks differ.

A table of counts, blocks x bins. Bins are prefixes of the same 64-bit keys as in `drift/histogram.py` (of a
category: of its hash), as many bits as give at most `MAX_BINS` over all blocks: a column of few values has a
bin for each of them. Blocks beyond `MAX_BLOCKS` are merged two and two with their neighbours in time, until
they are few enough. Both depend on the rows alone, so tables merge exactly, in any split and order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from drift.distinct import distinct
from drift.errors import ProfileError
from drift.histogram import KEY_BITS, KeyHistogram

if TYPE_CHECKING:
    from numpy.typing import NDArray

Unit = Literal["day", "hour", "label"]

UNITS: tuple[Unit, ...] = ("day", "hour", "label")
MAX_BLOCKS = 256
MAX_BINS = 64
_DENSE = 1 << 16


@dataclass(frozen=True, slots=True)
class RowBlocks:
    """Which block each row of a piece of a table belongs to.

    `place` points into `keys`; where `known` is given and false the row has no block.
    """

    unit: Unit
    keys: NDArray[np.int64]
    place: NDArray[np.int64]
    rows: NDArray[np.int64]
    """Rows of each block."""
    known: NDArray[np.bool_] | None = None

    @classmethod
    def of(cls, unit: Unit, labels: NDArray[np.int64], known: NDArray[np.bool_] | None = None) -> RowBlocks:
        """From one label per row; the label of a row that is not known does not matter."""
        used = labels if known is None else labels[known]
        if not used.size:
            empty = np.empty(0, np.int64)
            return cls(unit, empty, np.zeros(labels.size, np.int64), empty, known)
        low, high = int(np.min(used)), int(np.max(used))
        if high - low >= _DENSE:
            keys, rows = np.unique(used, return_counts=True)
            return cls(unit, keys, np.minimum(np.searchsorted(keys, labels), keys.size - 1), rows, known)
        dense = np.bincount(used - low)
        met = np.flatnonzero(dense)
        where = np.zeros(high - low + 1, np.int64)
        where[met] = np.arange(met.size)
        inside = labels - low if known is None else np.clip(labels, low, high) - low
        return cls(unit, met + low, where[inside], dense[met].astype(np.int64), known)


@dataclass(frozen=True, slots=True, eq=False)
class BlockTable:
    """Counts by block and bin. `keys` and `prefixes` rise strictly.

    `keys` number the blocks: days or hours since 1970 UTC, or a label's hash, without the last `shift` bits.
    `rows` holds the rows of each block; those that are in no bin have no value.
    """

    unit: Unit
    shift: int
    keys: NDArray[np.int64]
    rows: NDArray[np.int64]
    bits: int
    prefixes: NDArray[np.uint64]
    counts: NDArray[np.int64]

    @classmethod
    def of(
        cls, blocks: RowBlocks, place: NDArray[np.int64], index: NDArray[np.int64], bins: KeyHistogram
    ) -> BlockTable:
        """Count values: each one's block, and which of the (at most `MAX_BINS`) bins it is in."""
        shape = (blocks.keys.size, bins.prefixes.size)
        if blocks.keys.size > 1:
            index = place * shape[1] + index
        counts = np.bincount(index, minlength=shape[0] * shape[1]).astype(np.int64).reshape(shape)
        return cls(blocks.unit, 0, blocks.keys, blocks.rows, bins.bits, bins.prefixes, counts).fitted()

    def merge(self, other: BlockTable) -> BlockTable:
        """The table of both sides' rows.

        Raises:
            ProfileError: one side's blocks are days, the other's hours or labels.
        """
        if self.unit != other.unit:
            raise ProfileError(f"blocks by {self.unit} and by {other.unit} cannot be merged")
        shift = max(self.shift, other.shift)
        bits = min(self.bits, other.bits)
        sides = [side.coarsened(shift, bits) for side in (self, other)]
        keys = distinct(np.concatenate([side.keys for side in sides]))
        prefixes = distinct(np.concatenate([side.prefixes for side in sides]))
        rows = np.zeros(keys.size, np.int64)
        counts = np.zeros((keys.size, prefixes.size), np.int64)
        for side in sides:
            at = np.searchsorted(keys, side.keys)
            rows[at] += side.rows
            counts[np.ix_(at, np.searchsorted(prefixes, side.prefixes))] += side.counts
        return BlockTable(self.unit, shift, keys, rows, bits, prefixes, counts).fitted()

    def coarsened(self, shift: int, bits: int) -> BlockTable:
        """The same with wider blocks and bins."""
        keys, rows, counts = self.keys, self.rows, self.counts
        if shift > self.shift and keys.size:
            keys, starts = np.unique(keys >> (shift - self.shift), return_index=True)
            rows, counts = np.add.reduceat(rows, starts), np.add.reduceat(counts, starts, axis=0)
        prefixes = self.prefixes
        if bits < self.bits and prefixes.size:
            prefixes, starts = np.unique(prefixes >> np.uint64(self.bits - bits), return_index=True)
            counts = np.add.reduceat(counts, starts, axis=1)
        return BlockTable(self.unit, shift, keys, rows, bits, prefixes, counts)

    def fitted(self) -> BlockTable:
        """The same with at most `MAX_BLOCKS` blocks and `MAX_BINS` bins."""
        shift = self.shift
        while distinct(self.keys >> (shift - self.shift)).size > MAX_BLOCKS:
            shift += 1
        occupied = KeyHistogram(self.bits, self.prefixes, np.ones(self.prefixes.size, np.int64))
        bits = occupied.with_most(MAX_BINS).bits
        return self if (shift, bits) == (self.shift, self.bits) else self.coarsened(shift, bits)

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Values by block."""
        return np.asarray(self.counts.sum(axis=1), np.int64)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, BlockTable)
            and (self.unit, self.shift, self.bits) == (other.unit, other.shift, other.bits)
            and np.array_equal(self.keys, other.keys)
            and np.array_equal(self.rows, other.rows)
            and np.array_equal(self.prefixes, other.prefixes)
            and np.array_equal(self.counts, other.counts)
        )

    __hash__ = None  # type: ignore[assignment]


def bin_index(keys: NDArray[np.uint64], bins: KeyHistogram) -> NDArray[np.int64]:
    """Each key's bin, among bins that hold all of them."""
    prefixes, shift = bins.prefixes, KEY_BITS - bins.bits
    if prefixes.size <= 1:
        return np.zeros(keys.size, np.int64)
    # Bits below the first that tells neighbours apart are of no use: without them a table is often small.
    spare = int(np.min(prefixes[1:] ^ prefixes[:-1])).bit_length() - 1
    few = prefixes >> np.uint64(spare)
    span = int(few[-1] - few[0]) + 1
    if span > _DENSE:
        return np.searchsorted(prefixes, keys >> np.uint64(shift)).astype(np.int64, copy=False)
    where = np.zeros(span, np.int64)
    where[(few - few[0]).view(np.int64)] = np.arange(few.size)
    at: NDArray[np.int64] = ((keys >> np.uint64(shift + spare)) - few[0]).view(np.int64)
    return where[at]
