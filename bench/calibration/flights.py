"""Real days: 2013's flights out of New York. Each day against the other days of its month, and months apart.

python bench/calibration/flights.py
"""

from __future__ import annotations

from dataclasses import replace
from itertools import accumulate
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.compute as pc
from made import interval

from cli.flights import MONTHS, month
from control.policy_file import read_policy
from drift.block_rule import ByTime
from drift.profile import Profile, profile_batches
from drift.verdict import check

ALPHA = 0.05


def alarm(reference: Profile, current: Profile, features: list[str], least: float, *, blind: bool) -> bool:
    """Does the check alarm? `blind`: as if the days were not known."""
    if blind:
        columns = {name: replace(one, blocks=None) for name, one in reference.columns.items()}
        reference = Profile(reference.rows, columns)
    found = check(reference, current, alpha=ALPHA, min_effect=least, min_rows=100, features=features)
    return found.verdict == "fail"


def without_each(days: list[Profile]) -> list[Profile]:
    """For each day the sum of the others."""
    before = [Profile(), *accumulate(days, Profile.merge)]
    after = [*reversed([Profile(), *accumulate(reversed(days), Profile.merge)])]
    return [before[place].merge(after[place + 1]) for place in range(len(days))]


def by_day(table: pa.Table, column: str) -> list[Profile]:
    """A profile for each day."""
    days = pc.floor_temporal(table[column], unit="day")
    blocks = ByTime(column)
    return [
        profile_batches([table.filter(pc.equal(days, day))], blocks=blocks)
        for day in sorted(pc.unique(days).to_pylist())
    ]


def main() -> None:
    """Print the tables."""
    source = Path(__file__).parents[2] / "policies" / "flight-delay.yaml"
    policy = read_policy(source.read_text(encoding="utf-8"), source.name)
    if policy.inputs is None or policy.data.timestamp_column is None:
        raise SystemExit("the demonstration's policy watches inputs and names a timestamp column")
    features, column = list(policy.inputs.features), policy.data.timestamp_column
    with TemporaryDirectory() as folder:
        months = [by_day(month(number, Path(folder)), column) for number in MONTHS]
    print(f"Each day against the other days of its month, alpha {ALPHA:g}\n")
    print("| a change matters from | days | alarms, rows taken as independent | alarms, calibrated on days |")
    print("|---|---|---|---|")
    pairs = [pair for days in months for pair in zip(without_each(days), days, strict=True)]
    for least in (0.0, 0.1):
        counts = [
            sum(alarm(*pair, features, least, blind=blind) for pair in pairs) for blind in (True, False)
        ]
        print(f"| {least} | {len(pairs)} | " + " | ".join(interval(n, len(pairs)) for n in counts) + " |")
    whole = [list(accumulate(days, Profile.merge))[-1] for days in months]
    winter = whole[0].merge(whole[1])
    print("\nMonths against January and February, calibrated on days, changes of 0.1 and more\n")
    print("| month | verdict | what moved most |\n|---|---|---|")
    for number, profile in enumerate(whole[2:], 3):
        found = check(winter, profile, alpha=ALPHA, min_effect=0.1, features=features)
        moved = max(found.columns, key=lambda column: column.effect_size or 0)
        print(f"| {number} | {found.verdict} | {moved.name}: {moved.reason} |")


if __name__ == "__main__":
    main()
