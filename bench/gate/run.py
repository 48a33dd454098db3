"""What the gate costs: from `predictions.parquet` to a verdict on 20 slices, as whole processes.

python bench/gate/run.py [--rows 1000000] [--repeats 5] [--data DIR]
"""

from __future__ import annotations

import argparse
import platform
import statistics
import sys
import tempfile
from pathlib import Path

import data

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent / "drift"))
import measure  # noqa: E402 - beside the other benchmark

CASES = {
    "binary, single rows": ("binary", 0, "roc_auc"),
    "binary, 30 days": ("binary", 30, "roc_auc"),
    "binary, 2,000 units": ("binary", 2000, "roc_auc"),
    "regression, single rows": ("regression", 0, "rmse"),
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--data", type=Path, help="keep the files there")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.data or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        print(f"{platform.platform()}, Python {platform.python_version()}, median of {given.repeats}\n")
        print("| rows | what | wall s | processor s | MiB |\n|---|---|---|---|---|")
        for rows in given.rows:
            for name, (task, days, metric) in CASES.items():
                path = data.write(folder / f"{task}-{rows}-{days}.parquet", rows, task, days)
                command = [sys.executable, str(HERE / "subject.py"), str(path), metric]
                runs = [measure.run(command, 600) for _ in range(given.repeats)]
                failed = next((run.failed for run in runs if run.failed), "")
                wall, processor, memory = (
                    statistics.median(getattr(run, what) for run in runs)
                    for what in ("wall", "processor", "memory")
                )
                spread = f"{min(run.wall for run in runs):.2f} to {max(run.wall for run in runs):.2f}"
                said = failed or f"{wall:.2f} ({spread})"
                print(f"| {rows:,} | {name} | {said} | {processor:.2f} | {memory:.0f} |", flush=True)


if __name__ == "__main__":
    main()
