"""What every measure returns."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure of one column. What a measure does not have is None.

    `lower` and `upper` bound the statistic where the profile does not determine it.
    """

    statistic: float
    p_value: float | None = None
    effect_size: float | None = None
    lower: float | None = None
    upper: float | None = None

    def to_dict(self) -> dict[str, float | None]:
        """Plain data; what is not finite is None, as JSON has it not."""
        values = {
            "statistic": self.statistic,
            "p_value": self.p_value,
            "effect_size": self.effect_size,
            "lower": self.lower,
            "upper": self.upper,
        }
        return {k: v if v is not None and math.isfinite(v) else None for k, v in values.items()}
