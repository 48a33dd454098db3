"""Counting a stream of texts, compiled: by value while they are few different ones, by hash beyond."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from drift.arrow_columns import validity
from drift.categories import MAX_VALUES, SMALLEST_HASHES, CategorySummary, least_hashes
from drift.errors import ProfileError
from drift.histogram import KeyHistogram, order_keys
from drift.kernel import FULL, LONGEST_TEXT, TextBuckets, Texts, TextTable, address
from drift.text import CLASS_OF, TextSummary

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from drift.kernel import Kernel

_FIRST_ROOMS = 1 << 5
_FIRST_BYTES = 1 << 9
_HASHES = 8 * SMALLEST_HASHES


class TextCounter:
    """Counts texts of at most `LONGEST_TEXT` bytes; `finish` gives the summaries."""

    def __init__(self, compiled: Kernel) -> None:
        self._compiled = compiled
        self._values: _Values | None = _Values(_FIRST_ROOMS, _FIRST_BYTES)
        self._hashes: _Hashes | None = None

    def add(self, array: pa.Array, weights: NDArray[np.int64] | None = None) -> int:
        """Count texts, each `weights` times or once; how many rows were, up to the first that is too long."""
        texts, _alive = _texts(array, weights)
        done = 0
        while True:
            if self._values is not None:
                done, stop = self._compiled.texts(texts, done, self._values.table)
            elif self._hashes is not None:
                done, stop = self._compiled.hashes(texts, done, self._hashes.into)
            if stop != FULL:
                return done
            self._make_room()

    def finish(self) -> tuple[CategorySummary, TextSummary]:
        """All that was counted, and what the texts look like."""
        if self._values is not None:
            return self._values.category(), self._values.text()
        if self._hashes is None:
            raise AssertionError("neither values nor hashes")
        return self._hashes.category(), self._hashes.text()

    def _make_room(self) -> None:
        if self._hashes is not None:
            self._hashes.make_room()
        elif self._values is not None and self._values.table.used < MAX_VALUES:
            self._values = self._values.larger()
        elif self._values is not None:
            self._hashes, self._values = _Hashes(self._values), None


class _Values:
    """A hash table of texts: their hashes, counts, and where each stands in the arena."""

    def __init__(self, rooms: int, size: int) -> None:
        self.hashes = np.zeros(rooms, np.uint64)
        self.counts = np.zeros(rooms, np.int64)
        self.spans = np.zeros((rooms, 2), np.int32)
        self.arena = np.empty(size, np.uint8)
        self.table = TextTable(
            hashes=address(self.hashes),
            counts=address(self.counts),
            spans=address(self.spans),
            bits=rooms.bit_length() - 1,
            most=min(MAX_VALUES, rooms // 2),
            arena=address(self.arena),
            arena_size=size,
        )

    def larger(self) -> _Values:
        """The same with more room of what is short."""
        short = self.table.used == self.table.most
        rooms, size = self.counts.size * (4 if short else 1), self.arena.size * (1 if short else 4)
        wider = _Values(rooms, size)
        wider.arena[: self.table.arena_used] = self.arena[: self.table.arena_used]
        met = np.flatnonzero(self.counts)
        places = _free_rooms(self.hashes[met], rooms)
        wider.hashes[places], wider.counts[places] = self.hashes[met], self.counts[met]
        wider.spans[places] = self.spans[met]
        wider.table.used, wider.table.arena_used = self.table.used, self.table.arena_used
        return wider

    def in_order(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The rooms in the order of their texts in the arena, and where each text begins, with the end."""
        met = np.flatnonzero(self.counts)
        order = met[np.lexsort((self.spans[met, 1], self.spans[met, 0]))]  # an empty one before its neighbour
        return order, np.append(self.spans[order, 0].astype(np.int64), self.table.arena_used)

    def category(self) -> CategorySummary:
        """Counts by text."""
        order, begins = self.in_order()
        data, total = self.arena[: self.table.arena_used].tobytes(), dict[str, int]()
        for begin, end, count in zip(
            begins[:-1].tolist(), begins[1:].tolist(), self.counts[order].tolist(), strict=True
        ):
            text = data[begin:end].decode("utf-8", "replace")
            total[text] = total.get(text, 0) + count
        return CategorySummary.of(total)

    def text(self) -> TextSummary:
        """Lengths and patterns."""
        order, begins = self.in_order()
        return TextSummary.of(self.arena, begins, self.counts[order])


class _Hashes:
    """Counts by hash, and the least hashes, for the number of different ones."""

    def __init__(self, values: _Values) -> None:
        met = np.flatnonzero(values.counts)
        category = CategorySummary.of_hashes(values.hashes[met], values.counts[met])
        text = values.text()
        if category.buckets is None or category.smallest is None:
            raise AssertionError("of_hashes without buckets")
        self._buckets = category.buckets
        self._patterns = text.patterns.copy()
        self._lengths = np.zeros(LONGEST_TEXT + 1, np.int64)
        self._lengths[text.lengths.edges()[0].astype(np.int64)] = text.lengths.counts
        self._smallest = np.empty(_HASHES, np.uint64)
        self._smallest[: category.smallest.size] = category.smallest
        self.into = TextBuckets(
            buckets=address(self._buckets),
            lengths=address(self._lengths),
            patterns=address(self._patterns),
            classes=address(CLASS_OF),
            smallest=address(self._smallest),
            limit=int(category.smallest[-1]),
            used=category.smallest.size,
            most=_HASHES,
        )

    def make_room(self) -> None:
        """Forget the hashes that are not among the least."""
        least = self._least()
        self._smallest[: least.size] = least
        self.into.used, self.into.limit = least.size, int(least[-1])

    def category(self) -> CategorySummary:
        """Counts by bucket."""
        return CategorySummary(values=None, buckets=self._buckets, smallest=self._least())

    def text(self) -> TextSummary:
        """Lengths and patterns."""
        met = np.flatnonzero(self._lengths)
        lengths = KeyHistogram(64, order_keys(met.astype(np.float64)), self._lengths[met])
        return TextSummary(lengths.fitted(), self._patterns)

    def _least(self) -> NDArray[np.uint64]:
        return least_hashes(self._smallest[: self.into.used])


def _free_rooms(hashes: NDArray[np.uint64], rooms: int) -> NDArray[np.int64]:
    """A room for each hash in an empty table, where looking from its own place on finds it."""
    places = (hashes & np.uint64(rooms - 1)).astype(np.int64).tolist()
    taken = bytearray(rooms)
    for at, place in enumerate(places):
        free = place
        while taken[free]:
            free = (free + 1) % rooms
        taken[free] = 1
        places[at] = free
    return np.array(places, np.int64)


def _texts(array: pa.Array, weights: NDArray[np.int64] | None) -> tuple[Texts, object]:
    """What the compiled functions read, and what must live as long."""
    if pa.types.is_string_view(array.type):
        array = array.cast(pa.large_string())
    _, offsets, data = array.buffers()
    valid = validity(array)
    wide = pa.types.is_large_string(array.type)
    if len(array) and offsets.size < (array.offset + len(array) + 1) * (8 if wide else 4):
        raise ProfileError(f"{len(array)} texts have offsets of {offsets.size} bytes: damaged data")
    texts = Texts(
        data=data.address if data else None,
        data_size=data.size if data else 0,
        offsets=offsets.address if offsets else None,
        wide=wide,
        valid=address(valid.bits) if valid else None,
        first=array.offset,
        rows=len(array),
        weights=None if weights is None else address(weights),
    )
    return texts, (array, valid, weights)
