"""Counting a stream of categories: the rows of a dictionary by their places in it, its values once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from drift import kernel
from drift.arrow_columns import (
    booleans,
    dictionary_counts,
    dictionary_texts,
    index_of,
    is_text,
    places_of,
    valid_rows,
    validity,
    without_runs,
)
from drift.categories import CategorySummary
from drift.text_counter import TextCounter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from drift.text import TextSummary


class CategoryBuilder:
    """Counts categories; `finish` gives the summary."""

    def __init__(self) -> None:
        self._compiled = kernel.load()
        self._texts: TextCounter | None = None
        self._summary = CategorySummary()
        self._nulls = 0
        self._text: TextSummary | None = None
        self._dictionary: pa.Array | None = None
        self._counts: NDArray[np.int64] = np.empty(0, np.int64)

    def add(self, array: pa.Array) -> None:
        """Count an array of texts or booleans, in any encoding."""
        array = without_runs(array)
        if pa.types.is_boolean(array.type):
            summary, nulls = booleans(array)
            self._summary, self._nulls = self._summary.merge(summary), self._nulls + nulls
        elif pa.types.is_dictionary(array.type):
            self._count_places(array)
        else:
            done = self._count_texts(array, None)
            if done < len(array) or self._compiled is None:
                self._count_places(array.slice(done).dictionary_encode())

    def finish(self) -> tuple[CategorySummary, TextSummary | None, int]:
        """All that was counted, what the texts look like, and how many were null."""
        self._flush()
        if self._texts is None:
            return self._summary, self._text, self._nulls
        summary, text = self._texts.finish()
        whole = self._text.merge(text) if self._text else text
        return self._summary.merge(summary), whole, self._nulls

    def _count_places(self, array: pa.DictionaryArray) -> None:
        # Readers hand out the same dictionary batch after batch.
        if self._dictionary is None or not _same(self._dictionary, array.dictionary):
            self._flush()
            self._dictionary = array.dictionary
            self._counts = np.zeros(len(array.dictionary), np.int64)
        self._nulls += array.indices.null_count
        if self._compiled is None or not len(array.dictionary):
            self._counts += np.bincount(index_of(array), minlength=self._counts.size)
        else:
            self._compiled.places(places_of(array), validity(array.indices), self._counts)

    def _count_texts(self, array: pa.Array, weights: NDArray[np.int64] | None) -> int:
        """Count texts, compiled; how many rows were, up to the first text that is too long for that."""
        if self._compiled is None:
            return 0
        if self._texts is None:
            self._texts = TextCounter(self._compiled)
        done = self._texts.add(array, weights)
        if array.null_count:
            missing = ~valid_rows(array)[:done]
            self._nulls += int(
                np.count_nonzero(missing) if weights is None else weights[:done][missing].sum()
            )
        return done

    def _flush(self) -> None:
        """Count the dictionary's values as often as its places occurred."""
        values, counts, self._dictionary = self._dictionary, self._counts, None
        if values is None:
            return
        if is_text(values.type):
            done = self._count_texts(values, counts)
            if done and done == len(values):
                return
            values, counts = values.slice(done), counts[done:]
            text = dictionary_texts(values, counts)
            self._text = self._text.merge(text) if self._text else text
        summary, nulls = dictionary_counts(values, counts)
        self._summary, self._nulls = self._summary.merge(summary), self._nulls + nulls


def _same(one: pa.Array, other: pa.Array) -> bool:
    return len(one) == len(other) and one.type == other.type and bool(one.equals(other))
