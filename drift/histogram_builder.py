"""Counting a stream of values into a histogram: a dense table where it is small, sorting where it is not.

While the values are few, each piece is sorted and merged. After that a bin's number has two parts: the
leading bits choose a slot (by a lookup), the rest is the place in the slot. Only slots that hold something
exist, so the table is small also where values lie near zero, where float64 has a thousand octaves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from drift.histogram import KEY_BITS, MAX_BINS, KeyHistogram

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PLACE_BITS = (12, 10, 8, 6, 4)
_MAX_CELLS = 1 << 20
_TOGETHER = 2.5
"""So many times the greatest number of bins are sorted together at first."""


class HistogramBuilder:
    """Counts values; `finish` gives the histogram, the same for any split and order."""

    def __init__(self, most: int = MAX_BINS) -> None:
        self._sparse = KeyHistogram.empty(most)
        self._table: _Table | None = None
        self._waiting: list[NDArray[np.uint64]] = []
        self._room = 0
        """So many values cannot make the table's bins too many."""

    def add(self, keys: NDArray[np.uint64]) -> None:
        """Count the values of these keys, which are overwritten."""
        if self._table is None and not self._sparse.exact:
            self._table = _Table(self._sparse)
            self._room = self._sparse.most - self._sparse.prefixes.size
        if self._table is not None and self._table.add(keys):
            self._used(keys.size)
            return
        # Sorted together: the first table should have about the bits that the whole column will have.
        self._waiting.append(keys)
        if self._table is not None or sum(map(len, self._waiting)) >= _TOGETHER * self._sparse.most:
            self._sort()

    def merge(self, other: KeyHistogram) -> None:
        """Count what another histogram has counted."""
        table = self._table
        if table is not None and other.bits >= table.bits and table.add_bins(other.coarsened(table.bits)):
            self._used(other.prefixes.size)
        else:
            self._sparse, self._table = self.finish().merge(other), None

    def finish(self) -> KeyHistogram:
        """All that was counted."""
        self._sort()
        if self._table is None:
            return self._sparse
        return self._table.histogram(self._sparse.most).fitted()

    def _sort(self) -> None:
        if self._waiting:
            keys, self._waiting = _joined(self._waiting), []
            self.merge(KeyHistogram.of_keys(keys, self._bits, self._sparse.most))

    @property
    def _bits(self) -> int:
        return self._sparse.bits if self._table is None else self._table.bits

    def _used(self, more: int) -> None:
        self._room -= more
        if self._room < 0 and self._table is not None:
            self._room = self._sparse.most - self._table.occupied
            if self._room < 0:
                self._sparse, self._table = self.finish(), None


class _Table:
    """Counts by slot and place.

    `start[slot - first]` is where the counts of a slot begin; -1 where nothing has fallen into it yet.
    """

    def __init__(self, histogram: KeyHistogram) -> None:
        self.bits = histogram.bits
        for place_bits in _PLACE_BITS:
            self._place_bits = min(place_bits, self.bits - 1)
            slots = _distinct(histogram.prefixes >> np.uint64(self._place_bits))
            if slots.size << self._place_bits <= _MAX_CELLS:
                break
        self._slots = slots[:0]
        self._first = slots[0]
        self._start = np.empty(0, np.int64)
        self._counts = np.empty(0, np.int64)
        self._make(slots)
        self.add_bins(histogram)

    @property
    def occupied(self) -> int:
        """How many bins are."""
        return int(np.count_nonzero(self._counts))

    def add(self, keys: NDArray[np.uint64]) -> bool:
        """Count values; False, and nothing counted, where the table would become too large."""
        cells = self._cells(keys >> np.uint64(KEY_BITS - self.bits))
        if cells is None:
            return False
        np.add.at(self._counts, cells, 1)
        return True

    def add_bins(self, histogram: KeyHistogram) -> bool:
        """Count another histogram of the table's bits; False as in `add`."""
        cells = self._cells(histogram.prefixes.copy())
        if cells is None:
            return False
        self._counts[cells] += histogram.counts  # each cell once
        return True

    def histogram(self, most: int) -> KeyHistogram:
        """What was counted."""
        order = np.argsort(self._slots)
        counts = self._counts.reshape(self._slots.size, -1)[order].reshape(-1)
        used = np.flatnonzero(counts)
        slots = self._slots[order][used >> self._place_bits] << np.uint64(self._place_bits)
        places = (used & ((1 << self._place_bits) - 1)).astype(np.uint64)
        return KeyHistogram(self.bits, slots | places, counts[used], most)

    def _cells(self, prefixes: NDArray[np.uint64]) -> NDArray[np.int64] | None:
        """The cell of each prefix, in slots made where there were none; the prefixes are overwritten."""
        if not prefixes.size:
            return np.empty(0, np.int64)
        slots = prefixes >> np.uint64(self._place_bits)
        slots -= self._first  # what lies below the first wraps to beyond the last
        inside = int(np.max(slots)) < self._start.size
        cells = np.take(self._start, slots.view(np.int64), mode="clip")
        if not inside or int(np.min(cells)) < 0:
            if not self._make(_distinct(np.sort(prefixes >> np.uint64(self._place_bits)))):
                return None
            slots = (prefixes >> np.uint64(self._place_bits)) - self._first
            cells = np.take(self._start, slots.view(np.int64))
        prefixes &= np.uint64((1 << self._place_bits) - 1)
        cells += prefixes.view(np.int64)
        return cells

    def _make(self, slots: NDArray[np.uint64]) -> bool:
        """Make those of the slots that are missing; False where there would be too many."""
        new = np.setdiff1d(slots, self._slots, assume_unique=True)
        together = np.concatenate([self._slots, new])
        first, last = np.min(together), np.max(together)
        too_many = together.size << self._place_bits > _MAX_CELLS or int(last - first) >= _MAX_CELLS
        if too_many and self._slots.size:
            return False
        self._slots = together
        self._first = first
        self._start = np.full(int(last - first) + 1, -1, np.int64)
        self._start[(self._slots - first).view(np.int64)] = np.arange(self._slots.size) << self._place_bits
        self._counts = np.concatenate([self._counts, np.zeros(new.size << self._place_bits, np.int64)])
        return True


def _joined(arrays: list[NDArray[np.uint64]]) -> NDArray[np.uint64]:
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def _distinct(ordered: NDArray[np.uint64]) -> NDArray[np.uint64]:
    return ordered[np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))]
