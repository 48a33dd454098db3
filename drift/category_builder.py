"""Counting a stream of categories by the places in their dictionary, and decoding each dictionary once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from drift.arrow_columns import booleans, dictionary_counts, dictionary_texts, index_of, is_text
from drift.categories import CategorySummary

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from drift.text import TextSummary


class CategoryBuilder:
    """Counts categories; `finish` gives the summary."""

    def __init__(self) -> None:
        self._summary = CategorySummary()
        self._nulls = 0
        self._text: TextSummary | None = None
        self._dictionary: pa.Array | None = None
        self._counts: NDArray[np.int64] = np.empty(0, np.int64)

    def add(self, array: pa.Array) -> None:
        """Count an array of texts or booleans, in any encoding."""
        if pa.types.is_run_end_encoded(array.type):
            array = pc.run_end_decode(array)
        if pa.types.is_boolean(array.type):
            summary, nulls = booleans(array)
            self._summary, self._nulls = self._summary.merge(summary), self._nulls + nulls
            return
        if not pa.types.is_dictionary(array.type):
            array = array.dictionary_encode()
        index = index_of(array)
        self._nulls += len(array) - index.size
        self._use(array.dictionary)
        self._counts += np.bincount(index, minlength=self._counts.size)

    def finish(self) -> tuple[CategorySummary, TextSummary | None, int]:
        """All that was counted, what the texts look like, and how many were null."""
        self._flush()
        return self._summary, self._text, self._nulls

    def _use(self, dictionary: pa.Array) -> None:
        # Readers hand out the same dictionary batch after batch.
        if self._dictionary is not None and _same(self._dictionary, dictionary):
            return
        self._flush()
        self._dictionary = dictionary
        self._counts = np.zeros(len(dictionary), np.int64)

    def _flush(self) -> None:
        if self._dictionary is None:
            return
        summary, nulls = dictionary_counts(self._dictionary, self._counts)
        self._summary, self._nulls = self._summary.merge(summary), self._nulls + nulls
        if is_text(self._dictionary.type):
            text = dictionary_texts(self._dictionary, self._counts)
            self._text = self._text.merge(text) if self._text else text
        self._dictionary = None


def _same(one: pa.Array, other: pa.Array) -> bool:
    return len(one) == len(other) and one.type == other.type and bool(one.equals(other))
