"""ROC AUC under any weighting of units, from a few numbers a unit.

The weighted AUC is w'Aw / (w'P)(w'N): A[g, h] counts pairs of a positive row of unit g and a negative row
of unit h in the right order, ties half; P and N count rows. A itself is too large to keep. Rows are sorted
into a few cells by their rank; pairs across cells are exact for every w, and the pairs within a cell are
expanded about w = 1: their sums over either side (what DeLong, DeLong and Clarke-Pearson 1988 call structural
components) are exact too. Only the product of two deviations within one cell is left out: it is of second
order, and a cell holds 1 / cells^2 of all pairs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from drift.performance.metrics import ratio

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Codes = NDArray[np.intp]


@dataclass(frozen=True, kw_only=True, slots=True)
class Ranking:
    """One model's ranking of the rows, summed over units."""

    positive: Array
    """Positive rows, units x cells."""
    negative: Array
    within: Array
    """By unit: pairs within a cell in the right order less half of all, from rows of either label."""
    total: float
    """The same, of all pairs together."""

    @property
    def table(self) -> Array:
        """Everything that is summed over units, units x columns."""
        return np.column_stack([self.positive, self.negative, self.within])

    def areas(self, sums: Array) -> Array:
        """ROC AUC for each row of `sums` (weightings x columns of `table`)."""
        cells = self.positive.shape[1]
        positive, negative, within = sums[:, :cells], sums[:, cells:-1], sums[:, -1]
        below = np.cumsum(negative, axis=1) - negative / 2  # pairs within a cell count half
        right = (positive * below).sum(axis=1) + within - self.total
        return ratio(right, positive.sum(axis=1) * negative.sum(axis=1))


def ranking(label: Array, scores: Array, units: Codes, count: int, cells: int) -> Ranking:
    """Rank the rows by score.

    Args:
        label: 0 or 1.
        scores: a row each.
        units: number of each row's unit, below `count`.
        count: of units.
        cells: into so many cells of about equal size; rows of one score share a cell.
    """
    order = np.argsort(scores)  # any order among equals: their sums are those of the run
    ranked, positive, unit = scores[order], label[order], units[order]
    new = np.empty(len(ranked), bool)
    new[0] = True
    np.not_equal(ranked[1:], ranked[:-1], out=new[1:])
    starts = np.flatnonzero(new)
    run = np.cumsum(new) - 1
    cell_of_run = starts * cells // len(ranked)
    cell = cell_of_run[run]
    new_cell = np.flatnonzero(np.diff(cell, prepend=-1))
    dense = np.repeat(np.arange(len(new_cell)), np.diff(new_cell, append=len(ranked)))
    exact = np.where(
        positive > 0,
        *(
            one[run] - half[dense]
            for one, half in zip(_won(positive, starts), _won(positive, new_cell), strict=True)
        ),
    )
    place = unit * cells + cell
    shape = (count, cells)
    above = np.bincount(place, positive, count * cells).reshape(shape)
    return Ranking(
        positive=above,
        negative=np.bincount(place, minlength=count * cells).reshape(shape) - above,
        within=np.bincount(unit, exact, count),
        total=float(exact[positive > 0].sum()),
    )


def _won(positive: Array, starts: Codes) -> tuple[Array, Array]:
    """For each run what a positive row of it wins (negatives below), and a negative one (positives above).

    Ties within the run count half.
    """
    above = np.add.reduceat(positive, starts)
    below = np.diff(starts, append=len(positive)) - above
    return np.cumsum(below) - below / 2, above.sum() - (np.cumsum(above) - above / 2)
