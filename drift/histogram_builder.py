"""Counting a stream of values into a histogram, the same for any split and order.

While there are few different values they are counted one by one. Of more, each piece is sorted and merged
until it shows how wide the bins will be; from then on a dense table counts, and where it would grow too large
the bins are made wider.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from drift import kernel
from drift.bin_table import BinTable
from drift.few_values import FewValues
from drift.histogram import MAX_BINS, KeyHistogram

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TOGETHER = 1.5
"""So many times the greatest number of bins are sorted together at first."""


class HistogramBuilder:
    """Counts values; `finish` gives the histogram."""

    def __init__(self, most: int = MAX_BINS) -> None:
        compiled = kernel.load()
        self._few = FewValues(compiled, most) if compiled else None
        self._sparse = KeyHistogram.empty(most)
        self._table: BinTable | None = None
        self._waiting: list[NDArray[np.uint64]] = []

    def add(self, keys: NDArray[np.uint64]) -> None:
        """Count the values of these keys, which are the builder's from now on."""
        if self._few is not None:
            keys = keys[self._few.add(keys) :]
            if not keys.size:
                return
            self._sparse, self._few = self._few.histogram(self._sparse.most), None
        if self._table is None and not self._sparse.exact:
            self._table = BinTable(self._sparse)
        if self._table is not None:
            keys = keys[self._table.add(keys) :]
        if keys.size:
            self._waiting.append(keys)
        # Sorted together: the first table should have about the bits that the whole column will have.
        enough = 1 if self._table is not None else _TOGETHER * self._sparse.most
        if sum(map(len, self._waiting)) >= enough or self._too_many_bins():
            self._gather()

    def finish(self) -> KeyHistogram:
        """All that was counted."""
        if self._few is not None:
            return self._few.histogram(self._sparse.most)
        if self._waiting:
            self._gather()
        return self._sparse if self._table is None else self._of_table(self._table)

    def _gather(self) -> None:
        """Leave the table, for the next with wider bins, and sort what it could not count."""
        if self._table is not None:
            self._sparse, self._table = self._of_table(self._table), None
        if self._waiting:
            keys, self._waiting = _joined(self._waiting), []
            self._sparse = self._sparse.merge(
                KeyHistogram.of_keys(keys, self._sparse.bits, self._sparse.most)
            )

    def _of_table(self, table: BinTable) -> KeyHistogram:
        return table.histogram(self._sparse.most).fitted()

    def _too_many_bins(self) -> bool:
        if self._table is not None and self._table.occupied > self._sparse.most:
            self._table.recount()
        return self._table is not None and self._table.occupied > self._sparse.most


def _joined(arrays: list[NDArray[np.uint64]]) -> NDArray[np.uint64]:
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)
