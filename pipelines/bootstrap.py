"""Paired bootstrap: how sure is it that one model is better than another on the same rows?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.metrics import measured

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from pipelines.metrics import Array, Measure

AT_ONCE = 8
"""Resamples computed together: enough for fast matrix products, little enough for the cache."""
DEFINED = 0.95
"""A metric that is defined on a smaller share of the resamples gets no interval."""


def resamples(count: int, seed: int, units: NDArray[np.intp]) -> Iterator[Array]:
    """Weights of the rows, a block of resamples at a time.

    Args:
        count: of resamples.
        seed: same seed, same resamples.
        units: for each row the number of the unit it belongs to; a unit is drawn as a whole.
    """
    generator = np.random.default_rng(seed)
    size = int(np.max(units)) + 1
    for start in range(0, count, AT_ONCE):
        block = min(AT_ONCE, count - start)
        drawn = generator.integers(size, size=(block, size))
        counts = np.stack([np.bincount(one, minlength=size) for one in drawn]).astype(np.float64)
        yield counts[:, units]


def compare(
    candidate: Measure,
    champion: Measure,
    units: NDArray[np.intp],
    *,
    count: int,
    seed: int,
    confidence: float,
    drawn: str = "rows",
) -> dict[str, dict[str, Any]]:
    """The difference (candidate minus champion) of every metric, with its percentile interval.

    A metric that is not defined on the rows, or on too many resamples, is left out.
    """
    of_candidate, of_champion = measured(candidate, len(units)), measured(champion, len(units))
    names = [name for name in of_candidate if name in of_champion]
    differences: dict[str, list[Array]] = {name: [] for name in names}
    for weights in resamples(count, seed, units):
        here, there = candidate(weights), champion(weights)
        for name in names:
            differences[name].append(here[name] - there[name])
    tail = (1 - confidence) / 2
    comparison = {}
    for name in names:
        values = np.concatenate(differences[name])
        values = values[np.isfinite(values)]
        if len(values) < DEFINED * count:
            continue
        lower, upper = np.quantile(values, [tail, 1 - tail])
        comparison[name] = {
            "difference": of_candidate[name] - of_champion[name],
            "lower": float(lower),
            "upper": float(upper),
            "confidence": confidence,
            "method": f"paired bootstrap of {drawn}, {count} resamples, seed {seed}",
        }
    return comparison
