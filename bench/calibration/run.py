"""False alarms and power of a check, for independent rows and for rows of uneven days.

    python bench/calibration/run.py [--rows N ...] [--trials N] [--columns N] [--seed S]

Independent: both sides have so many rows, and no blocks. Days: the reference has so many rows in 30 days, the
current data are 7 more days like them.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace

import numpy as np
from made import Kind, interval, sizes

from drift.block_rule import ByTime
from drift.profile import Profile, profile_batches
from drift.verdict import check

DAYS, NOW = 30, 7
BETWEEN = 0.3
ALPHA = 0.05


def independent(random: np.random.Generator, rows: int, kind: Kind) -> tuple[Profile, Profile]:
    """Two samples of one distribution, but for the shift."""
    return (
        profile_batches([kind.day(random, 0, rows)]),
        profile_batches([kind.day(random, 0, rows, now=True)]),
    )


def in_days(random: np.random.Generator, rows: int, kind: Kind) -> tuple[Profile, Profile]:
    """A reference of 30 uneven days and 7 more, each with levels, shares and null rates of its own."""
    by = ByTime("at")
    before = [kind.day(random, day, size) for day, size in enumerate(sizes(random, rows, DAYS))]
    after = [
        kind.day(random, DAYS + day, size, now=True)
        for day, size in enumerate(sizes(random, rows * NOW // DAYS, NOW))
    ]
    return profile_batches(before, blocks=by), profile_batches(after, blocks=by)


def alarms(sides: tuple[Profile, Profile], min_effect: float = 0.0) -> bool:
    """Does the check alarm?"""
    reference, current = sides
    features = [name for name in reference.columns if name != "at"]
    found = check(reference, current, alpha=ALPHA, min_effect=min_effect, min_rows=100, features=features)
    return found.verdict == "fail"


def blind(profile: Profile) -> Profile:
    """The same as if the blocks had not been asked for."""
    return Profile(profile.rows, {name: replace(one, blocks=None) for name, one in profile.columns.items()})


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[1000, 10_000])
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--columns", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    started = time.perf_counter()
    print(f"{given.columns} columns, alpha {ALPHA:g}, {given.trials} trials a line, seed {given.seed}\n")
    print("| rows | independent rows | days, calibrated on days | days, rows taken as independent |")
    print("|---|---|---|---|")
    for rows in given.rows:
        random = np.random.default_rng([given.seed, rows])
        hits = np.zeros(3, int)
        for _ in range(given.trials):
            hits[0] += alarms(independent(random, rows, Kind(given.columns)))
            reference, current = in_days(random, rows, Kind(given.columns, BETWEEN))
            hits[1] += alarms((reference, current))
            hits[2] += alarms((blind(reference), current))
        print(f"| {rows:,} | " + " | ".join(interval(hit, given.trials) for hit in hits) + " |", flush=True)
    print("\n| shift of 3 of 20 columns, 10,000 independent rows | any effect | effect of 0.02 or more |")
    print("|---|---|---|")
    for shift in (0.05, 0.1):
        random = np.random.default_rng([given.seed, int(shift * 100)])
        kind = Kind(20, shifted=3, shift=shift)
        found = [independent(random, 10_000, kind) for _ in range(given.trials)]
        any_effect, of_size = (sum(alarms(sides, least) for sides in found) for least in (0.0, 0.02))
        print(f"| {shift} sd | {interval(any_effect, given.trials)} | {interval(of_size, given.trials)} |")
    print(f"\n{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
