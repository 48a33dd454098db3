"""100,000,000 rows of five columns, profiled by Spark in local mode: time, and memory of driver and workers.

`python bench/spark/run.py [--rows N] [--data DIR]`, after `make spark`. Rows are written to files first, the
same ones for the same number. Memory is that of Spark's whole tree of processes (the JVM, in which driver and
executor are one in local mode, and the Python workers), as proportional set sizes, every 50 ms.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from drift.profile import Profile  # noqa: E402
from local import environments  # noqa: E402
from local.spark_runtime import with_runtime  # noqa: E402

FILE_ROWS = 5_000_000
DRIVER = "1g"


def write(folder: Path, rows: int) -> list[str]:
    """The files of so many rows; those that are there are left alone."""
    folder.mkdir(parents=True, exist_ok=True)
    names = []
    for number, first in enumerate(range(0, rows, FILE_ROWS)):
        name = f"part-{number:04}-{min(FILE_ROWS, rows - first)}.parquet"
        names.append(name)
        if (folder / name).exists():
            continue
        random, many = np.random.default_rng(number), min(FILE_ROWS, rows - first)
        values = random.normal(size=many)
        table = pa.table(
            {
                "normal": pa.array(values, mask=random.random(many) < 0.02),
                "skewed": np.exp(values * 0.5 + random.normal(size=many)),
                "whole": random.integers(0, 10_000, many),
                "category": pa.DictionaryArray.from_arrays(
                    pa.array(random.integers(0, 200, many, dtype="int16")),
                    pa.array([f"category {n}" for n in range(200)]),
                ),
                "flag": random.random(many) < 0.3,
            }
        )
        pq.write_table(table, folder / f"{name}.part", row_group_size=500_000)
        (folder / f"{name}.part").rename(folder / name)
    return names


def tree(root: int) -> set[int]:
    """The process and everything below it."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = stat.read_text()
        except OSError:
            continue
        children.setdefault(int(text.rpartition(")")[2].split()[1]), []).append(int(stat.parent.name))
    found, todo = set(), [root]
    while todo:
        process = todo.pop()
        found.add(process)
        todo += children.get(process, [])
    return found


def memory(process: int) -> tuple[str, int]:
    """What it is, and its proportional set size in bytes."""
    try:
        name = Path(f"/proc/{process}/comm").read_text().strip()
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return name, int(line.split()[1]) * 1024
    except OSError:
        pass
    return "", 0


def main() -> None:
    """Write, run, measure, check."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=100_000_000)
    parser.add_argument("--data", type=Path, default=Path(tempfile.gettempdir()) / "homeostat-bench-spark")
    given = parser.parse_args()
    begun = time.monotonic()
    names = write(given.data, given.rows)
    size = sum((given.data / name).stat().st_size for name in names)
    print(f"{len(names)} files, {size / 2**20:,.0f} MiB, written in {time.monotonic() - begun:.0f} s")
    definition = environments.conda_of(ROOT / "pipelines" / "spark" / "environment-spark.yml")
    home = environments.environment_path(with_runtime(definition, "3.5"), environments.default_cache())
    with tempfile.TemporaryDirectory() as work:
        manifest = Path(work) / "manifest.json"
        manifest.write_text(json.dumps({"schema": 1, "model": "bench", "files": names}))
        submit = [
            str(home / "bin" / "spark-submit"), "--master", "local[2]",
            "--conf", "spark.ui.enabled=false", "--conf", f"spark.driver.memory={DRIVER}",
            str(ROOT / "pipelines" / "profile_spark.py"), "--data", f"file://{given.data}",
            "--manifest", f"file://{manifest}", "--profile", f"file://{work}/out",
        ]  # fmt: skip
        environment = os.environ | {
            "PYSPARK_PYTHON": str(home / "bin" / "python"),
            "PATH": f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "SPARK_LOCAL_IP": "127.0.0.1",
        }
        begun = time.monotonic()
        with (Path(work) / "log").open("wb") as log:
            running = subprocess.Popen(submit, env=environment, stdout=log, stderr=log, cwd=work)
            peak, parts = 0, {}
            while running.poll() is None:
                seen = [memory(process) for process in tree(running.pid)]
                total = sum(size for _, size in seen)
                if total > peak:
                    peak = total
                    parts = {kind: [f"{size / 2**20:.0f}" for name, size in seen if name.startswith(kind)]
                             for kind in ("java", "python")}  # fmt: skip
                time.sleep(0.05)
        wall = time.monotonic() - begun
        if running.returncode:
            sys.exit((Path(work) / "log").read_text()[-3000:])
        profile = Profile.from_bytes((Path(work) / "out" / "profile.bin").read_bytes())
        if profile.rows != given.rows:
            sys.exit(f"{profile.rows} rows came out")
        print(
            f"{profile.rows:,} rows x {len(profile.columns)}: {wall:.0f} s, "
            f"greatest memory {peak / 2**20:,.0f} MiB (java {parts['java']}, python {parts['python']})"
        )


if __name__ == "__main__":
    main()
