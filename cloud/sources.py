"""Data by their name: on this machine, in a storage account or in Azure ML."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloud.data_address import is_address
from cloud.local_source import local_files
from cloud.tables import table_batches

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    import pyarrow as pa

    from cloud.source_file import SourceFile
    from cloud.tables import Progress
    from cloud.time_window import TimeWindow
    from drift.column_table import ColumnTable


def source_batches(
    source: str,
    columns: Collection[str] | None = None,
    progress: Progress | None = None,
    window: TimeWindow | None = None,
    *,
    by_column: bool = False,
) -> Iterator[pa.RecordBatch | pa.Table | ColumnTable]:
    """The rows of a file, of the files that a glob means, or of a folder with all below it.

    Args:
        source: a path, a glob, or an address (`cloud.data_address.KNOWN`).
        columns: only these, where they exist.
        progress: is told how far the reading is.
        window: only rows of that time.
        by_column: Parquet may come as columns.

    Raises:
        HomeostatError: as `local_files`, `remote_files` and `table_batches` say.
    """
    return table_batches(source_files(source), columns, progress, window, by_column=by_column)


def source_files(source: str) -> Sequence[SourceFile]:
    """The files that a source means."""
    if not is_address(source):
        return local_files(source)
    from cloud.remote_source import remote_files

    return remote_files(source)
