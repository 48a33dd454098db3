"""Local data as Arrow record batches: every format, one file after the other, one schema over all files."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING, Any

from cloud.arrow_file import arrow_batches
from cloud.csv_file import csv_batches
from cloud.json_lines_file import json_lines_batches
from cloud.local_source import SourceFile, find, partition_types
from cloud.parquet_file import parquet_batches

if TYPE_CHECKING:
    import pyarrow as pa

Progress = Callable[[int, int, int], None]
"""Told after each batch: bytes read so far, bytes of all files, rows of the batch."""


def local_batches(
    source: str, columns: Collection[str] | None = None, progress: Progress | None = None
) -> Iterator[pa.RecordBatch | pa.Table]:
    """The rows of a file, of the files that a glob means, or of a folder with all below it.

    Parquet, CSV, JSON lines and Arrow IPC (file and stream), the two in the middle also compressed with
    gzip. Memory is bounded by a row group or a block of text. Over several files a column that one lacks is
    null there, and whole numbers become fractions where another file has fractions; a column whose types do
    not go together keeps each file's own. `key=value` folders are columns.

    Args:
        source: path or glob.
        columns: only these, where they exist.
        progress: is told how far the reading is.

    Raises:
        BadData: a file is empty, damaged or of another format, or a row is wrong; says which and where.
    """
    files = find(source)
    folders = partition_types(files)
    schema = _schema(files, columns) if len(files) > 1 else None
    total, before = sum(file.size for file in files), 0
    for file in files:
        for batch, done in _read(file, columns):
            whole = _partitioned(batch, file, folders, columns)
            yield whole if schema is None else _fitted(whole, schema, folders)
            if progress:
                progress(min(before + done, total), total, batch.num_rows)
        before += file.size


def _read(
    file: SourceFile, columns: Collection[str] | None
) -> Iterator[tuple[pa.RecordBatch | pa.Table, int]]:
    if file.format == "csv":
        return csv_batches(file.path, columns)
    if file.format == "json lines":
        return json_lines_batches(file.path, columns)
    if file.format == "arrow":
        return arrow_batches(file.path, columns)
    return _parquet(file, columns)


def _parquet(
    file: SourceFile, columns: Collection[str] | None
) -> Iterator[tuple[pa.RecordBatch | pa.Table, int]]:
    with file.path.open("rb") as source:
        for batch in parquet_batches(source, f"file {file.path}", file.size, columns):
            yield batch, min(source.tell(), file.size)


def _schema(files: list[SourceFile], columns: Collection[str] | None) -> dict[str, pa.DataType | None]:
    """Each column's type over all files, as their beginnings show it; None where the types do not fit.

    Columns whose names a file repeats are left to themselves.
    """
    types: dict[str, pa.DataType | None] = {}
    for file in files:
        beginning = _read(file, columns)
        for batch, _ in beginning:
            for field in batch.schema:
                met = _value_type(field.type)
                types[field.name] = _wider(types[field.name], met) if field.name in types else met
            break
        beginning.close()  # type: ignore[attr-defined]
    return types


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
