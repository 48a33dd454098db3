"""What a check says: the table's verdict and each column's, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from drift.measures import Measure

Verdict = Literal["pass", "fail", "inconclusive"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnVerdict:
    """One column's verdict.

    `effect_size` and `p_value` (Holm-adjusted over all tests of the table) are those of the test that
    decided: the one that failed, else the one with the greater effect.
    """

    name: str
    kind: str
    verdict: Verdict
    reason: str
    measures: dict[str, Measure] = field(default_factory=dict)
    effect_size: float | None = None
    p_value: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "name": self.name,
            "kind": self.kind,
            "verdict": self.verdict,
            "reason": self.reason,
            "effect_size": self.effect_size,
            "p_value": self.p_value,
            "measures": {name: measure.to_dict() for name, measure in self.measures.items()},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class TableVerdict:
    """The table's verdict and each column's."""

    verdict: Verdict
    reason: str
    alpha: float
    min_effect: float
    min_rows: int
    reference_rows: int
    current_rows: int
    columns: tuple[ColumnVerdict, ...]
    calibration: str = ""
    """What the false-alarm rate rests on: independent rows, or how the reference's own blocks differ."""

    false_alarm_rate: dict[str, float] | None = None
    """Of a verdict by thresholds: how often they alarm without drift, with a 95 % interval."""

    @property
    def failed(self) -> tuple[str, ...]:
        """Names of the columns that failed."""
        return tuple(column.name for column in self.columns if column.verdict == "fail")

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "verdict": self.verdict,
            "reason": self.reason,
            "alpha": self.alpha,
            "min_effect": self.min_effect,
            "min_rows": self.min_rows,
            "calibration": self.calibration,
            "rows": {"reference": self.reference_rows, "current": self.current_rows},
            "columns": [column.to_dict() for column in self.columns],
            "false_alarm_rate": self.false_alarm_rate,
        }
