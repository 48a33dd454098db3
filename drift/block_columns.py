"""A piece of a column, counted by block."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pyarrow as pa

from drift.arrow_columns import category_keys, valid_rows
from drift.blocks import MAX_BINS, BlockTable, bin_index
from drift.distinct import distinct
from drift.histogram import KEY_BITS, KeyHistogram, order_keys

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from drift.blocks import RowBlocks

_Value = TypeVar("_Value", bound=np.generic)


def number_table(
    array: pa.Array, values: NDArray[np.float64], bins: KeyHistogram | None, blocks: RowBlocks
) -> BlockTable:
    """Numbers by block. `values` are the array's non-null ones.

    `bins` are those that all rows so far occupy; None where some of the rows are in no block.
    """
    place, values = _placed(blocks, valid_rows(array) if array.null_count else None, values)
    present = ~np.isnan(values)
    if not present.all():
        place, values = place[present], values[present]
    keys = order_keys(values)
    if bins is None:
        bins = KeyHistogram.of_keys(keys.copy()).with_most(MAX_BINS)
    return BlockTable.of(blocks, place, bin_index(keys, bins), bins)


def category_table(arrays: list[pa.DictionaryArray], blocks: RowBlocks) -> BlockTable:
    """Categories by block. The arrays follow each other."""
    places, indices, hashes = [], [], []
    start = before = 0
    for array in arrays:
        end = start + len(array)
        index, keys = category_keys(array)
        valid = valid_rows(array.indices) if array.indices.null_count else None
        place, index = _placed(blocks, valid, index, start, end)
        if array.dictionary.null_count:  # a dictionary may hold null as a value
            present = valid_rows(array.dictionary)[index]
            place, index = place[present], index[present]
        places.append(place)
        indices.append(index + before)
        hashes.append(keys)
        start, before = end, before + keys.size
    index, keys = np.concatenate(indices), np.concatenate(hashes)
    used = np.flatnonzero(np.bincount(index, minlength=keys.size))
    met = distinct(keys[used])
    bins = KeyHistogram(KEY_BITS, met, np.ones(met.size, np.int64)).with_most(MAX_BINS)
    place_of = np.zeros(keys.size, np.int64)
    place_of[used] = bin_index(keys[used], bins)
    return BlockTable.of(blocks, np.concatenate(places), place_of[index], bins)


def _placed(
    blocks: RowBlocks,
    valid: NDArray[np.bool_] | None,
    values: NDArray[_Value],
    start: int = 0,
    end: int | None = None,
) -> tuple[NDArray[np.int64], NDArray[_Value]]:
    """The blocks of the values, without those whose block is not known."""
    place = blocks.place[start:end]
    known = None if blocks.known is None else blocks.known[start:end]
    if valid is not None:
        place = place[valid]
        known = None if known is None else known[valid]
    return (place, values) if known is None else (place[known], values[known])
