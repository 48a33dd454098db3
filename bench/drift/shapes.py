"""Tables of unusual shape, and the price of a new hour: in one process, tables made before the clock starts.

python bench/drift/shapes.py [columns] [distinct] [window] [start]
"""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import data
import numpy as np
import psutil
import pyarrow as pa

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
    """A category of ten million different values, in batches as a reader makes them, and a plain one."""

    def batches(values: int) -> list[pa.RecordBatch]:
        made = []
        for start in range(0, 10_000_000, 65_536):
            rows = min(65_536, 10_000_000 - start)
            numbers = (np.arange(start, start + rows) * 2_654_435_761 % 10_000_000_019) % values
            texts = pa.array(numbers).cast(pa.string()).dictionary_encode()
            made.append(pa.record_batch({"id": texts}))
        return made

    print("| different values of 10,000,000 | profile s | MiB more at most |\n|---|---|---|")
    for values in (1000, 10_000_000_019):
        made = batches(values)
        before = psutil.Process().memory_info().rss
        seconds = timed(made, 2)
        more = (psutil.Process().memory_info().rss - before) / 2**20
        print(f"| {min(values, 10_000_000):,} | {seconds:.2f} | {more:.0f} |")


def a_window() -> None:
    """A seven-day window of hours of 1,000,000 rows of 30 columns, after one new hour."""
    random = np.random.default_rng(1)
    table = data._rows(random, 1_000_000, shifted=False)  # noqa: SLF001 - the benchmark's own data
    columns = [
        column.combine_chunks().dictionary_encode() if pa.types.is_string(column.type) else column
        for column in table.columns
    ]
    batches = pa.Table.from_arrays(columns, table.schema.names).to_batches(max_chunksize=65_536)
    first = datetime(2026, 1, 1, tzinfo=UTC)
    hours = {first + timedelta(hours=hour): [f"{hour}"] for hour in range(7 * 24 - 5)}
    kept: dict[str, bytes] = {}
    hour_profile = profile_batches(batches, blocks=AtTime(first))
    reading = 0.0

    def read(hour: datetime) -> Profile:
        nonlocal reading
        if hour in hours and hours[hour] != ["new"]:
            return hour_profile
        started = time.perf_counter()
        profile = profile_batches(batches, blocks=AtTime(hour))
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
