"""Summarising one column, array by array."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from drift.arrow_columns import Kind, float_rows, floats, kind_of, plain_type, validity, without_runs
from drift.block_columns import category_table, number_table
from drift.blocks import MAX_BINS as BLOCK_BINS
from drift.blocks import BlockTable
from drift.category_builder import CategoryBuilder
from drift.column_profile import ColumnProfile
from drift.extremes import Extremes, are_counted_exactly
from drift.histogram import MAX_BINS, KeyHistogram
from drift.numeric_builder import NumericBuilder

if TYPE_CHECKING:
    from drift.blocks import RowBlocks


class ColumnBuilder:
    """Summarises arrays of one type; `finish` gives the column's profile.

    `asked` is the role the caller fixed, `most` the number of bins of a column of numbers.
    """

    def __init__(self, name: str, type_: pa.DataType, asked: str | None, most: int = MAX_BINS) -> None:
        self._name = name
        self._type = type_
        self._asked = asked
        self._kind: Kind = "skipped" if asked == "skip" else kind_of(type_)
        self._rows = self._nulls = 0
        self._numbers = NumericBuilder(most) if self._kind in ("number", "time") else None
        self._categories = CategoryBuilder() if self._kind == "category" else None
        self._whole = pa.types.is_integer(plain_type(type_))
        self._exact = are_counted_exactly(plain_type(type_))
        self._extremes: Extremes | None = None
        self._blocks: BlockTable | None = None
        self._all_in_blocks = True

    def add(self, arrays: list[pa.Array], blocks: RowBlocks | None = None) -> None:
        """Add arrays that follow each other; `blocks` says which block each of their rows is in."""
        rows = sum(len(array) for array in arrays)
        self._rows += rows
        self._all_in_blocks &= blocks is not None and blocks.known is None
        if self._numbers is not None:
            self._add_numbers(arrays, blocks, self._numbers)
        elif self._categories is not None:
            self._add_categories(arrays, blocks, self._categories)
        elif self._kind == "empty":
            self._nulls += rows
            if blocks:
                self._add_blocks(BlockTable.of(blocks, _NONE, _NONE, KeyHistogram.empty()))
        else:
            self._nulls += sum(array.null_count for array in arrays)

    def finish(self) -> dict[str, ColumnProfile]:
        """All that was added, by the column's name."""
        return {self._name: self._profile()}

    def _profile(self) -> ColumnProfile:
        category, text, nulls = self._categories.finish() if self._categories else (None, None, 0)
        return ColumnProfile(
            name=self._name,
            kind=self._kind,
            types=(str(plain_type(self._type)),),
            unreadable=(str(self._type),) if kind_of(self._type) == "skipped" else (),
            rows=self._rows,
            nulls=self._nulls + nulls,
            numeric=self._numbers.finish() if self._numbers else None,
            category=category,
            text=text,
            extremes=self._extremes,
            asked=self._asked,
            blocks=self._blocks,
        )

    def _add_numbers(self, arrays: list[pa.Array], blocks: RowBlocks | None, numbers: NumericBuilder) -> None:
        arrays = [_decoded(array) for array in arrays]
        if blocks:  # one array: its rows are those of `blocks`
            arrays = arrays if len(arrays) == 1 else [pa.concat_arrays(arrays)]
        for array in arrays:
            self._nulls += array.null_count
            extremes = Extremes.of(array) if self._exact else None
            if extremes:
                self._extremes = self._extremes.merge(extremes) if self._extremes else extremes
            numbers.add(float_rows(array), validity(array), whole=self._whole)
            if blocks:
                bins = numbers.bins(BLOCK_BINS) if self._all_in_blocks else None
                self._add_blocks(number_table(array, floats(array), bins, blocks))

    def _add_categories(
        self, arrays: list[pa.Array], blocks: RowBlocks | None, categories: CategoryBuilder
    ) -> None:
        if blocks:  # both want the dictionary: it is made once
            arrays = [_encoded(array) for array in arrays]
            self._add_blocks(category_table(arrays, blocks))
        for array in arrays:
            categories.add(array)

    def _add_blocks(self, table: BlockTable) -> None:
        self._blocks = self._blocks.merge(table) if self._blocks else table


_NONE = np.empty(0, np.int64)


def _encoded(array: pa.Array) -> pa.Array:
    array = without_runs(array)
    return array if pa.types.is_dictionary(array.type) else array.dictionary_encode()


def _decoded(array: pa.Array) -> pa.Array:
    array = without_runs(array)
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array
