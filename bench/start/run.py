"""Time and memory from a process's start to its functions' metadata, in Microsoft's worker library.

    python bench/start/run.py [RUNS]

This app against an app with one empty function, each run a fresh process, the two in turn; medians. Needs
Python 3.13 and azure-functions-runtime, on Linux. The exit code is 1 when a ratio is above the target.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[2]
HARNESS = ROOT / "tests/worker/worker_harness.py"
APPS = {"empty": Path(__file__).resolve().parent / "empty_app", "homeostat": ROOT}
TARGET = 1.25


@dataclass(frozen=True, slots=True)
class Start:
    """One process, from its start until it has the metadata."""

    wall_ms: float
    cpu_ms: float
    """The processor's share of it: what other work on the machine does not change."""
    mib: float
    """Its greatest memory by then."""


def measure(app: Path) -> Start:
    """Start one fresh process."""
    started = time.monotonic()  # the same clock in every process of the machine
    done = subprocess.run(
        [sys.executable, str(HARNESS), str(app)],
        input="{}",
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        cwd=app,
        env=os.environ | {"HOMEOSTAT_POLICIES": str(ROOT / "policies")},
    )
    answer = json.loads(done.stdout)
    if not answer["load"]["ok"] or not answer["functions"]:
        raise SystemExit(f"{app} does not load: {answer['load']['error']}")
    return Start(1000 * (answer["ready"] - started), 1000 * answer["cpu"], answer["peak_kib"] / 1024)


def main() -> int:
    """Measure and print."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    for app in APPS.values():
        measure(app)  # once for the file cache and the byte code
    measured: dict[str, list[Start]] = {name: [] for name in APPS}
    for _ in range(runs):
        for name, app in APPS.items():
            measured[name].append(measure(app))
    print(f"{'median of ' + str(runs):14} {'time':>10} {'(least)':>10} {'processor':>10} {'memory':>10}")
    medians = {}
    for name, starts in measured.items():
        least = min(start.wall_ms for start in starts)
        wall, cpu, mib = (
            median(getattr(start, what) for start in starts) for what in ("wall_ms", "cpu_ms", "mib")
        )
        medians[name] = (wall, cpu, mib)
        print(f"{name:14} {wall:7.0f} ms {least:7.0f} ms {cpu:7.0f} ms {mib:6.1f} MiB")
    ratios = [ours / theirs for ours, theirs in zip(medians["homeostat"], medians["empty"], strict=True)]
    wall, cpu, mib = ratios
    print(f"{'ratio':14} {wall:10.2f} {'':10} {cpu:10.2f} {mib:10.2f}   (target: at most {TARGET})")
    return int(max(ratios) > TARGET)


if __name__ == "__main__":
    raise SystemExit(main())
