"""What one drift check costs: ours, the floor of reading the files, and peers; ratios of one run.

    python bench/drift/run.py [--sizes S M L] [--peers NAME ... | all] [--repeats N] [--data DIR]

Whole processes, one after the other in turn, files read once before. Peers are run once a size, `--limit`
seconds at most.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import sys
import tempfile
from pathlib import Path

import data
import measure
import peers

HERE = Path(__file__).parent
HOMEOSTAT = str(Path(sys.executable).with_name("homeostat"))
FLOOR = [sys.executable, str(HERE / "subjects" / "floor.py")]


def ours(folder: Path, size: str) -> dict[str, list[str]]:
    """The commands that are compared at a size."""
    reference, current = map(str, data.pair(folder, size))
    stored = str(folder / f"reference-{size}.profile")
    if not Path(stored).exists():
        measure.run([HOMEOSTAT, "drift", "profile", reference, "-o", stored], 3600)
    check = [HOMEOSTAT, "drift", "check", "--current", current, "--json", str(folder / "verdict.json")]
    return {
        "floor: read both files": [*FLOOR, reference, current],
        "ours, both files": [*check, "--reference", reference],
        "floor: read the current file": [*FLOOR, current],
        "ours, stored reference": [*check, "--reference", stored],
    }


def compare(commands: dict[str, list[str]], repeats: int, limit: float) -> dict[str, list[measure.Run]]:
    """Run them in turn, once before for the disk's cache."""
    found: dict[str, list[measure.Run]] = {name: [] for name in commands}
    for turn in range(repeats + 1):
        for name, command in commands.items():
            result = measure.run(command, limit)
            if turn:
                found[name].append(result)
    return found


def line(size: str, name: str, runs: list[measure.Run], floor: float) -> str:
    """One line of the table."""
    if runs[0].failed:
        return f"| {size} | {name} | {runs[0].failed} | | | |"
    wall, processor, memory = (
        statistics.median(getattr(run, what) for run in runs) for what in ("wall", "processor", "memory")
    )
    spread = f" ({min(run.wall for run in runs):.2f} to {max(run.wall for run in runs):.2f})"
    wide = spread if len(runs) > 1 else ""
    return f"| {size} | {name} | {wall:.2f}{wide} | {processor:.2f} | {memory:.0f} | {wall / floor:.1f} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", nargs="+", choices=list(data.SIZES), default=["S", "M"])
    parser.add_argument("--peers", nargs="*", choices=[*peers.SCRIPTS, "all"], default=[])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--limit", type=float, default=900)
    parser.add_argument("--data", type=Path, help="keep the files and the peers' environments there")
    given = parser.parse_args()
    wanted = list(peers.SCRIPTS) if "all" in given.peers else given.peers
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.data or Path(temporary)
        print(f"{platform.platform()}, Python {platform.python_version()}, median of {given.repeats}\n")
        print("| size | what | wall s | processor s | MiB | times the floor |\n|---|---|---|---|---|---|")
        for size in given.sizes:
            found = compare(ours(folder, size), given.repeats, given.limit)
            floors = {name: statistics.median(run.wall for run in runs) for name, runs in found.items()}
            both, one = floors["floor: read both files"], floors["floor: read the current file"]
            for name, runs in found.items():
                print(line(size, name, runs, one if "current" in name or "stored" in name else both))
            for name in wanted:
                try:
                    command = peers.command(name, folder)
                except RuntimeError as error:
                    print(f"| {size} | {name} | {error} | | | |")
                    continue
                result = measure.run([*command, *map(str, data.pair(folder, size))], given.limit)
                print(line(size, name, [result], both), flush=True)


if __name__ == "__main__":
    main()
