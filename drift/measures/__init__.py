"""How far apart two columns are: `compute` by name, measures from profiles, corrections for many tests."""

from typing import TYPE_CHECKING, Any

from drift.measures.corrections import benjamini_hochberg, benjamini_yekutieli, bonferroni, holm
from drift.measures.counts import chi2_contingency, jensen_shannon_distance, psi, rate_change
from drift.measures.errors import MeasureError
from drift.measures.measure import Measure
from drift.measures.presets import PRESETS
from drift.measures.profiles import ks, wasserstein

if TYPE_CHECKING:
    from drift.measures.catalogue import CATALOGUE, compute

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


def __getattr__(name: str) -> Any:
    # The catalogue loads scipy.special: half a second that a verdict from profiles does not need.
    if name in ("CATALOGUE", "compute"):
        from drift.measures import catalogue

        return getattr(catalogue, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
