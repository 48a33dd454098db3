"""A dense table of counts, for a stream of values whose bins are known to be few.

A bin's number has two parts: the leading bits choose a slot (by a lookup), the rest is the place in the slot.
Only slots that hold something exist, so the table is small also where values lie near zero, where float64 has
a thousand octaves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from drift import kernel
from drift.distinct import distinct, distinct_of_ordered
from drift.histogram import KEY_BITS, KeyHistogram

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from drift.kernel import Kernel

_PLACE_BITS = (12, 10, 8, 6, 4)
_MAX_CELLS = 1 << 20
_MOST_VALUES = (1 << 32) - 2
"""A cell is small, so that the processor's caches hold many."""


class BinTable:
    """Counts by slot and place, of what comes after a histogram that was counted before.

    `start[slot - first]` is where the counts of a slot begin; -1 where nothing has fallen into it yet.
    """

    def __init__(self, before: KeyHistogram) -> None:
        self.bits = before.bits
        for place_bits in _PLACE_BITS:
            self._place_bits = min(place_bits, self.bits - 1)
            slots = distinct_of_ordered(before.prefixes >> np.uint64(self._place_bits))
            if slots.size << self._place_bits <= _MAX_CELLS:
                break
        self._slots = slots[:0]
        self._first = slots[0]
        self._start = np.empty(0, np.int64)
        self._counts = np.empty(0, np.uint32)
        self._make(slots)
        cells = self._cells(before.prefixes.copy())
        if cells is None:
            raise AssertionError("slots that were just made are not there")
        self._before = cells
        self._counted_before = before.counts
        self._counts[self._before] = 1  # a mark: these are occupied
        self._values = 0
        self.occupied = before.prefixes.size
        """At most so many bins are."""

    def recount(self) -> None:
        """Make `occupied` exact."""
        self.occupied = int(np.count_nonzero(self._counts))

    def add(self, keys: NDArray[np.uint64]) -> int:
        """Count values; how many were, from the first on: not all where the table would become too large."""
        if self._values + keys.size > _MOST_VALUES:
            return 0
        compiled = kernel.load()
        done = self._add(keys) if compiled is None else self._add_compiled(keys, compiled)
        self._values += done
        return done

    def histogram(self, most: int) -> KeyHistogram:
        """What was counted, before and here."""
        all_counts = self._counts.astype(np.int64)
        all_counts[self._before] += self._counted_before - 1
        order = np.argsort(self._slots)
        counts = all_counts.reshape(self._slots.size, -1)[order].reshape(-1)
        used = np.flatnonzero(counts)
        slots = self._slots[order][used >> self._place_bits] << np.uint64(self._place_bits)
        places = (used & ((1 << self._place_bits) - 1)).astype(np.uint64)
        return KeyHistogram(self.bits, slots | places, counts[used], most)

    def _add(self, keys: NDArray[np.uint64]) -> int:
        cells = self._cells(keys >> np.uint64(KEY_BITS - self.bits))
        if cells is None:
            return 0
        np.add.at(self._counts, cells, np.uint32(1))
        self.occupied += keys.size
        return keys.size

    def _add_compiled(self, keys: NDArray[np.uint64], compiled: Kernel) -> int:
        shift, done = KEY_BITS - self.bits, 0
        while True:
            more, fresh = compiled.bins(
                keys[done:], shift, self._place_bits, int(self._first), self._start, self._counts
            )
            self.occupied += fresh
            done += more
            if done == keys.size or not self._make(self._slots_of(keys[done:] >> np.uint64(shift))):
                return done

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
