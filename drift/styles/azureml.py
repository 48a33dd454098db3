"""Azure ML's model monitoring.

Distances of numbers take Sturges' number of equal widths over both sides' range, for the smaller side's size;
the stability index adds one to each count; Wasserstein's distance is divided by the reference's standard
deviation; Pearson's test takes the reference as exact.
"""

from __future__ import annotations

import numpy as np

from drift.measures.counts import jensen_shannon_distance
from drift.styles.counted import (
    Counted,
    chi2_gof_p,
    deviation,
    kolmogorov_smirnov_p,
    sturges,
    wasserstein,
)
from drift.styles.style import Style


def _binned(counted: Counted) -> Counted:
    return counted.in_equal_widths(sturges(min(int(counted.reference.sum()), int(counted.current.sum()))))


def _jensen_shannon(counted: Counted) -> float:
    binned = _binned(counted)
    return float(jensen_shannon_distance(binned.reference, binned.current).statistic)


def _stability(counted: Counted) -> float:
    binned = _binned(counted)
    a, b = binned.reference, binned.current
    p, q = (a + 1) / a.sum(), (b + 1) / b.sum()
    return float(np.sum((q - p) * np.log(q / p)))


AZURE_ML = Style(
    numerical={
        "jensen_shannon_distance": _jensen_shannon,
        "normalized_wasserstein_distance": lambda counted: wasserstein(counted) / deviation(counted, 1),
        "population_stability_index": _stability,
        "two_sample_kolmogorov_smirnov_test": kolmogorov_smirnov_p,
    },
    categorical={
        "jensen_shannon_distance": _jensen_shannon,
        "population_stability_index": _stability,
        "pearsons_chi_squared_test": chi2_gof_p,
    },
    p_values=frozenset({"two_sample_kolmogorov_smirnov_test", "pearsons_chi_squared_test"}),
)
