"""Files as Arrow record batches: every format, one file after the other, one schema over all of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cloud.arrow_file import arrow_batches
from cloud.csv_file import csv_batches
from cloud.json_lines_file import json_lines_batches
from cloud.parquet_file import parquet_batches, parquet_schema, selected
from cloud.source_file import LocalFile

if TYPE_CHECKING:
    import pyarrow as pa

    from cloud.source_file import SourceFile
    from cloud.time_window import TimeWindow
    from drift.column_table import ColumnTable

Progress = Callable[[int, int, int], None]
"""Told after each batch: bytes read so far, bytes of all files, rows of the batch."""


def table_batches(
    files: Sequence[SourceFile],
    columns: Collection[str] | None = None,
    progress: Progress | None = None,
    window: TimeWindow | None = None,
    *,
    by_column: bool = False,
) -> Iterator[pa.RecordBatch | pa.Table | ColumnTable]:
    """The rows of files.

    Parquet, CSV, JSON lines and Arrow IPC (file and stream), the two in the middle also compressed with
    gzip. Memory is bounded by a row group or a block of text. Over several files a column that one lacks is
    null there, and whole numbers become fractions where another file has fractions; a column whose types do
    not go together keeps each file's own. `key=value` folders are columns.

    Args:
        files: at least one.
        columns: only these, where they exist.
        progress: is told how far the reading is.
        window: only rows of that time.
        by_column: Parquet may come as columns, which is quicker, where its rows are taken as they are.

    Raises:
        BadData: a file is empty, damaged or of another format, or a row is wrong; says which and where.
    """
    folders = _partition_types(files)
    read = columns if columns is None or window is None else {*columns, window.column}
    schema = _schema(files, read) if len(files) > 1 else None
    total, before = sum(file.size for file in files), 0
    for file in files:
        if by_column and window is None and not folders:

            def told(share: float, rows: int, file: SourceFile = file, before: int = before) -> None:
                if progress:
                    progress(before + int(share * file.size), total, rows)

            table = _by_column(file, columns, schema, told)
            if table is not None:
                yield table
                before += file.size
                continue
        for batch, done in _read(file, read, window):
            whole = _partitioned(batch, file, folders, read)
            if schema is not None:
                whole = _fitted(whole, schema, folders)
            if window is not None:
                whole = window.of(whole, file.said)
            yield whole if columns is None or read is columns else selected(whole, columns)
            if progress:
                progress(min(before + done, total), total, batch.num_rows)
        before += file.size


def _by_column(
    file: SourceFile,
    columns: Collection[str] | None,
    schema: Mapping[str, pa.DataType | None] | None,
    told: Callable[[float, int], None],
) -> ColumnTable | None:
    """A Parquet file of this machine as columns; None where its rows are to be fitted to other files'."""
    if not isinstance(file, LocalFile) or file.format != "parquet":
        return None
    from cloud.parquet_columns import parquet_columns

    table = parquet_columns(file.path, file.said, columns, told)
    if table is None or schema is None:
        return table
    return table if {field.name: field.type for field in table.schema} == schema else None


def _read(
    file: SourceFile, columns: Collection[str] | None, window: TimeWindow | None = None
) -> Iterator[tuple[pa.RecordBatch | pa.Table, int]]:
    if file.format == "parquet":
        with file.opened() as source:
            for batch in parquet_batches(source, file.said, file.size, columns, window):
                yield batch, min(source.tell(), file.size)
        return
    with file.on_disk() as path:
        if file.format == "csv":
            yield from csv_batches(path, file.said, columns)
        elif file.format == "json lines":
            yield from json_lines_batches(path, file.said, columns)
        else:
            yield from arrow_batches(path, file.said, columns)


def _partition_types(files: Iterable[SourceFile]) -> dict[str, type[int | str]]:
    """The columns that folders name: whole numbers where all values are, else text."""
    types: dict[str, type[int | str]] = {}
    for file in files:
        for key, value in file.partitions.items():
            whole = value is None or value.removeprefix("-").isdecimal()
            types[key] = types.get(key, int) if whole else str
    return types


def _schema(files: Iterable[SourceFile], columns: Collection[str] | None) -> dict[str, pa.DataType | None]:
    """Each column's type over all files, as their beginnings show it; None where the types do not fit.

    Columns whose names a file repeats are left to themselves.
    """
    types: dict[str, pa.DataType | None] = {}
    for file in files:
        for field in _beginning(file, columns):
            met = _value_type(field.type)
            types[field.name] = _wider(types[field.name], met) if field.name in types else met
    return types


def _beginning(file: SourceFile, columns: Collection[str] | None) -> Iterable[pa.Field]:
    if file.format == "parquet":
        with file.opened() as source:
            schema = parquet_schema(source, file.said, file.size)
        return [field for field in schema if columns is None or field.name in columns]
    batches = _read(file, columns)
    try:
        return next((batch.schema for batch, _ in batches), ())
    finally:
        batches.close()  # type: ignore[attr-defined]


def _wider(left: Any, right: Any) -> Any:
    import pyarrow as pa

    if left is None or left == right:
        return left
    try:
        both = [pa.schema([pa.field("column", type_)]) for type_ in (left, right)]
        return pa.unify_schemas(both, promote_options="permissive").field(0).type
    except pa.ArrowException:
        return None


def _value_type(type_: pa.DataType) -> pa.DataType:
    import pyarrow as pa

    return _value_type(type_.value_type) if pa.types.is_dictionary(type_) else type_


def _partitioned(
    batch: Any, file: SourceFile, folders: dict[str, type[int | str]], columns: Collection[str] | None
) -> Any:
    import pyarrow as pa

    for key, type_ in folders.items():
        if key in batch.schema.names or (columns is not None and key not in columns):
            continue
        value = file.partitions.get(key)
        kind = pa.int64() if type_ is int else pa.string()
        scalar = pa.scalar(None if value is None else type_(value), kind)
        batch = batch.append_column(key, pa.repeat(scalar, batch.num_rows))
    return batch


def _fitted(batch: Any, schema: dict[str, Any], folders: Collection[str]) -> Any:
    """The batch with all files' columns, in their types where a cast loses nothing."""
    import pyarrow as pa

    names = batch.schema.names
    if len(set(names)) < len(names):
        return batch
    columns = {}
    for name, type_ in schema.items():
        if name not in names:
            columns[name] = pa.nulls(batch.num_rows, pa.null() if type_ is None else type_)
        else:
            column = batch.column(name)
            columns[name] = _cast(column, type_) if type_ is not None else column
    columns |= {name: batch.column(name) for name in names if name not in schema or name in folders}
    return pa.table(columns)


def _cast(column: Any, type_: Any) -> Any:
    import pyarrow as pa

    if _value_type(column.type) == type_:
        return column
    try:
        return column.cast(type_)
    except pa.ArrowException:  # a later block met other types than the beginning: it keeps them
        return column
