"""Thresholds in a tool's style: a metric of a column, and the greatest allowed value (of p-values the least).

Such thresholds say nothing about chance. `drift/false_alarms.py` says what they amount to for given data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from drift.errors import ProfileError
from drift.styles import STYLES
from drift.styles.counted import Counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Metric to threshold, for columns of numbers and for all others.

    `share` is the share of columns that makes a table drift; None is the style's own, 0 means any column.

    Raises:
        ProfileError: there is no such style or metric.
    """

    style: str = "azureml"
    numerical: Mapping[str, float] = field(default_factory=dict)
    categorical: Mapping[str, float] = field(default_factory=dict)
    share: float | None = None

    def __post_init__(self) -> None:
        """Refuse what is not known."""
        if self.style not in STYLES:
            raise ProfileError(f"style {self.style!r} is none of {', '.join(STYLES)}")
        style = STYLES[self.style]
        for kind, given, known in (
            ("numerical", self.numerical, style.numerical),
            ("categorical", self.categorical, style.categorical),
        ):
            for name in given:
                if name not in known:
                    raise ProfileError(f"{kind} metric {name!r} is none of {', '.join(known)}")

    def values(self, counted: Counted) -> dict[str, float]:
        """The metrics of a column that have a threshold."""
        metrics = STYLES[self.style].of(ordered=counted.centres is not None)
        return {name: metrics[name](counted) for name in self._limits(counted)}

    def exceeded(self, counted: Counted, values: Mapping[str, float]) -> dict[str, float]:
        """The thresholds that these values exceed."""
        style = STYLES[self.style]
        return {
            name: limit
            for name, limit in self._limits(counted).items()
            if style.exceeded(name, values[name], limit)
        }

    def drifted(self, failed: int, columns: int) -> bool:
        """Whether so many of so many columns make the table drift."""
        share = STYLES[self.style].share if self.share is None else self.share
        return failed > 0 and failed >= share * columns

    def _limits(self, counted: Counted) -> Mapping[str, float]:
        return self.numerical if counted.centres is not None else self.categorical
