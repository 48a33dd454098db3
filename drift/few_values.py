"""Counting a stream of values while they are few different ones: the histogram of a discrete column."""

from __future__ import annotations

from ctypes import c_int64
from typing import TYPE_CHECKING

import numpy as np

from drift.histogram import EXACT, KEY_BITS, KeyHistogram

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from drift.kernel import Kernel

_FIRST_ROOMS = 1 << 5


class FewValues:
    """A hash table of keys that grows up to `EXACT` (or `most`) different ones."""

    def __init__(self, compiled: Kernel, most: int) -> None:
        self._compiled = compiled
        self._most = min(EXACT, most)
        self._rooms = np.empty(_FIRST_ROOMS, np.uint64)
        self._counts = np.zeros(_FIRST_ROOMS, np.int64)
        self._used = c_int64(0)

    @property
    def empty(self) -> bool:
        """Whether nothing was counted yet."""
        return not self._used.value

    def add(self, keys: NDArray[np.uint64]) -> int:
        """Count values; how many were, from the first on: not all where they are too many different ones."""
        done = self._add(keys, None)
        while done < keys.size and self._used.value < self._most:
            self._grow()
            done += self._add(keys[done:], None)
        return done

    def histogram(self, most: int) -> KeyHistogram:
        """What was counted."""
        met = np.flatnonzero(self._counts)
        order = met[np.argsort(self._rooms[met])]
        return KeyHistogram(KEY_BITS, self._rooms[order], self._counts[order], most)

    def _add(self, keys: NDArray[np.uint64], weights: NDArray[np.int64] | None) -> int:
        room = min(self._most, self._rooms.size // 2)
        return self._compiled.distinct(keys, weights, self._rooms, self._counts, self._used, room)

    def _grow(self) -> None:
        met = np.flatnonzero(self._counts)
        keys, counts = self._rooms[met], self._counts[met]
        self._rooms = np.empty(4 * self._rooms.size, np.uint64)
        self._counts = np.zeros(self._rooms.size, np.int64)
        self._used = c_int64(0)
        self._add(keys, counts)
