"""Bootstrap resamples of units (Efron 1979): rows, or what of the rows belongs together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from drift.performance.predictions import Predictions

MOST_UNITS = 2048
"""More units than that are put together by lot, equally many in each: sums over random parts of independent
units are independent themselves, and with so many the spread is known to one or two percent."""
_DRAWS, _LOTS = 0, 1


def units_of(predictions: Predictions, seed: int) -> tuple[NDArray[np.intp], int]:
    """For each row the number of what is drawn with it, and how many there are."""
    units = np.arange(len(predictions)) if predictions.units is None else predictions.units
    count = int(np.max(units)) + 1
    if count <= MOST_UNITS:
        return units, count
    lots = np.random.default_rng([seed, _LOTS]).permutation(count) % MOST_UNITS
    return lots[units], MOST_UNITS


def resamples(units: int, count: int, seed: int) -> NDArray[np.float32]:
    """How often each unit was drawn, resamples x units; the same for the same seed on every machine."""
    generator = np.random.default_rng([seed, _DRAWS])
    drawn = np.empty((count, units), np.float32)
    for row in drawn:
        row[:] = np.bincount(generator.integers(units, size=units), minlength=units)
    return drawn
