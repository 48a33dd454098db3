"""One column of one piece of a table, summarised."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from drift.arrow_columns import Kind, categories, floats, kind_of, plain_type
from drift.block_columns import category_table, number_table
from drift.blocks import BlockTable
from drift.categories import CategorySummary
from drift.column_profile import ColumnProfile
from drift.histogram import KEY_BITS, KeyHistogram
from drift.numeric import NumericSummary

if TYPE_CHECKING:
    from drift.blocks import RowBlocks


def profile_column(
    name: str,
    arrays: list[pa.Array],
    asked: str | None,
    known: ColumnProfile | None,
    row_blocks: RowBlocks | None,
) -> ColumnProfile:
    """The column's profile over arrays of one type that follow each other; `known` is the column so far."""
    type_ = arrays[0].type
    kind: Kind = "skipped" if asked == "skip" else kind_of(type_)
    nulls = sum(array.null_count for array in arrays)
    numeric = category = blocks = None
    if kind in ("number", "time"):
        arrays = [_decoded(array) for array in arrays]
        nulls = sum(array.null_count for array in arrays)
        joined = _joined_arrays(arrays)
        values = floats(joined)
        # What earlier blocks gave up need not be counted again.
        bits = known.numeric.histogram.bits if known and known.numeric else KEY_BITS
        numeric = NumericSummary.of(values, bits)
        if row_blocks:
            blocks = number_table(joined, values, numeric, known, row_blocks)
    elif kind == "category":
        nulls = 0
        category = CategorySummary()
        if row_blocks:  # both want the dictionary: it is made once
            arrays = [_encoded(array) for array in arrays]
            blocks = category_table(arrays, row_blocks)
        for array in arrays if pa.types.is_dictionary(arrays[0].type) else [_joined_arrays(arrays)]:
            summary, missing = categories(array)
            category, nulls = category.merge(summary), nulls + missing
    elif kind == "empty" and row_blocks:
        blocks = BlockTable.of(row_blocks, np.empty(0, np.int64), np.empty(0, np.int64), KeyHistogram.empty())
    return ColumnProfile(
        name=name,
        kind=kind,
        types=(str(plain_type(type_)),),
        unreadable=(str(type_),) if kind_of(type_) == "skipped" else (),
        rows=sum(len(array) for array in arrays),
        nulls=nulls,
        numeric=numeric,
        category=category,
        asked=asked,
        blocks=blocks,
    )


def _encoded(array: pa.Array) -> pa.Array:
    if pa.types.is_run_end_encoded(array.type):
        array = pc.run_end_decode(array)
    return array if pa.types.is_dictionary(array.type) else array.dictionary_encode()


def _decoded(array: pa.Array) -> pa.Array:
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def _joined_arrays(arrays: list[pa.Array]) -> pa.Array:
    return arrays[0] if len(arrays) == 1 else pa.concat_arrays(arrays)
