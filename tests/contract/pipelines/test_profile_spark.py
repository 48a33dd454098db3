"""A batch profiled by Spark, in parts, against one pass over the same rows on one machine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from drift.block_rule import ByTime
from drift.profile import Profile, profile_batches
from local import environments
from local.spark_runtime import with_runtime

ROOT = Path(__file__).parents[3]
ROWS = 1_000_000
PARTS = 5


@pytest.fixture(scope="module")
def submit() -> Path:
    """Spark's own command, in the environment of the runtime."""
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java, which is not on this machine")
    definition = environments.conda_of(ROOT / "pipelines" / "spark" / "environment-spark.yml")
    folder = environments.environment_path(with_runtime(definition, "3.5"), environments.default_cache())
    if not environments.is_built(folder):
        pytest.skip("the environment of Spark jobs is not set up: make spark")
    return folder / "bin" / "spark-submit"


def table() -> pa.Table:
    """Numbers with nulls and what is no number, categories, texts, whole numbers and times of nanoseconds."""
    random = np.random.default_rng(11)
    numbers = random.normal(size=ROWS)
    numbers[::1000] = np.nan
    numbers[::5000] = np.inf
    start = np.datetime64("2026-01-01", "ns")
    return pa.table(
        {
            "normal": numbers,
            "skewed": pa.array(random.lognormal(1, 2, ROWS), mask=random.random(ROWS) < 0.02),
            "whole": random.integers(-500, 500, ROWS).astype("int32"),
            "category": pa.array(random.choice([f"c{n}" for n in range(300)], ROWS)).dictionary_encode(),
            "text": pa.array([f"{n:x}" for n in random.integers(0, 1 << 40, ROWS)]),
            "yes": random.random(ROWS) < 0.3,
            "day": pa.array((random.integers(0, 40, ROWS) + 20_000).astype("int32"), pa.date32()),
            "time": pa.array(start + random.integers(0, 40 * 86_400, ROWS).astype("timedelta64[s]")),
        }
    )


def run(submit: Path, folder: Path, manifest: dict[str, object]) -> subprocess.CompletedProcess[str]:
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return subprocess.run(
        [
            submit, "--master", "local[2]", "--conf", "spark.ui.enabled=false",
            "--conf", "spark.sql.files.maxPartitionBytes=1m",  # more parts than one merge takes
            ROOT / "pipelines" / "profile_spark.py", "--data", f"file://{folder}/data",
            "--manifest", f"file://{folder}/manifest.json", "--profile", f"file://{folder}/out",
        ],
        env=os.environ | {"PYSPARK_PYTHON": str(submit.with_name("python")), "SPARK_LOCAL_IP": "127.0.0.1",
                          "PATH": f"{submit.parent}{os.pathsep}{os.environ['PATH']}", "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=folder, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip


def close(left: float, right: float) -> bool:
    return left == right or abs(left - right) <= 1e-12 * max(abs(left), abs(right), 1.0)


def test_spark_counts_a_million_rows_as_one_machine_does(submit: Path, tmp_path: Path) -> None:
    whole = table()
    (tmp_path / "data").mkdir()
    names = [f"part-{number}.parquet" for number in range(PARTS)]
    for number, name in enumerate(names):
        part = whole.slice(number * ROWS // PARTS, ROWS // PARTS)
        pq.write_table(part, tmp_path / "data" / name, row_group_size=20_000)
    (tmp_path / "data" / "not-of-the-batch.parquet").write_bytes(b"nobody reads it")
    manifest = {
        "schema": 1, "model": "m", "files": names, "partitions": {"region": "north", "year": 2026},
        "timestamp_column": "time", "every": "day",
    }  # fmt: skip
    done = run(submit, tmp_path, manifest)
    assert done.returncode == 0, done.stderr[-3000:]
    by_spark = Profile.from_bytes((tmp_path / "out" / "profile.bin").read_bytes())

    rows = whole.append_column("region", pa.repeat("north", ROWS)).append_column(
        "year", pa.repeat(pa.scalar(2026, pa.int64()), ROWS)
    )
    one_pass = profile_batches(rows.to_batches(max_chunksize=70_000), blocks=ByTime("time", "day"))
    here = Profile.from_bytes(one_pass.to_bytes())
    assert by_spark.rows == here.rows == ROWS
    assert list(by_spark.columns) == list(here.columns)
    for name, expected in here.columns.items():
        found = by_spark.columns[name]
        if expected.numeric is not None:
            assert found.numeric is not None
            for moment in ("mean", "m2"):
                assert close(getattr(found.numeric, moment), getattr(expected.numeric, moment)), (
                    name,
                    moment,
                )
                object.__setattr__(found.numeric, moment, getattr(expected.numeric, moment))
    assert by_spark.to_bytes() == here.to_bytes(), "but for the sums they are the same to the last byte"


def test_a_file_that_is_damaged_ends_the_job_with_its_name(submit: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "broken.parquet").write_bytes(b"PAR1 and no end")
    done = run(submit, tmp_path, {"schema": 1, "model": "m", "files": ["broken.parquet"]})
    assert done.returncode != 0
    assert "broken.parquet" in done.stderr
    assert not (tmp_path / "out").exists()
