"""The least and the greatest of integers or decimals, exact: a float64 is only so up to 2^53."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Extremes:
    """Both of them."""

    least: Decimal
    most: Decimal

    @classmethod
    def of(cls, array: pa.Array) -> Extremes | None:
        """Those of an array of integers or decimals; None where it has no value."""
        import pyarrow.compute as pc

        found = pc.min_max(array).as_py()
        return None if found["min"] is None else cls(Decimal(found["min"]), Decimal(found["max"]))

    def merge(self, other: Extremes) -> Extremes:
        """Those of both sides' values."""
        return Extremes(min(self.least, other.least), max(self.most, other.most))


def are_counted_exactly(type_: pa.DataType) -> bool:
    """Whether columns of a type have them."""
    return bool(pa.types.is_integer(type_) or pa.types.is_decimal(type_))
