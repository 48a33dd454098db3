"""A dense table of counts, for a stream of values.

A bin's number has two parts: the leading bits choose a slot (by a lookup), the rest is the place in the slot.
Only slots that hold something exist, so the table is small also where values lie near zero, where float64 has
a thousand octaves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from drift import kernel
from drift.distinct import distinct
from drift.histogram import KEY_BITS, KeyHistogram

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from drift.kernel import Bins

_PLACE_BITS = (12, 10, 8, 6, 4)
_MAX_CELLS = 1 << 20
_SOME = 8
"""Of so many values one is looked at for the layout: what the others need besides is made when they come."""
_MOST_VALUES = (1 << 32) - _MAX_CELLS
"""A cell is small, so that the processor's caches hold many."""


class BinTable:
    """Counts by slot and place, of what comes after a histogram that was counted before.

    `keys` are values that will be counted first: the table is laid out for such. `start[slot - first]` is
    where the counts of a slot begin; -1 where nothing has fallen into it yet.
    """

    def __init__(self, before: KeyHistogram, keys: NDArray[np.uint64]) -> None:
        self.bits = before.bits
        some = keys[::_SOME] >> np.uint64(KEY_BITS - self.bits)
        prefixes = np.concatenate([before.prefixes, some])
        for place_bits in _PLACE_BITS:
            self._place_bits = min(place_bits, self.bits - 1)
            slots = distinct(prefixes >> np.uint64(self._place_bits))
            if slots.size << self._place_bits <= _MAX_CELLS:
                break
        self._slots = slots[:0]
        self._first = slots[0]
        self._start = np.empty(0, np.int64)
        self._counts = np.empty(0, np.uint32)
        self._values = 0
        self.occupied = before.prefixes.size
        """At most so many bins are."""
        self._make(slots)
        cells = self._cells(before.prefixes.copy())
        if cells is None:
            raise AssertionError("slots that were just made are not there")
        self._before = cells
        self._counted_before = before.counts
        self._counts[self._before] = 1  # a mark: these are occupied

    def recount(self) -> None:
        """Make `occupied` exact."""
        self.occupied = int(np.count_nonzero(self._counts))

    def add(self, keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """Count values; those that were not, as the table would become too large. `keys` is the table's."""
        if not self.takes(keys.size):
            return keys
        compiled = kernel.load()
        if compiled is None:
            cells = self._cells(keys >> np.uint64(KEY_BITS - self.bits))
            if cells is None:
                return keys
            np.add.at(self._counts, cells, np.uint32(1))
            self._values += keys.size
            self.occupied += keys.size
            return keys[:0]
        while True:
            table = self.layout()
            keys = compiled.bins(keys, table)
            self.note(table)
            if not keys.size or not self._make(self._slots_of(keys >> np.uint64(KEY_BITS - self.bits))):
                return keys

    def takes(self, values: int) -> bool:
        """Whether so many more can be counted."""
        return self._values + values <= _MOST_VALUES

    def layout(self) -> Bins:
        """The table as the compiled functions see it, until it is changed here."""
        return kernel.Bins(
            shift=KEY_BITS - self.bits,
            place_bits=self._place_bits,
            first=int(self._first),
            begin=kernel.address(self._start),
            slots=self._start.size,
            counts=kernel.address(self._counts),
        )

    def note(self, table: Bins) -> None:
        """Take note of what was counted into a layout."""
        self._values += table.counted
        self.occupied += table.fresh

    def halve(self) -> bool:
        """Make bins twice as wide; False where the places are too few for that."""
        if self._place_bits <= _PLACE_BITS[-1]:
            return False
        self.bits -= 1
        self._place_bits -= 1
        self._counts = self._counts[::2] + self._counts[1::2]
        self._before >>= 1
        self._start >>= 1  # -1 stays -1
        self.recount()
        return True

    def histogram(self, most: int) -> KeyHistogram:
        """What was counted, before and here."""
        order = np.argsort(self._slots)
        moved = np.empty(order.size, np.int64)
        moved[order] = np.arange(order.size)
        table = self._counts.reshape(self._slots.size, -1)[order].reshape(-1)
        used = np.flatnonzero(table)
        counts = table[used].astype(np.int64)
        mask = (1 << self._place_bits) - 1
        before = moved[self._before >> self._place_bits] << self._place_bits | self._before & mask
        np.add.at(counts, np.searchsorted(used, before), self._counted_before - 1)
        slots = self._slots[order][used >> self._place_bits] << np.uint64(self._place_bits)
        return KeyHistogram(self.bits, slots | (used & mask).astype(np.uint64), counts, most)

    def _cells(self, prefixes: NDArray[np.uint64]) -> NDArray[np.int64] | None:
        """The cell of each prefix, in slots made where there were none; the prefixes are overwritten."""
        if not prefixes.size:
            return np.empty(0, np.int64)
        slots = prefixes >> np.uint64(self._place_bits)
        slots -= self._first  # what lies below the first wraps to beyond the last
        inside = int(np.max(slots)) < self._start.size
        cells = np.take(self._start, slots.view(np.int64), mode="clip")
        if not inside or int(np.min(cells)) < 0:
            if not self._make(self._slots_of(prefixes)):
                return None
            slots = (prefixes >> np.uint64(self._place_bits)) - self._first
            cells = np.take(self._start, slots.view(np.int64))
        prefixes &= np.uint64((1 << self._place_bits) - 1)
        cells += prefixes.view(np.int64)
        return cells

    def _slots_of(self, prefixes: NDArray[np.uint64]) -> NDArray[np.uint64]:
        return distinct(prefixes >> np.uint64(self._place_bits))

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
        self._counts = np.concatenate([self._counts, np.zeros(new.size << self._place_bits, np.uint32)])
        return True
