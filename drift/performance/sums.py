"""Everything that a metric needs to know of some rows, summed over units: then any resample is cheap."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from drift.performance.metrics import pairs, shared_terms, terms, values
from drift.performance.ranking import Ranking, ranking

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from drift.performance.predictions import Predictions

    Array = NDArray[np.float64]
    Codes = NDArray[np.intp]

_CELLS, _FEWEST, _MOST = 2**15, 8, 128
"""Cells of a ranking: many for few units, where pairs within a cell matter, few for many units."""
_AT_ONCE = 256
"""Resamples computed together: their counts as 64-bit numbers are 8 MiB of 4,096 units."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sums:
    """Sums of some rows, by unit."""

    task: str
    units: Codes
    """The units that have rows."""
    shared: Array
    """Units x terms."""
    own: dict[str, Array]
    """By model, units x terms."""
    rankings: dict[str, Ranking]
    identical: bool
    """Whether both models gave every row the same score."""

    def metrics(self, model: str, counts: Array) -> dict[str, Array]:
        """The model's metrics, one a row of `counts` (resamples x these units)."""
        found = values(self.task, counts @ self.shared, counts @ self.own[model])
        if model in self.rankings:
            found["roc_auc"] = self.rankings[model].areas(counts)
        return found

    def point(self, model: str) -> dict[str, float]:
        """The model's metrics of the rows as they are, those that are defined."""
        once = self.metrics(model, np.ones((1, len(self.units))))
        return {name: float(one[0]) for name, one in once.items() if np.isfinite(one[0])}

    def resampled(self, model: str, drawn: NDArray[np.float32]) -> dict[str, Array]:
        """The model's metrics on every resample (resamples x all units)."""
        parts = []
        for start in range(0, len(drawn), _AT_ONCE):
            some = drawn[start : start + _AT_ONCE]
            if len(self.units) < some.shape[1]:
                some = some[:, self.units]
            parts.append(self.metrics(model, some.astype(np.float64)))
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def chances(self) -> dict[str, float]:
        """For metrics of right and wrong, how many independent chances to differ the models had."""
        if self.task != "binary":
            return {}
        rows, positive = self.shared.sum(axis=0).tolist()
        own = tuple({"predicted": float(one[:, 0].sum())} for one in self.own.values())
        return pairs(self.task, {"rows": rows, "positive": positive}, own)

    @property
    def scarce(self) -> float:
        """Rows of the rarer label of a binary task; all rows of another."""
        if self.task != "binary":
            return float(self.shared[:, 0].sum())
        rows, positive = self.shared.sum(axis=0).tolist()
        return float(min(positive, rows - positive))


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
    table = partial(_table, unit, count)
    scores = rows.scores
    first, *others = scores.values()
    cells = min(max(_CELLS // count, _FEWEST), _MOST)
    return Sums(
        task=rows.task,
        units=present,
        shared=table(shared_terms(rows.task, rows.label, middle)),
        own={
            name: table(terms(rows.task, rows.label, one, rows.threshold(name)))
            for name, one in scores.items()
        },
        rankings={name: ranking(rows.label, one, unit, count, cells) for name, one in scores.items()}
        if rows.task == "binary"
        else {},
        identical=bool(others) and all(np.array_equal(first, other) for other in others),
    )


def _table(unit: Codes, count: int, columns: Iterable[Array]) -> Array:
    return np.column_stack([np.bincount(unit, column, count) for column in columns])
