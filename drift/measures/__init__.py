"""How far apart two columns are: `compute` by name, measures from profiles, corrections for many tests."""

from drift.measures.catalogue import CATALOGUE, compute
from drift.measures.corrections import benjamini_hochberg, benjamini_yekutieli, bonferroni, holm
from drift.measures.counts import chi2_contingency, jensen_shannon_distance, psi, rate_change
from drift.measures.errors import MeasureError
from drift.measures.measure import Measure
from drift.measures.presets import PRESETS
from drift.measures.profiles import ks, wasserstein

__all__ = [
    "CATALOGUE",
    "PRESETS",
    "Measure",
    "MeasureError",
    "benjamini_hochberg",
    "benjamini_yekutieli",
    "bonferroni",
    "chi2_contingency",
    "compute",
    "holm",
    "jensen_shannon_distance",
    "ks",
    "psi",
    "rate_change",
    "wasserstein",
]
