"""One Parquet file on this machine, a column at a time.

Read so, a table costs less than as rows: nothing is put together that is taken apart again, a column is
counted while it is in the processor's cache, and each thread has its own columns.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from threading import Lock, local
from typing import TYPE_CHECKING, Any

from cloud.parquet_bounds import check_metadata, rows_at_a_time
from cloud.parquet_file import BUFFER, check_magic, first_line, repeating_texts
from control.errors import BadData
from drift.column_table import ColumnTable

if TYPE_CHECKING:
    import pyarrow as pa

ROWS = 1 << 18
WORTH_IT = 1 << 17
"""Rows of a row group on average: of smaller ones a column costs more to open than to read."""


class ParquetColumns(ColumnTable):
    """The file's columns. `told` hears which share of the file is done, and of how many more rows."""

    def __init__(
        self,
        path: Path,
        said: str,
        metadata: Any,
        schema: pa.Schema,
        told: Callable[[float, int], None],
    ) -> None:
        self.schema = schema
        self.num_rows = metadata.num_rows
        self._path = path
        self._said = said
        self._metadata = metadata
        self._texts = repeating_texts(metadata, metadata.schema.to_arrow_schema())
        self._told = told
        self._done = 0
        self._lock = Lock()
        self._open = local()

    def arrays(self, place: int) -> Iterator[pa.Array]:
        """A column's values. Raises BadData."""
        import pyarrow as pa

        name = self.schema.names[place]
        try:
            for group in range(self._metadata.num_row_groups):
                with self._path.open("rb") as source:
                    rows = rows_at_a_time(source, self._metadata, group, ROWS, [name], self._texts)
                for batch in self._file().iter_batches(
                    batch_size=rows, row_groups=[group], columns=[name], use_threads=False
                ):
                    yield batch.column(batch.schema.get_field_index(name))
                    self._tell(batch.num_rows)
        except (pa.ArrowException, OSError) as err:
            raise BadData(f"{self._said} is damaged Parquet: {first_line(err)}") from err

    def _file(self) -> Any:
        """The file, open for this thread."""
        import pyarrow.parquet as pq

        if not hasattr(self._open, "file"):
            self._open.file = pq.ParquetFile(
                self._path,
                metadata=self._metadata,
                read_dictionary=self._texts,
                pre_buffer=False,
                buffer_size=BUFFER,
            )
        return self._open.file

    def _tell(self, values: int) -> None:
        columns = len(self.schema.names)
        with self._lock:
            before, self._done = self._done, self._done + values
            share = self._done / (columns * self.num_rows)
            self._told(share, self._done // columns - before // columns)


def parquet_columns(
    path: Path,
    said: str,
    columns: Collection[str] | None,
    told: Callable[[float, int], None],
) -> ParquetColumns | None:
    """The file by columns; None where that is not worth it, or a column's name does not say which it is.

    Raises:
        BadData: the file is truncated, encrypted, damaged or not Parquet.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    with path.open("rb") as source:
        check_magic(source, said, path.stat().st_size)
        try:
            metadata = pq.read_metadata(source)
            check_metadata(metadata, said)
            schema = metadata.schema.to_arrow_schema()
        except (pa.ArrowException, OSError) as err:
            raise BadData(f"{said} is damaged Parquet: {first_line(err)}") from err
    names = schema.names
    if len(set(names)) < len(names) or metadata.num_rows < WORTH_IT * max(metadata.num_row_groups, 1):
        return None
    if columns is not None:
        schema = pa.schema([field for field in schema if field.name in columns])
    return ParquetColumns(path, said, metadata, schema, told)
