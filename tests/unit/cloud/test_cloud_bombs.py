"""Small files that unpack to gigabytes: refused with a reason, or read in bounded memory.

Each is read in a process of its own, so that the most memory it ever had can be seen.
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cloud.bounds import DEEPEST
from cloud.json_lines_file import json_lines_batches
from cloud.parquet_bounds import COLUMNS
from cloud.source_file import LocalFile
from cloud.tables import table_batches
from control.errors import BadData

ROOT = Path(__file__).parents[3]
READ = """
import json, os, resource, sys
from pathlib import Path
import drift.profile, pyarrow.parquet, pyarrow.csv, pyarrow.json, pyarrow.compute
from cloud.source_file import LocalFile
from cloud.tables import table_batches
from control.errors import BadData
from drift.profile import profile_batches
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    said = profile_batches(table_batches([LocalFile(Path(sys.argv[1]))], by_column=True)).rows
except BadData as fault:
    said = str(fault)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
print(json.dumps([said, peak // 1024]), flush=True)
os._exit(0)  # Arrow's threads may still read ahead
"""
BOUND_MB = 700
"""An instance has 2048 MB. Unbounded, each of these takes several gigabytes, or ends the process."""


def read(path: Path) -> tuple[int | str, int]:
    """What profiling the file ends with: rows or the refusal, and megabytes on top of an idle process."""
    done = subprocess.run(
        [sys.executable, "-c", READ, str(path)],
        capture_output=True, text=True, timeout=120, check=False, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, f"the process ended with {done.returncode}: {done.stderr[-2000:]}"
    said, peak = json.loads(done.stdout)
    return said, peak


def repeated(value: str | bytes, rows: int, path: Path) -> Path:
    """A Parquet file in which that value stands in every row, and is kept once."""
    places = pa.array(np.zeros(rows, "int32"))
    column = pa.DictionaryArray.from_arrays(places, pa.array([value]))
    pq.write_table(
        pa.table({"t": column}),
        path,
        compression="zstd",
        dictionary_pagesize_limit=1 << 30,
        store_schema=False,
    )
    return path


def test_a_parquet_file_of_some_hundred_bytes_with_two_gigabytes_of_text(tmp_path: Path) -> None:
    path = repeated("x" * (4 << 20), 500, tmp_path / "bomb.parquet")
    assert path.stat().st_size < 1000
    said, peak = read(path)
    assert said == 500
    assert peak < BOUND_MB


def test_a_parquet_file_with_six_gigabytes_of_bytes(tmp_path: Path) -> None:
    path = repeated(b"x" * (100 << 10), 65_536, tmp_path / "bomb.parquet")
    said, peak = read(path)
    assert said == 65_536
    assert peak < BOUND_MB


def test_a_parquet_file_read_by_column(tmp_path: Path) -> None:
    """Files of many rows take another way on this machine."""
    path = repeated("x" * 20_000, 140_000, tmp_path / "bomb.parquet")
    said, peak = read(path)
    assert said == 140_000
    assert peak < BOUND_MB


def test_a_parquet_row_with_forty_million_values(tmp_path: Path) -> None:
    values = pa.array(np.zeros(40_000_000, "int8"))
    path = tmp_path / "bomb.parquet"
    pq.write_table(pa.table({"t": pa.ListArray.from_arrays(pa.array([0, len(values)]), values)}), path)
    assert path.stat().st_size < 10_000
    said, peak = read(path)
    assert "unpacks to far more than it is: 40000000 values of t." in str(said)
    assert peak < 50


def test_embeddings_that_take_their_space_are_read(tmp_path: Path) -> None:
    values = pa.array(np.random.default_rng(1).random(3_000_000, "float32"))
    path = tmp_path / "embeddings.parquet"
    pq.write_table(pa.table({"t": pa.FixedSizeListArray.from_arrays(values, 300)}), path)
    assert sum(batch.num_rows for batch in table_batches([LocalFile(path)])) == 10_000


def test_a_parquet_file_with_too_many_columns(tmp_path: Path) -> None:
    path = tmp_path / "wide.parquet"
    pq.write_table(pa.table({f"c{place}": [1] for place in range(COLUMNS + 1)}), path)
    with pytest.raises(BadData, match=f"has more than {COLUMNS} columns"):
        list(table_batches([LocalFile(path)]))


def packed(path: Path, *parts: tuple[bytes, int]) -> Path:
    """Parts, each so many times, compressed."""
    with gzip.open(path, "wb", compresslevel=1) as file:
        for part, times in parts:
            for _ in range(times):
                file.write(part)
    return path


MB = b"x" * (1 << 20)


@pytest.mark.parametrize(
    ("name", "parts", "said"),
    [
        ("value.csv.gz", [(b'a,b\n1,"', 1), (MB, 400), (b'"\n', 1)], "a row of more than 64 MB"),
        (
            "columns.csv.gz",
            [(b",c" * 150_000 + b"\n", 1), (b",1" * 150_000 + b"\n", 1)],
            "more than 10000 columns",
        ),
        ("line.json.gz", [(b'{"a":"', 1), (MB, 400), (b'"}\n', 1)], "a line of more than 64 MB"),
        (
            "deep.json.gz",
            [(b'{"a":' + b"[" * 3_000_000 + b"]" * 3_000_000 + b"}\n", 1)],
            "nested more than 100 deep",
        ),
        (
            "objects.json.gz",
            [(b'{"a":' * 300_000 + b"1" + b"}" * 300_000 + b"\n", 1)],
            "nested more than 100 deep",
        ),
    ],
)
def test_compressed_text_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, name: str, parts: list[tuple[bytes, int]], said: str
) -> None:
    path = packed(tmp_path / name, *parts)
    assert path.stat().st_size < 4 << 20
    answer, peak = read(path)
    assert said in str(answer)
    assert peak < BOUND_MB


@pytest.mark.parametrize("name", ["rows.csv.gz", "rows.json.gz"])
def test_compressed_rows_without_end_are_read_in_bounded_memory(tmp_path: Path, name: str) -> None:
    row = b'{"a": 1, "b": "two of a kind"}\n' if "json" in name else b"1,two of a kind\n"
    head = [] if "json" in name else [(b"a,b\n", 1)]
    said, peak = read(packed(tmp_path / name, *head, (row * 10_000, 300)))
    assert said == 3_000_000
    assert peak < BOUND_MB


def test_json_lines_with_keys_of_their_own_do_not_become_a_square(tmp_path: Path) -> None:
    """Forty thousand rows with a key each were a table of 1.6 thousand million cells."""
    lines = b"".join(b'{"k%d": 1}\n' % place for place in range(40_000))
    said, peak = read(packed(tmp_path / "square.json.gz", (lines, 1)))
    assert "has more than 10000 columns" in str(said)
    assert peak < BOUND_MB


def test_keys_that_come_late_are_seen_too(tmp_path: Path) -> None:
    usual = b'{"a": 1}\n' * 700_000
    late = b"".join(b'{"k\\u0030%d" : 1}\n' % place for place in range(15_000))
    path = tmp_path / "late.jsonl"
    path.write_bytes(usual + late)
    with pytest.raises(BadData, match="has more than 10000 columns"):
        list(json_lines_batches(path, "file late.jsonl"))


def test_brackets_in_texts_are_no_depth(tmp_path: Path) -> None:
    text = json.dumps({"a": "[{" * (2 * DEEPEST) + '"\\', "b": [[1]]})
    path = tmp_path / "brackets.jsonl"
    path.write_text(f"{text}\n" * 3)
    assert sum(batch.num_rows for batch, _ in json_lines_batches(path, "it")) == 3
