"""Parquet read a column at a time: the same profile as by rows, and the same messages."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cloud.parquet_columns import WORTH_IT
from cloud.sources import source_batches
from control.errors import BadData
from drift.column_table import ColumnTable
from drift.profile import Profile, profile_batches

ROWS = 2 * WORTH_IT


def table(seed: int = 1) -> pa.Table:
    random = np.random.default_rng(seed)
    return pa.table(
        {
            "number": pa.array(random.normal(size=ROWS), mask=random.random(ROWS) < 0.02),
            "whole": random.poisson(4, ROWS),
            "text": pa.array([f"name {place}" for place in random.integers(0, 9, ROWS)]),
            "a.b": random.random(ROWS),
            "a": random.random(ROWS) < 0.5,
            "s": pa.array([{"x": 1, "y": [0.5]}] * ROWS),
            "vector": pa.FixedSizeListArray.from_arrays(random.random(2 * ROWS), 2),
            "when": pa.array(random.integers(0, 10**9, ROWS), pa.timestamp("s")),
        }
    )


def assert_same(one: Profile, other: Profile) -> None:
    assert one.rows == other.rows
    assert list(one.columns) == list(other.columns)
    for name, left in one.columns.items():
        right = other.columns[name]
        for part in ("kind", "types", "rows", "nulls", "category", "text", "role"):
            assert getattr(left, part) == getattr(right, part), (name, part)
        if left.numeric is not None and right.numeric is not None:
            assert left.numeric.histogram == right.numeric.histogram
            assert left.numeric.mean == pytest.approx(right.numeric.mean, rel=1e-12)


@pytest.mark.parametrize("files", [1, 2])
@pytest.mark.parametrize("columns", [None, ["whole", "a"]], ids=["all", "some"])
def test_the_profile_is_that_of_the_rows(tmp_path: Path, files: int, columns: list[str] | None) -> None:
    for number in range(files):
        pq.write_table(table(number), tmp_path / f"{number}.parquet", row_group_size=WORTH_IT)
    told: list[tuple[int, int, int]] = []
    batches = list(source_batches(str(tmp_path), columns, lambda *said: told.append(said), by_column=True))
    assert all(isinstance(batch, ColumnTable) for batch in batches)
    assert len(batches) == files
    by_column = profile_batches(batches, columns=columns)
    assert_same(by_column, profile_batches(source_batches(str(tmp_path), columns), columns=columns))
    assert [done for done, _, _ in told] == sorted(done for done, _, _ in told)
    assert told[-1][0] == told[-1][1] == sum(file.stat().st_size for file in tmp_path.iterdir())
    assert sum(rows for _, _, rows in told) == files * ROWS


def test_rows_it_is_where_columns_would_not_do(tmp_path: Path) -> None:
    def by_rows(path: Path) -> bool:
        return not any(isinstance(batch, ColumnTable) for batch in source_batches(str(path), by_column=True))

    small = tmp_path / "small.parquet"
    pq.write_table(table(), small, row_group_size=1000)
    assert by_rows(small), "a column of a small row group costs more to open than to read"
    other = tmp_path / "folder"
    other.mkdir()
    pq.write_table(table(), other / "0.parquet")
    pq.write_table(
        table().set_column(1, "whole", pa.array(np.random.default_rng(2).random(ROWS))), other / "1.parquet"
    )
    kinds = [isinstance(batch, ColumnTable) for batch in source_batches(str(other), by_column=True)]
    assert kinds.count(True) == 1, "whole numbers are to be read as fractions, as those of the other file"
    assert_same(
        profile_batches(source_batches(str(other), by_column=True)),
        profile_batches(source_batches(str(other))),
    )


def test_damage_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(table(), path)
    body = bytearray(path.read_bytes())
    body[len(body) // 3 : len(body) // 3 + 200_000] = bytes(200_000)
    path.write_bytes(body)
    with pytest.raises(BadData, match=r"file .*t\.parquet is damaged Parquet"):
        profile_batches(source_batches(str(path), by_column=True))


def test_blocks_are_rows(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(table(), path)
    with pytest.raises(TypeError, match="by rows"):
        profile_batches(source_batches(str(path), by_column=True), joint=True)
