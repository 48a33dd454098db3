"""Counting a stream of values into a histogram, the same for any split and order.

While there are few different values they are counted one by one. Of more, some are kept until they show how
wide the bins will be; from then on a dense table counts, and where it has too many bins they are made wider.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from drift import kernel
from drift.bin_table import BinTable
from drift.few_values import FewValues
from drift.histogram import MAX_BINS, KeyHistogram
from drift.resolution import bits_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from drift.kernel import Bins

_TOGETHER = 1.5
"""So many times the greatest number of bins are looked at together, before the first table."""


class HistogramBuilder:
    """Counts values; `finish` gives the histogram."""

    def __init__(self, most: int = MAX_BINS) -> None:
        self._compiled = kernel.load()
        self._few = FewValues(self._compiled, most) if self._compiled else None
        self._sparse = KeyHistogram.empty(most)
        self._table: BinTable | None = None
        self._waiting: list[NDArray[np.uint64]] = []

    def add(self, keys: NDArray[np.uint64]) -> None:
        """Count the values of these keys, which are the builder's from now on."""
        if self._few is not None:
            first = self._few.empty
            counted = self._few.add(keys)
            if counted == keys.size:
                return
            if not first:  # else they are counted with the others, which is quicker than to merge them
                self._sparse, keys = self._few.histogram(self._sparse.most), keys[counted:]
            self._few = None
        if self._table is not None:
            keys = self._table.add(keys)
            self._widen(self._table)
        if keys.size:
            self._waiting.append(keys)
        # The first table should have about the bits that the whole column will have.
        enough = 1 if self._table is not None else _TOGETHER * self._sparse.most
        if sum(map(len, self._waiting)) >= enough:
            self._gather()

    def layout(self, values: int) -> Bins | None:
        """A table that so many values may be counted into by the compiled functions, if there is one."""
        return self._table.layout() if self._table is not None and self._table.takes(values) else None

    def note(self, layout: Bins) -> None:
        """Take note of what was counted into it."""
        if self._table is not None:
            self._table.note(layout)
            self._widen(self._table)

    def finish(self) -> KeyHistogram:
        """All that was counted."""
        if self._few is not None:
            return self._few.histogram(self._sparse.most)
        if self._waiting:
            self._sort()
        return self._sparse if self._table is None else self._of_table(self._table)

    def _gather(self) -> None:
        """The next table, of what the last one could not count and of what it had counted."""
        if self._compiled and self._table is None and self._sparse.exact:
            keys, self._waiting = _joined(self._waiting), []
            most = self._sparse.most
            bits = bits_of(np.concatenate([self._sparse.prefixes, keys]), most, self._compiled)
            self._table = BinTable(self._sparse.coarsened(bits), keys)
            self._sparse = KeyHistogram.empty(most)
            keys = self._table.add(keys)
            if not keys.size:
                return
            self._waiting.append(keys)
        self._sort()
        if not self._sparse.exact:
            self._table = BinTable(self._sparse, _NONE)

    def _sort(self) -> None:
        """Sort what waits, and count it without a table."""
        if self._table is not None:
            self._sparse, self._table = self._of_table(self._table), None
        keys, self._waiting = _joined(self._waiting), []
        more = KeyHistogram.of_keys(keys, self._sparse.bits, self._sparse.most)
        self._sparse = self._sparse.merge(more)

    def _of_table(self, table: BinTable) -> KeyHistogram:
        return table.histogram(self._sparse.most).fitted()

    def _widen(self, table: BinTable) -> None:
        """Make the bins so wide that there are not too many."""
        while table.occupied > self._sparse.most:
            table.recount()
            if table.occupied > self._sparse.most and not table.halve():
                table = BinTable(self._of_table(table), _NONE)
                self._table = table


_NONE = np.empty(0, np.uint64)


def _joined(arrays: list[NDArray[np.uint64]]) -> NDArray[np.uint64]:
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)
