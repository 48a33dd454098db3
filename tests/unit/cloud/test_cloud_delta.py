"""Delta tables as a source: the log decides which files count."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from cloud.sources import source_batches
from control.errors import BadData

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def table(tmp_path: Path) -> Path:
    folder = tmp_path / "table"
    write_deltalake(folder, pa.table({"x": [1, 2, 3], "day": ["a", "a", "b ü"]}), partition_by=["day"])
    more = pa.table({"x": [4], "day": ["b ü"], "new": [1.5]})
    write_deltalake(folder, more, mode="append", schema_mode="merge")
    return folder


def rows(source: object, columns: list[str] | None = None) -> list[tuple[object, ...]]:
    read = pa.concat_tables(
        [
            pa.table(batch.to_pydict()) if isinstance(batch, pa.Table) else pa.table(batch)
            for batch in source_batches(str(source), columns)
        ],
        promote_options="permissive",
    )
    ordered = read.select(sorted(read.column_names)).sort_by("x")
    return [tuple(row.values()) for row in ordered.to_pylist()]


def test_partitions_and_columns_that_came_later(table: Path) -> None:
    assert rows(table) == [("a", None, 1), ("a", None, 2), ("b ü", None, 3), ("b ü", 1.5, 4)]
    assert rows(table, ["x"]) == [(1,), (2,), (3,), (4,)]


def test_what_was_deleted_is_gone_and_an_earlier_version_is_there(table: Path) -> None:
    DeltaTable(table).delete("x = 1")
    assert [row[-1] for row in rows(table)] == [2, 3, 4]
    assert [row[-1] for row in rows(f"{table}@v0")] == [1, 2, 3]


def test_an_unknown_version(table: Path) -> None:
    with pytest.raises(BadData, match=r"table@v99 cannot be read: "):
        rows(f"{table}@v99")


def test_a_damaged_log(table: Path) -> None:
    for entry in (table / "_delta_log").glob("*.json"):
        entry.write_text("{")
    with pytest.raises(BadData, match=r"Delta table .* cannot be read: "):
        rows(table)


def test_a_file_that_is_not_there(table: Path) -> None:
    next(table.glob("day=a/*.parquet")).unlink()
    with pytest.raises(BadData, match=r"its log names .*day=a.*parquet, which is not there"):
        rows(table)


def test_a_table_without_rows(table: Path) -> None:
    DeltaTable(table).delete()
    with pytest.raises(BadData, match="the Delta table has no rows at this version"):
        rows(table)


def test_deletion_vectors_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "vectors"
    write_deltalake(folder, pa.table({"x": [1, 2]}), configuration={"delta.enableDeletionVectors": "true"})
    with pytest.raises(BadData, match=r"uses deletionVectors.*, which is not read"):
        rows(folder)
