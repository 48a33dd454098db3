"""evidently's tests, by its own names for them; a table has drifted when half of its columns have.

Distances of numbers take Sturges' number of equal widths over both sides' range, for all values together, and
a column of at most 20 different values as categories; a share of zero becomes a ten-thousandth, or a
millionth of the least share where that is smaller; Wasserstein's distance is divided by the reference's
standard deviation; Pearson's test takes the reference as exact.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from drift.measures import divergences
from drift.styles.counted import (
    Counted,
    chi2_gof_p,
    deviation,
    kolmogorov_smirnov_p,
    sturges,
    wasserstein,
)
from drift.styles.style import Metric, Style

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEW = 20


def _binned(counted: Counted) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    met = counted.met()
    if int(np.count_nonzero(met.reference)) > FEW:
        met = met.in_equal_widths(sturges(int(met.reference.sum() + met.current.sum())))
    return met.reference.astype(np.float64), met.current.astype(np.float64)


_DISTANCES: dict[str, Metric] = {
    "jensenshannon": lambda counted: (
        divergences.jensen_shannon_distance(*_binned(counted), base=math.e).statistic
    ),
    "psi": lambda counted: divergences.psi(*_binned(counted), zeros="relative").statistic,
    "kl_div": lambda counted: divergences.kl_divergence(*_binned(counted), zeros="relative").statistic,
}

EVIDENTLY = Style(
    numerical={
        **_DISTANCES,
        "wasserstein": lambda counted: wasserstein(counted) / deviation(counted, 0),
        "ks": kolmogorov_smirnov_p,
    },
    categorical={
        **_DISTANCES,
        "hellinger": lambda counted: divergences.hellinger(*_binned(counted)).statistic,
        "chisquare": chi2_gof_p,
    },
    p_values=frozenset({"ks", "chisquare"}),
    share=0.5,
)
