"""What a style of thresholds is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from drift.styles.counted import Counted

Metric = Callable[["Counted"], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """A tool's metrics by name, for columns of numbers and for all others."""

    numerical: Mapping[str, Metric]
    categorical: Mapping[str, Metric]
    p_values: frozenset[str] = frozenset()
    """Metrics that are p-values: below the threshold they alarm, the others above it."""
    share: float = 0.0
    """The table has drifted when at least that share of its columns has; 0: when any has."""

    def of(self, *, ordered: bool) -> Mapping[str, Metric]:
        """Those for one column."""
        return self.numerical if ordered else self.categorical

    def exceeded(self, metric: str, value: float, threshold: float) -> bool:
        """Whether the metric alarms."""
        return value < threshold if metric in self.p_values else value > threshold
