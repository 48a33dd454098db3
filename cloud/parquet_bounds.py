"""Parquet keeps a value once, however often it stands in the rows: 500 bytes can hold 250 GB of text.

How many rows are read at a time follows from the longest value that they may repeat.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cloud.bounds import check_columns
from control.errors import BadData

if TYPE_CHECKING:
    from collections.abc import Collection

COLUMNS = 100_000
"""Parquet describes each of its columns, which takes a hundred bytes: a small file cannot have so many."""
BATCH = 64 << 20
"""Bytes that the values of a batch may take; counting texts takes some copies of them."""
LEAVES = 32 << 20
"""Values in lists of one row group; more must at least take their space in the file."""
VALUES_A_BYTE = 32


def check_metadata(metadata: Any, said: str) -> None:
    """Whether the file can be a table at all.

    Raises:
        BadData: it has too many columns, or lists that hold far more than the file does.
    """
    check_columns(said, metadata.num_columns, COLUMNS)
    for place in range(metadata.num_columns):
        column = metadata.schema.column(place)
        if not column.max_repetition_level:
            continue
        for group in range(metadata.num_row_groups):
            chunk = metadata.row_group(group).column(place)
            if chunk.num_values > max(LEAVES, VALUES_A_BYTE * chunk.total_compressed_size):
                what = (
                    f"{chunk.num_values} values of {column.path} lie in {chunk.total_compressed_size} bytes"
                )
                raise BadData(
                    f"{said} unpacks to far more than it is: {what}; write it with smaller row groups"
                )


def rows_at_a_time(
    source: Any, metadata: Any, group: int, most: int, columns: Collection[str] | None, whole: Collection[str]
) -> int:
    """How many rows of the row group are read at a time, at most `most`.

    Args:
        source: the file, open and seekable.
        metadata: the file's.
        group: the row group.
        most: rows that are read where values are short.
        columns: only these are read.
        whole: columns that are read as dictionaries: they take no more than their space in the file.
    """
    chunks = metadata.row_group(group)
    width = 0
    for place in range(chunks.num_columns):
        column, chunk = metadata.schema.column(place), chunks.column(place)
        name = column.path
        if name in whole or (columns is not None and name.partition(".")[0] not in columns):
            continue
        if column.physical_type == "FIXED_LEN_BYTE_ARRAY":
            width += column.length
        elif column.physical_type == "BYTE_ARRAY" and chunk.has_dictionary_page:
            repeats = min(most, chunks.num_rows) * chunk.total_uncompressed_size
            if repeats > BATCH and not column.max_repetition_level and "." not in name:
                width += _longest(source, metadata, group, name)
    return max(1, min(most, BATCH // max(width, 1)))


def _longest(source: Any, metadata: Any, group: int, name: str) -> int:
    """Bytes of the longest value that the column repeats: its dictionary comes with the first row."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    reader = pq.ParquetFile(
        source, metadata=metadata, read_dictionary=[name], pre_buffer=False, buffer_size=1 << 16
    )
    rows = reader.iter_batches(batch_size=1, row_groups=[group], columns=[name], use_threads=False)
    batch = next(rows, None)
    if batch is None or not hasattr(batch.column(0), "dictionary"):
        return 0
    return int(pc.max(pc.binary_length(batch.column(0).dictionary)).as_py() or 0)
