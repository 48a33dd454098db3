"""Everything that a metric needs to know of some rows, summed over units: then any resample is cheap."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from drift.performance.metrics import shared_terms, terms, values
from drift.performance.ranking import Ranking, ranking

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from drift.performance.predictions import Predictions

    Array = NDArray[np.float64]
    Codes = NDArray[np.intp]

_CELLS, _FEWEST, _MOST = 2**14, 8, 128
"""Cells of a ranking: many for few units, where pairs within a cell matter, few for many units."""
_AT_ONCE = 256
"""Resamples computed together: their counts as 64-bit numbers are 4 MiB of 2,048 units."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sums:
    """Sums of some rows, by unit."""

    task: str
    units: Codes
    """The units that have rows."""
    table: Array
    """Units x columns: all that a metric is made of, in one matrix for one product."""
    shared: slice
    """Columns of what both models share."""
    own: dict[str, slice]
    """By model, columns of its terms."""
    ranked: dict[str, tuple[slice, Ranking]]
    """By model, columns of its ranking."""
    identical: bool
    """Whether both models gave every row the same score."""

    def metrics(self, sums: Array) -> dict[str, dict[str, Array]]:
        """By model and metric, one value for each row of `sums` (weightings x columns)."""
        found = {}
        for model, columns in self.own.items():
            found[model] = values(self.task, sums[:, self.shared], sums[:, columns])
            if model in self.ranked:
                place, ranking_of = self.ranked[model]
                found[model]["roc_auc"] = ranking_of.areas(sums[:, place])
        return found

    def point(self) -> dict[str, dict[str, float]]:
        """By model, the metrics of the rows as they are, those that are defined."""
        return {
            model: {name: float(one[0]) for name, one in found.items() if np.isfinite(one[0])}
            for model, found in self.metrics(self.table.sum(axis=0)[None]).items()
        }

    def resampled(self, drawn: NDArray[np.float32]) -> dict[str, dict[str, Array]]:
        """By model, the metrics on every resample (resamples x all units)."""
        sums = np.empty((len(drawn), self.table.shape[1]))
        for start in range(0, len(drawn), _AT_ONCE):
            some = drawn[start : start + _AT_ONCE]
            if len(self.units) < some.shape[1]:
                some = some[:, self.units]
            np.matmul(some.astype(np.float64), self.table, out=sums[start : start + _AT_ONCE])
        return self.metrics(sums)

    def chances(self) -> dict[str, float]:
        """For metrics of right and wrong, how many independent chances to differ the models had."""
        if self.task != "binary":
            return {}
        once = self.table.sum(axis=0)
        rows, positive = once[self.shared].tolist()
        predicted = min(float(once[columns][0]) for columns in self.own.values())
        return {
            "accuracy": rows,
            "recall": positive,
            "precision": predicted,
            "f1": min(positive, predicted),
        }

    @property
    def scarce(self) -> float:
        """Rows of the rarer label of a binary task; all rows of another."""
        once = self.table[:, self.shared].sum(axis=0).tolist()
        return float(min(once[1], once[0] - once[1]) if self.task == "binary" else once[0])


def summed(rows: Predictions, units: Codes, middle: float) -> Sums:
    """Sum up.

    Args:
        rows: to sum.
        units: the number of each row's unit.
        middle: near the labels' mean; sums of squares about it keep their digits.
    """
    there = np.bincount(units)
    present = np.flatnonzero(there)
    numbers = np.zeros(len(there), np.intp)
    numbers[present] = np.arange(len(present))
    unit, count = numbers[units], len(present)
    cells = min(max(_CELLS // count, _FEWEST), _MOST)
    parts: list[Array] = []

    def put(*columns: Array) -> slice:
        start = sum(part.shape[1] for part in parts)
        parts.append(np.column_stack(columns))
        return slice(start, start + parts[-1].shape[1])

    def of_rows(columns: Iterable[Array]) -> slice:
        return put(*(np.bincount(unit, column, count) for column in columns))

    shared = of_rows(shared_terms(rows.task, rows.label, middle))
    own, ranked = {}, {}
    for name, scores in rows.scores.items():
        own[name] = of_rows(terms(rows.task, rows.label, scores, rows.threshold(name)))
        if rows.task == "binary":
            order = ranking(rows.label, scores, unit, count, cells)
            ranked[name] = (put(order.table), order)
    first, *others = rows.scores.values()
    return Sums(
        task=rows.task,
        units=present,
        table=np.column_stack(parts),
        shared=shared,
        own=own,
        ranked=ranked,
        identical=bool(others) and all(np.array_equal(first, other) for other in others),
    )
