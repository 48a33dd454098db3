"""A column of embeddings (lists of floats) as columns of numbers that together say where the vectors lie.

Its length, its Euclidean norm, and its projections on a few random directions, the same ones everywhere: each
component times +1 or -1, by a fixed hash of its place, over the square root of the length (Achlioptas 2003).
A change of the vectors' distribution changes almost every projection's (Cramer and Wold 1936), so tests of
these columns see it; and they merge, by block as well, as all columns of numbers do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from drift.arrow_columns import valid_rows
from drift.column_builder import ColumnBuilder
from drift.hashing import mix

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from drift.blocks import RowBlocks
    from drift.column_profile import ColumnProfile

DIRECTIONS = 8
PARTS = ("length", "norm", *(f"direction {number}" for number in range(1, DIRECTIONS + 1)))


def is_embedding(type_: pa.DataType) -> bool:
    """Whether it is a list of floats."""
    listed = pa.types.is_list(type_) or pa.types.is_large_list(type_) or pa.types.is_fixed_size_list(type_)
    return bool(listed and pa.types.is_floating(type_.value_type))


def part_names(column: str) -> list[str]:
    """What the columns made of an embedding are called."""
    return [f"{column} ({part})" for part in PARTS]


class EmbeddingBuilder:
    """Summarises a column of embeddings as columns of numbers."""

    def __init__(self, name: str, asked: Mapping[str, str], most: int) -> None:
        types = (pa.int64(), *[pa.float64()] * (len(PARTS) - 1))
        self._builders = [
            ColumnBuilder(part, type_, asked.get(part), most)
            for part, type_ in zip(part_names(name), types, strict=True)
        ]

    def add(self, arrays: list[pa.Array], blocks: RowBlocks | None = None) -> None:
        """Add arrays that follow each other; `blocks` says which block each of their rows is in."""
        columns = [_parts(array) for array in arrays]
        for place, builder in enumerate(self._builders):
            builder.add([parts[place] for parts in columns], blocks)

    def finish(self) -> dict[str, ColumnProfile]:
        """The columns."""
        return {name: column for builder in self._builders for name, column in builder.finish().items()}


def _parts(array: pa.Array) -> list[pa.Array]:
    """Length, norm and projections of each row's vector; null where there is none, NaN where a part is."""
    import pyarrow.compute as pc

    mask = ~valid_rows(array) if array.null_count else None
    lengths = pc.list_value_length(array).fill_null(0).cast(pa.int64())
    sizes = np.frombuffer(lengths.buffers()[1], np.int64, len(lengths), lengths.offset * 8)
    flat = array.flatten()  # of the rows that are not null
    values = _floats(flat)
    with np.errstate(over="ignore", invalid="ignore"):
        norm = np.sqrt(_sums(np.square(values), sizes))
        share = 1 / np.sqrt(np.maximum(sizes, 1))
        place = np.arange(values.size) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        signs = _signs(int(np.max(sizes)) if sizes.size else 0)
        directions = [_sums(values * sign[place], sizes) * share for sign in signs]
    return [pa.array(column, mask=mask) for column in (sizes, norm, *directions)]


def _floats(flat: pa.Array) -> NDArray[np.float64]:
    numbers = flat.cast(pa.float64())
    if not len(numbers):
        return np.empty(0)
    values = np.frombuffer(numbers.buffers()[1], np.float64, len(numbers), numbers.offset * 8)
    return np.where(valid_rows(numbers), values, np.nan) if numbers.null_count else values


def _sums(values: NDArray[np.float64], sizes: NDArray[np.int64]) -> NDArray[np.float64]:
    """The sum of each row's values."""
    if sizes.size and values.size == sizes[0] * sizes.size and np.all(sizes == sizes[0]):
        return np.asarray(values.reshape(sizes.size, -1).sum(axis=1), np.float64)
    total = np.zeros(sizes.size)
    some = np.flatnonzero(sizes)
    if some.size:
        total[some] = np.add.reduceat(values, (np.cumsum(sizes) - sizes)[some])
    return total


def _signs(length: int) -> NDArray[np.float64]:
    """+1 or -1 for each direction and place."""
    numbers = np.arange(length, dtype=np.uint64)[None, :] * np.uint64(DIRECTIONS)
    hashes = mix(numbers + np.arange(DIRECTIONS, dtype=np.uint64)[:, None] + np.uint64(1))
    return np.where(hashes >> np.uint64(63), 1.0, -1.0)
