"""Made-up tables whose truth is known: 30 columns, independent rows or rows of uneven days."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

CARDINALITIES = (2, 3, 5, 10, 20, 50, 100, 200, 500, 1000)
NULLS = (0.0, 0.02, 0.3)
SECONDS = 86_400


@dataclass(frozen=True)
class Kind:
    """Two columns of three are numbers; the first `shifted` of them move. `between`: sd between days."""

    columns: int = 30
    between: float = 0.0
    shifted: int = 0
    shift: float = 0.0

    def day(self, random: np.random.Generator, number: int, rows: int, *, now: bool = False) -> pa.Table:
        """One day's rows; `now`: those that are shifted."""
        times = random.integers(number * SECONDS, (number + 1) * SECONDS, rows)
        made: dict[str, pa.Array] = {"at": pa.array(times, pa.timestamp("s"))}
        for place in range(self.columns):
            number = place - place // 3  # which of the columns of numbers
            moved = self.shift if now and number < self.shifted else 0.0
            rate = NULLS[place % 4 % 3] * math.exp(self.between * random.normal() / 2)
            absent = random.random(rows) < min(rate, 1.0)
            if place % 3 < 2:
                values = random.normal(moved + self.between * random.normal(), 1, rows)
                made[f"x{place}"] = pa.array(np.exp(values) if place % 2 else values, mask=absent)
                continue
            kinds = CARDINALITIES[place // 3 % len(CARDINALITIES)]
            weights = np.exp(self.between * random.normal(size=kinds)) / np.arange(1, kinds + 1)
            places = np.searchsorted(np.cumsum(weights), random.random(rows) * weights.sum())
            made[f"c{place}"] = pa.DictionaryArray.from_arrays(
                pa.array(np.minimum(places, kinds - 1).astype(np.int32), mask=absent),
                [f"v{number}" for number in range(kinds)],
            )
        return pa.table(made)


def sizes(random: np.random.Generator, rows: int, days: int) -> list[int]:
    """Days of uneven size, up to ten times each other, of so many rows together."""
    raw = random.uniform(0.2, 2.0, days)
    return [max(1, round(one)) for one in raw / raw.sum() * rows]


def interval(hits: int, of: int) -> str:
    """A rate with Wilson's (1927) 95 % interval."""
    z, share = 1.96, hits / of
    middle = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of)) / (1 + z * z / of)
    return f"{share:.3f} ({max(middle - half, 0.0):.3f} to {min(middle + half, 1.0):.3f})"
