"""Tables of unusual shape, and the price of a new hour.

python bench/drift/shapes.py [columns] [distinct] [window] [start]
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import data
import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import run

from cloud.sources import source_batches
from drift.block_rule import AtTime
from drift.profile import Profile, profile_batches
from drift.window import Kept, window


def timed(batches: list[pa.RecordBatch], least: int = 3) -> float:
    """Seconds of a profile, the least of some."""
    found = []
    for _ in range(least):
        started = time.perf_counter()
        profile_batches(batches)
        found.append(time.perf_counter() - started)
    return min(found)


def columns() -> None:
    """100,000 rows of more and more columns of numbers."""
    random = np.random.default_rng(1)
    print("| columns x 100,000 rows | profile s | ms a column | MiB of the process |\n|---|---|---|---|")
    for count in (200, 1000, 2000):
        some = [pa.array(random.normal(size=100_000)) for _ in range(20)]
        table = pa.table({f"x{place}": some[place % 20] for place in range(count)})
        seconds = timed(table.to_batches(), 1)
        memory = psutil.Process().memory_info().rss / 2**20
        print(f"| {count:,} | {seconds:.2f} | {seconds / count * 1e3:.2f} | {memory:.0f} |")


def distinct() -> None:
    """A category of ten million different values and a plain one: Parquet files, whole processes."""
    print("| different values of 10,000,000 | floor s | MiB | profile s | MiB |\n|---|---|---|---|---|")
    for values in (1000, 10_000_000_019):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "ids.parquet"
            numbers = np.arange(10_000_000) * 2_654_435_761 % 10_000_000_019 % values
            ids = pa.table({"id": pa.array(numbers).cast(pa.string())})
            pq.write_table(ids, path, row_group_size=1 << 20)
            profile = [run.HOMEOSTAT, "drift", "profile", str(path), "-o", str(path.with_suffix(".profile"))]
            found = run.compare({"floor": [*run.FLOOR, str(path)], "ours": profile}, 3, 100)
        cells = [
            f"{statistics.median(one.wall for one in runs):.2f} | {max(one.memory for one in runs):.0f}"
            for runs in found.values()
        ]
        print(f"| {min(values, 10_000_000):,} | {' | '.join(cells)} |")


def a_window() -> None:
    """A seven-day window of hours of 1,000,000 rows of 30 columns, after one new hour: a Parquet file."""
    with tempfile.TemporaryDirectory() as folder:
        _a_window(str(data.pair(Path(folder), "M")[0]))


def _a_window(path: str) -> None:
    first = datetime(2026, 1, 1, tzinfo=UTC)
    hours = {first + timedelta(hours=hour): [f"{hour}"] for hour in range(7 * 24 - 5)}
    kept: dict[str, bytes] = {}
    hour_profile = profile_batches(source_batches(path), blocks=AtTime(first))
    reading = 0.0

    def read(hour: datetime) -> Profile:
        nonlocal reading
        if hour in hours and hours[hour] != ["new"]:
            return hour_profile
        started = time.perf_counter()
        profile = profile_batches(source_batches(path), blocks=AtTime(hour))
        reading += time.perf_counter() - started
        return profile

    def get(name: str) -> Profile | None:
        return Profile.from_bytes(kept[name]) if name in kept else None

    def put(name: str, profile: Profile) -> None:
        kept[name] = profile.to_bytes()

    window(hours, read, Kept(get, put))
    print("| hour | profile of the hour s | window s | ratio |\n|---|---|---|---|")
    for number in range(3):
        hours[first + timedelta(hours=7 * 24 - 5 + number)] = ["new"]
        reading, started = 0.0, time.perf_counter()
        window(hours, read, Kept(get, put))
        whole = time.perf_counter() - started
        print(f"| {number + 1} | {reading:.2f} | {whole:.2f} | {whole / reading:.2f} |")


def start() -> None:
    """Importing what a verdict needs."""
    code = (
        "import resource, time\nfrom drift.profile import profile_batches\nfrom drift.verdict import check\n"
        "use = resource.getrusage(resource.RUSAGE_SELF)\n"
        "print(f'{use.ru_utime + use.ru_stime:.2f} s of processor time, {use.ru_maxrss / 1024:.0f} MiB')"
    )
    print(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)


if __name__ == "__main__":
    parts = {"start": start, "columns": columns, "distinct": distinct, "window": a_window}
    for name in sys.argv[1:] or parts:
        parts[name]()
        print()
