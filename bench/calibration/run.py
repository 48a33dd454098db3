"""False alarms and power of a check, for independent rows and for rows in uneven days.

    python bench/calibration/run.py [--full] [--repeats N] [--seed S] [--between SD]

Numbers and categories, each with nulls. With days, each column's level, shares and null rate move from day to
day around fixed ones; days differ in size by a factor of up to ten. The reference is 30 days, the current
data one more. Shifted: three columns move by half a standard deviation of their rows.
"""

from __future__ import annotations

import argparse
import math
import time

import numpy as np
import pyarrow as pa

from drift.block_rule import ByTime
from drift.profile import Profile, profile_batches
from drift.verdict import check

DAYS = 30
SHIFTED = 3
SHIFT = 0.5
CARDINALITIES = (2, 5, 20, 100, 1000)


def day(
    rng: np.random.Generator, number: int, rows: int, columns: int, between: float, shift: float
) -> pa.Table:
    """One day's rows: two columns of three are numbers."""
    made: dict[str, pa.Array] = {
        "at": pa.array(rng.integers(number * 86_400, (number + 1) * 86_400, rows), pa.timestamp("s"))
    }
    for place in range(columns):
        moved = shift if place < SHIFTED else 0.0
        rate = (0.0, 0.02, 0.3)[place % 3] * math.exp(between * rng.normal() / 2)
        absent = rng.random(rows) < rate
        if place % 3 < 2:
            values = rng.normal(moved + between * rng.normal(), 1, rows)
            made[f"x{place}"] = pa.array(np.exp(values) if place % 2 else values, mask=absent)
            continue
        kinds = CARDINALITIES[place // 3 % len(CARDINALITIES)]
        weights = np.exp(between * rng.normal(size=kinds) - moved * np.arange(kinds) / kinds) / np.arange(
            1, kinds + 1
        )
        values = rng.choice(kinds, rows, p=weights / weights.sum())
        made[f"c{place}"] = pa.DictionaryArray.from_arrays(
            pa.array(values.astype(np.int32), mask=absent), [f"v{i}" for i in range(kinds)]
        )
    return pa.table(made)


def sizes(rng: np.random.Generator, rows: int) -> list[int]:
    """Days of uneven size, `rows` on average."""
    raw = rng.uniform(0.2, 2.0, DAYS)
    return [max(50, round(one)) for one in raw / raw.mean() * rows]


def trial(
    rng: np.random.Generator, rows: int, columns: int, between: float, shift: float, alpha: float
) -> tuple[bool, bool]:
    """Does the check alarm: (without blocks, with them)?"""
    by = ByTime("at")
    reference = Profile()
    for number, size in enumerate(sizes(rng, rows)):
        reference = reference.merge(
            profile_batches([day(rng, number, size, columns, between, 0.0)], blocks=by)
        )
    current = profile_batches([day(rng, DAYS, rows, columns, between, shift)], blocks=by)
    features = [name for name in reference.columns if name != "at"]
    plain = profile_without_blocks(reference)
    results = [
        check(side, current, alpha=alpha, min_effect=0.0, min_rows=100, features=features).verdict == "fail"
        for side in (plain, reference)
    ]
    return results[0], results[1]


def profile_without_blocks(profile: Profile) -> Profile:
    """The same as if the blocks had not been asked for."""
    from dataclasses import replace

    return Profile(profile.rows, {name: replace(one, blocks=None) for name, one in profile.columns.items()})


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--full", action="store_true", help="30 columns, up to a million rows a day")
    parser.add_argument("--repeats", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--between", type=float, help="only the lines with that much between days")
    parser.add_argument("--alpha", type=float, default=0.05)
    given = parser.parse_args()
    columns = 30 if given.full else 6
    repeats = given.repeats or (1000 if given.full else 100)
    print(
        f"{columns} columns, {DAYS} days, alpha {given.alpha:g}, {repeats} trials a line, seed {given.seed}\n"
    )
    print("| rows a day | between days (sd) | shift (sd) | alarms without blocks | with blocks |")
    print("|---|---|---|---|---|")
    started = time.perf_counter()
    for rows in (1000, 10_000, 100_000, 1_000_000) if given.full else (1000,):
        for between, shift in ((0.0, 0.0), (0.1, 0.0), (0.3, 0.0), (0.0, SHIFT), (0.1, SHIFT)):
            if given.between not in (None, between):
                continue
            rng = np.random.default_rng([given.seed, rows, int(between * 100), int(shift * 100)])
            alarms = np.array(
                [trial(rng, rows, columns, between, shift, given.alpha) for _ in range(repeats)]
            ).sum(axis=0)
            print(
                f"| {rows} | {between} | {shift} "
                f"| {_rate(alarms[0], repeats)} | {_rate(alarms[1], repeats)} |"
            )
    print(f"\n{time.perf_counter() - started:.0f} s")


def _rate(hits: int, of: int) -> str:
    """A rate with Wilson's (1927) 95 % interval."""
    z, share = 1.96, hits / of
    middle = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of)) / (1 + z * z / of)
    return f"{share:.3f} ({max(middle - half, 0.0):.3f} to {min(middle + half, 1.0):.3f})"


if __name__ == "__main__":
    main()
