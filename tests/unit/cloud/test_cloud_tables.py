"""Local data in every format: odd files, wrong rows, types that change between files and within one."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cloud import csv_file, json_lines_file
from cloud.sources import source_batches
from control.errors import BadData
from drift.profile import profile_batches

TABLE = pa.table({"a": [1, 2, None], "b.c": ["x", "y", "x"], "ünï co": [0.5, float("inf"), 2.0]})


def arrow(table: pa.Table, opener: Callable[..., Any]) -> bytes:
    sink = io.BytesIO()
    with opener(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def parquet(table: pa.Table, **options: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


CSV = "a,b.c,ünï co\n1,x,0.5\n2,y,inf\n,x,2.0\n".encode()
LINES = b"".join(
    json.dumps(row).encode() + b"\n" for row in TABLE.to_pylist()
)  # Infinity: Python's dialect, which Arrow leaves to the slower way
FORMATS = {
    "t.parquet": parquet(TABLE),
    "no-suffix": parquet(TABLE, row_group_size=1),
    "t.csv": CSV,
    "t.tsv": CSV.replace(b",", b"\t"),
    "semicolons.csv": CSV.replace(b",", b";"),
    "bom.csv": b"\xef\xbb\xbf" + CSV,
    "crlf.csv": CSV.replace(b"\n", b"\r\n"),
    "t.csv.gz": gzip.compress(CSV, mtime=0),
    "gzip-without-saying.csv": gzip.compress(CSV, mtime=0),
    "t.jsonl": LINES,
    "t.ndjson.gz": gzip.compress(LINES, mtime=0),
    "t.arrow": arrow(TABLE, pa.ipc.new_file),
    "stream.arrow": arrow(TABLE, pa.ipc.new_stream),
}


def written(path: Path, body: bytes) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
    return str(path)


def rows(source: str, columns: list[str] | None = None) -> list[dict[str, Any]]:
    return [row for batch in source_batches(source, columns) for row in batch.to_pylist()]


def types(source: str) -> list[dict[str, str]]:
    return [{one.name: str(one.type) for one in batch.schema} for batch in source_batches(source)]


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_same_rows(tmp_path: Path, name: str) -> None:
    source = written(tmp_path / name, FORMATS[name])
    assert rows(source) == TABLE.to_pylist()
    assert rows(source, ["b.c", "absent"]) == TABLE.select(["b.c"]).to_pylist()


def test_parquet_columns_are_asked_for_by_their_whole_names(tmp_path: Path) -> None:
    table = pa.table({"a": [1], "a.b": [2], "n": [{"x": 3}]})
    source = written(tmp_path / "t.parquet", parquet(table))
    assert rows(source, ["a"]) == [{"a": 1}]
    assert rows(source, ["a.b", "n"]) == [{"a.b": 2, "n": {"x": 3}}]


@pytest.mark.parametrize(
    ("name", "body", "said"),
    [
        ("t.parquet", b"", "is empty"),
        ("t.parquet", parquet(TABLE)[:-20], "is truncated"),
        ("t.parquet", b"PAR1" + b"\0" * 40 + b"PAR1", "is damaged Parquet"),
        ("t.parquet", b"PARE" + b"\0" * 40 + b"PARE", "is encrypted Parquet"),
        ("t.parquet", CSV, "is not Parquet"),
        ("t.arrow", FORMATS["t.arrow"][:-20], "is damaged or cut off Arrow IPC"),
        ("t.arrow", FORMATS["stream.arrow"][:200], "is damaged or cut off Arrow IPC"),
        ("t.csv", b"", "is empty"),
        ("t.csv", b"\n\n", "has no header"),
        ("t.csv", b"a,b\0\n1,2\n", "is not text"),
        ("t.csv", "a,b\n1,2\n".encode("utf-16"), "is text in UTF-16"),
        ("t.csv", b"PK\x03\x04rest", "is a zip archive"),
        ("t.csv.gz", CSV, "is not gzip"),
        ("t.csv.gz", gzip.compress(CSV * 5, mtime=0)[:-20], "cut off"),
        ("t.jsonl", b"\n \n", "is empty"),
        ("t.json", b'[{"a": 1}]', "is one JSON array"),
        ("t.jsonl.gz", gzip.compress(LINES * 5, mtime=0)[:-20], "cut off"),
        ("notes", b"hello", "does not say what it is"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str, body: bytes, said: str) -> None:
    source = written(tmp_path / name, body)
    with pytest.raises(BadData, match=said) as err:
        rows(source)
    assert source in str(err.value)


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_file, "BLOCK", 64)
    monkeypatch.setattr(json_lines_file, "BLOCK", 64)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize(
    ("name", "body", "line", "said"),
    [
        ("t.csv", b"a,b\n" + b"1,x\n" * 50 + b"1,y,3\n" + b"1,x\n" * 50, 52, "Expected 2 columns, got 3"),
        ("t.csv", b"a,b\n\n" + b"1,x\n" * 50 + b"\nabc,x\n", 54, "column 'a' holds 'abc'"),
        ("t.csv", b"a,b\n" + b'1,"x\ny"\n' * 50 + b"abc,x\n", 102, "column 'a' holds 'abc'"),
        ("t.csv", b"a,b\n" + b"1,x\n" * 50 + b'1,"x\n1,y\n1,z\n', 52, "never ends"),
        (
            "t.csv.gz",
            gzip.compress(b"a,b\n" + b"1,x\n" * 50 + b"1\n", mtime=0),
            52,
            "Expected 2 columns, got 1",
        ),
        ("t.jsonl", b'{"a": 1}\n' * 50 + b'\n{"a":\n', 52, "is not JSON"),
        ("t.jsonl", b'{"a": 1}\n' * 50 + b"[1]\n", 51, "it is list, not an object"),
        ("t.jsonl", b'{"a": 1}\n' * 50 + b'{"a": \xff}\n', 51, "is not JSON"),
    ],
)
def test_a_wrong_row_names_its_file_and_line(
    tmp_path: Path, name: str, body: bytes, line: int, said: str
) -> None:
    source = written(tmp_path / name, body)
    with pytest.raises(BadData) as err:
        rows(source)
    assert f"file {source}, line {line}: " in str(err.value)
    assert said in str(err.value)


@pytest.mark.usefixtures("small_blocks")
def test_csv_types_widen_where_later_rows_need_it_and_no_row_is_lost_or_doubled(tmp_path: Path) -> None:
    lines = [f"{n},,2020-01-{n % 28 + 1:02}" for n in range(60)] + ["0.5,7,2020-01-01 10:00:00", "1,7.5,"]
    source = written(tmp_path / "t.csv", ("n,late,day\n" + "\n".join(lines)).encode())
    assert [row["n"] for row in rows(source)] == [*range(60), 0.5, 1]
    assert [row["late"] for row in rows(source)][-2:] == [7, 7.5]
    profile = profile_batches(source_batches(source))
    assert profile.rows == 62
    assert {name: column.role for name, column in profile.columns.items()} == {
        "n": "number", "late": "number", "day": "time",
    }  # fmt: skip


@pytest.mark.usefixtures("small_blocks")
def test_a_csv_row_longer_than_a_block(tmp_path: Path) -> None:
    source = written(tmp_path / "t.csv", b"a,b\n" + (b"1," + b"x" * 5000 + b"\n") * 3)
    assert [len(row["b"]) for row in rows(source)] == [5000] * 3


def test_a_quotation_mark_inside_a_value_is_no_fault(tmp_path: Path) -> None:
    source = written(tmp_path / "t.csv", b'a,b\n1,5" pipe\n2,"say ""x"""\n')
    assert [row["b"] for row in rows(source)] == ['5" pipe', 'say "x"']


@pytest.mark.parametrize("body", [b"a,b", b"a,b\n", b"a,b\r\n"])
def test_a_csv_with_a_header_only(tmp_path: Path, body: bytes) -> None:
    profile = profile_batches(source_batches(written(tmp_path / "t.csv", body)))
    assert (profile.rows, list(profile.columns)) == (0, ["a", "b"])


def test_json_lines_with_mixed_types_are_text(tmp_path: Path) -> None:
    source = written(tmp_path / "t.jsonl", b'{"a": 1, "b": 1}\n{"a": "x"}\n{"a": [1], "b": 0.5}\n')
    assert rows(source) == [{"a": "1", "b": 1.0}, {"a": "x", "b": None}, {"a": "[1]", "b": 0.5}]


def test_repeated_names(tmp_path: Path) -> None:
    source = written(tmp_path / "t.csv", b"a,a\n1,x\n2,y\n")
    assert list(profile_batches(source_batches(source)).columns) == ["a", "a (2)"]
    assert list(profile_batches(source_batches(source, ["a"])).columns) == ["a", "a (2)"]


def test_files_with_different_columns_and_types(tmp_path: Path) -> None:
    written(tmp_path / "1.parquet", parquet(pa.table({"a": [1], "gone": ["x"], "odd": [1]})))
    written(tmp_path / "2.csv", b"a,new,odd\n0.5,7,x\n")
    written(tmp_path / "3.jsonl", b'{"a": 2}\n')
    assert rows(str(tmp_path)) == [
        {"a": 1.0, "gone": "x", "odd": 1, "new": None},
        {"a": 0.5, "gone": None, "odd": "x", "new": 7},
        {"a": 2.0, "gone": None, "odd": None, "new": None},
    ]
    assert {one["a"] for one in types(str(tmp_path))} == {"double"}
    profile = profile_batches(source_batches(str(tmp_path)))
    assert profile.columns["odd"].role_reason == "mixed types: int64, null, string"
    assert profile.columns["gone"].missing == 2


def test_partitioned_folders(tmp_path: Path) -> None:
    for folder, value in (
        ("day=1/kind=a%2Fb", 1), ("day=2/kind=__HIVE_DEFAULT_PARTITION__", 2), ("day=10/kind=7", 3),
    ):  # fmt: skip
        written(tmp_path / "t" / folder / "part-0.parquet", parquet(pa.table({"v": [value]})))
    written(tmp_path / "t" / "_SUCCESS", b"")
    written(tmp_path / "t" / ".part-0.crc", b"crc")
    expected = [
        {"v": 1, "day": 1, "kind": "a/b"}, {"v": 2, "day": 2, "kind": None}, {"v": 3, "day": 10, "kind": "7"},
    ]  # fmt: skip
    for source in ("t", "t/*", "t/day=*/kind=*/*.parquet", "t/**/*.parquet"):
        found = sorted(rows(str(tmp_path / source)), key=lambda row: int(row["v"]))
        assert found == expected, source
    assert rows(str(tmp_path / "t"), ["day"]) == [{"day": 1}, {"day": 10}, {"day": 2}]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("absent.csv", "cannot be read: No such file"),
        ("*.csv", "there are no files"),
        ("", "there are no files"),
    ],
)
def test_sources_that_are_not_there(tmp_path: Path, source: str, said: str) -> None:
    with pytest.raises(BadData, match=said):
        rows(str(tmp_path / source))


def test_a_delta_table_is_not_taken_for_its_files(tmp_path: Path) -> None:
    """Its folder also holds the files of rows that were deleted."""
    written(tmp_path / "_delta_log" / "00.json", b"{}")
    written(tmp_path / "1.parquet", parquet(TABLE))
    with pytest.raises(BadData, match="Delta table"):
        rows(str(tmp_path))


def test_progress_ends_at_the_whole(tmp_path: Path) -> None:
    for name in ("t.csv", "t.jsonl", "t.arrow", "t.parquet"):
        written(tmp_path / name, FORMATS[name])
    told: list[tuple[int, int, int]] = []
    for _ in source_batches(str(tmp_path), progress=lambda *now: told.append(now)):
        pass
    assert [done for done, _, _ in told] == sorted(done for done, _, _ in told)
    assert all(done <= total for done, total, _ in told)
    assert sum(count for _, _, count in told) == 4 * TABLE.num_rows
