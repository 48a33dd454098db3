"""A promise over half a year: at most one false alarm in 95 % of half-years of daily checks.

    python bench/calibration/half_year.py [--half-years N] [--seed S]

Each half-year has a reference of its own (60 uneven days) and 180 days that are checked one by one against
it, all without drift; days differ in level, shares and null rates.
"""

from __future__ import annotations

import argparse
import time
from datetime import timedelta

import numpy as np
from made import Kind, interval, sizes

from drift.block_rule import ByTime
from drift.profile import profile_batches
from drift.rate import alpha_per_check
from drift.verdict import check

DAYS, CHECKS, ROWS = 60, 180, 300
PROMISED = 1


def half_year(random: np.random.Generator, kind: Kind, alpha: float) -> int:
    """False alarms in one half-year."""
    by = ByTime("at")
    tables = [kind.day(random, day, size) for day, size in enumerate(sizes(random, DAYS * ROWS, DAYS))]
    reference = profile_batches(tables, blocks=by)
    features = [name for name in reference.columns if name != "at"]
    alarms = 0
    for day, size in enumerate(sizes(random, CHECKS * ROWS, CHECKS)):
        current = profile_batches([kind.day(random, DAYS + day, size)], blocks=by)
        found = check(reference, current, alpha=alpha, min_effect=0.0, min_rows=30, features=features)
        alarms += found.verdict == "fail"
    return alarms


def main() -> None:
    """Print how many half-years kept the promise."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--half-years", type=int, default=20)
    parser.add_argument("--columns", type=int, default=3)
    parser.add_argument("--between", type=float, default=0.3)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    alpha = alpha_per_check(PROMISED, timedelta(days=CHECKS), timedelta(days=1))
    random, started = np.random.default_rng([given.seed, 180]), time.perf_counter()
    kind = Kind(given.columns, given.between)
    alarms: list[int] = []
    for number in range(1, given.half_years + 1):
        alarms.append(half_year(random, kind, alpha))
        if number % 20 and number < given.half_years:
            continue
        kept = sum(one <= PROMISED for one in alarms)
        print(
            f"{number} half-years of {CHECKS} checks, alpha {alpha:.5f} a check: "
            f"kept {interval(kept, number)}, {np.mean(alarms):.2f} alarms on average, at most {max(alarms)}; "
            f"{time.perf_counter() - started:.0f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
