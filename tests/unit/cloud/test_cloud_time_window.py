"""Rows of a time: the right ones, and no more of a Parquet file than may hold them."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cloud.sources import source_batches
from cloud.time_window import TimeWindow
from control.errors import BadData

START = datetime(2026, 1, 1, tzinfo=UTC)
ROWS = 10_000


@pytest.fixture
def hours(tmp_path: Path) -> str:
    """An hour a row, in row groups of 1,000; every 500th time is missing."""
    times = [None if n % 500 == 499 else START + timedelta(hours=n) for n in range(ROWS)]
    table = pa.table({"n": range(ROWS), "at": pa.array(times, pa.timestamp("ns", "Europe/Paris"))})
    pq.write_table(table, tmp_path / "hours.parquet", row_group_size=1_000)
    return str(tmp_path / "hours.parquet")


@pytest.mark.parametrize(
    ("since", "until"), [(2_500, 2_600), (None, 1), (9_999, None), (0, 10_000), (500, 1_500)]
)
def test_only_the_rows_of_the_window(hours: str, since: int | None, until: int | None) -> None:
    window = TimeWindow(
        column="at",
        since=None if since is None else START + timedelta(hours=since),
        until=None if until is None else START + timedelta(hours=until),
    )
    expected = [n for n in range(since or 0, ROWS if until is None else until) if n % 500 != 499]
    for columns in (None, ["n"]):
        batches = list(source_batches(hours, columns, window=window))
        assert [n for batch in batches for n in batch.column("n").to_pylist()] == expected
        assert set(batches[0].schema.names) == set(columns or ["n", "at"])


def test_row_groups_outside_are_not_read(hours: str) -> None:
    """The bytes of another row group are spoiled: who reads them, fails."""
    group = pq.read_metadata(hours).row_group(7).column(0)
    body = bytearray(Path(hours).read_bytes())
    start = group.dictionary_page_offset or group.data_page_offset
    body[start : start + 200] = b"\xff" * 200
    Path(hours).write_bytes(body)
    window = TimeWindow(column="at", until=START + timedelta(hours=6_000))
    assert sum(batch.num_rows for batch in source_batches(hours, window=window)) == 6_000 - 12
    with pytest.raises(BadData, match="damaged"):
        list(source_batches(hours, window=TimeWindow(column="at", since=START + timedelta(hours=7_100))))


def test_dates_and_times_without_a_zone_count_as_utc(tmp_path: Path) -> None:
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(10)]
    window = TimeWindow(column="at", since=START + timedelta(days=3), until=START + timedelta(days=5))
    for type_ in (pa.date32(), pa.date64(), pa.timestamp("s"), pa.timestamp("us", "UTC")):
        pq.write_table(pa.table({"at": pa.array(days).cast(type_), "n": range(10)}), tmp_path / "t.parquet")
        found = source_batches(str(tmp_path / "t.parquet"), ["n"], window=window)
        assert [n for batch in found for n in batch.column("n").to_pylist()] == [3, 4], type_


def test_text_files_as_well_and_what_cannot_tell_the_time(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("at,n\n2026-01-01 10:00:00,1\n2026-01-02 10:00:00,2\n,3\n")
    window = TimeWindow(column="at", since=START + timedelta(days=1))
    found = list(source_batches(str(tmp_path / "t.csv"), window=window))
    assert [n for batch in found for n in batch.column("n").to_pylist()] == [2]
    with pytest.raises(BadData, match=r"t\.csv: column 'n' is int64, not a date or a timestamp"):
        list(source_batches(str(tmp_path / "t.csv"), window=TimeWindow(column="n", since=START)))
    with pytest.raises(BadData, match="no one column 'when'"):
        list(source_batches(str(tmp_path / "t.csv"), window=TimeWindow(column="when", since=START)))
