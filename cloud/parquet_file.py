"""One Parquet file, local or a blob, as record batches: one row group after the other."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

from cloud.parquet_bounds import check_metadata, rows_at_a_time
from control.errors import BadData

if TYPE_CHECKING:
    import pyarrow as pa

    from cloud.time_window import TimeWindow

ROWS = 65_536
BUFFER = 1 << 18
"""Bytes read ahead of each column. Buffering whole row groups would take as much memory as they do."""
PLACE = 4
"""A row takes fewer bytes in a file that keeps places in a dictionary; a text takes more."""
MAGIC = b"PAR1"
ENCRYPTED = b"PARE"
SMALLEST = 12
"""Bytes of a Parquet file around its footer."""


def parquet_schema(source: Any, said: str, size: int) -> pa.Schema:
    """The columns of a Parquet file, from its end. Raises BadData as `parquet_batches` does."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    check_magic(source, said, size)
    try:
        return pq.read_schema(source)
    except (pa.ArrowException, OSError) as err:
        raise BadData(f"{said} is damaged Parquet: {first_line(err)}") from err


def parquet_batches(
    source: Any,
    said: str,
    size: int,
    columns: Collection[str] | None = None,
    window: TimeWindow | None = None,
) -> Iterator[pa.RecordBatch | pa.Table]:
    """The rows of a Parquet file; one without rows still says which columns it has.

    Args:
        source: the file, open and seekable.
        said: what messages call it.
        size: its bytes.
        columns: only these, where they exist.
        window: row groups that the file says lie outside of it are not read.

    Raises:
        BadData: the file is truncated, encrypted, damaged, not Parquet, or unpacks to far more than it is.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    check_magic(source, said, size)
    try:
        metadata = pq.read_metadata(source)
        check_metadata(metadata, said)
        schema = metadata.schema.to_arrow_schema()
        texts = repeating_texts(metadata, schema)
        with pq.ParquetFile(
            source,
            metadata=metadata,
            read_dictionary=texts,
            pre_buffer=False,
            buffer_size=BUFFER,
        ) as table:
            names = None if columns is None else [name for name in schema.names if name in columns]
            groups = [group for group in range(table.num_row_groups) if _wanted(metadata, group, window)]
            if metadata.num_rows == 0 or not groups:
                empty = table.schema_arrow.empty_table()
                yield empty if names is None else selected(empty, names)
            for group in groups:  # one by one: what is buffered ahead is a group
                rows = rows_at_a_time(source, metadata, group, ROWS, names, texts)
                for batch in table.iter_batches(batch_size=rows, row_groups=[group], columns=names):
                    # `a` asks Parquet for `a.b` as well.
                    yield batch if names is None else selected(batch, names)
    except (pa.ArrowException, OSError) as err:
        raise BadData(f"{said} is damaged Parquet: {first_line(err)}") from err


def repeating_texts(metadata: Any, schema: pa.Schema) -> list[str]:
    """Columns of texts that the file keeps as dictionaries: a column of carriers then costs next to nothing.

    Where texts hardly repeat, writers give their dictionary up, and making one again is dear.
    """
    import pyarrow as pa

    texts = {field.name for field in schema if pa.types.is_string(field.type)}
    if not metadata.num_row_groups or not texts:
        return list(texts)
    group = metadata.row_group(0)
    chunks = (group.column(place) for place in range(group.num_columns))
    return [
        chunk.path_in_schema
        for chunk in chunks
        if chunk.path_in_schema in texts and chunk.total_uncompressed_size <= PLACE * max(chunk.num_values, 1)
    ]


def _wanted(metadata: Any, group: int, window: TimeWindow | None) -> bool:
    """Whether a row group may hold rows of the window."""
    if window is None:
        return True
    chunks = metadata.row_group(group)
    for place in range(chunks.num_columns):
        found = chunks.column(place).statistics
        if chunks.column(place).path_in_schema == window.column and found is not None and found.has_min_max:
            return window.may_be_in(found.min, found.max)
    return True


def selected(table: Any, columns: Collection[str]) -> Any:
    """Those columns of a table or batch that are asked for, those with the same name as well."""
    if all(name in columns for name in table.schema.names):
        return table
    return table.select([place for place, name in enumerate(table.schema.names) if name in columns])


def first_line(err: Exception) -> str:
    """What an error says, without the page that may follow."""
    return (str(err).strip() or type(err).__name__).splitlines()[0][:300]


def check_magic(source: Any, said: str, size: int) -> None:
    """Whether it begins and ends as Parquet does. Raises BadData."""
    start = source.read(len(MAGIC))
    if start == ENCRYPTED:
        raise BadData(f"{said} is encrypted Parquet: decrypt it first")
    if start != MAGIC:
        raise BadData(f"{said} is not Parquet: it starts with {start!r}")
    source.seek(max(0, size - len(MAGIC)))
    if size < SMALLEST or source.read(len(MAGIC)) != MAGIC:
        raise BadData(f"{said} is truncated: {size} bytes without the end of a Parquet file")
    source.seek(0)
