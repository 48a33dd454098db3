"""Is a batch fit to learn from? Columns, types, nulls and size, from its profile."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from drift.errors import ProfileError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from drift.column_profile import ColumnProfile
    from drift.profile import Profile

TYPES = ("integer", "number", "string", "boolean", "timestamp")


@dataclass(frozen=True, slots=True)
class QualityVerdict:
    """`pass` or `fail`, with one reason for each thing that is wrong."""

    verdict: Literal["pass", "fail"]
    reasons: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {**asdict(self), "reasons": list(self.reasons)}


def check_quality(
    profile: Profile, *, columns: Mapping[str, str], max_null_rate: float, min_rows: int
) -> QualityVerdict:
    """Check a batch against what it must be.

    Args:
        profile: the batch's.
        columns: the type of each column that must be there: `integer` (whole numbers, also as floats),
            `number`, `string`, `boolean` or `timestamp` (also dates). Others are not looked at.
        max_null_rate: greatest share of nulls (and NaN) in any of those columns.
        min_rows: least number of rows.

    Raises:
        ProfileError: a type is none of these.
    """
    reasons = []
    if profile.rows < min_rows:
        reasons.append(f"{profile.rows} rows; at least {min_rows} are needed")
    for name, expected in columns.items():
        if expected not in TYPES:
            raise ProfileError(f"column {name!r}: type {expected!r} is none of {', '.join(TYPES)}")
        column = profile.columns.get(name)
        if column is None:
            reasons.append(f"column {name!r} is missing")
            continue
        found = _type_of(column)
        if found is not None and not _fits(expected, found):
            reasons.append(f"column {name!r}: expected {expected}, found {_named(column)}")
        # Rows of batches without the column count as nulls.
        absent = column.missing + profile.rows - column.rows
        if profile.rows and absent / profile.rows > max_null_rate:
            rate = absent / profile.rows
            reasons.append(f"column {name!r}: {rate:.2%} nulls; at most {max_null_rate:.2%} are allowed")
    return QualityVerdict("fail" if reasons else "pass", tuple(reasons))


def _fits(expected: str, found: str) -> bool:
    return expected == found or (expected == "number" and found == "integer")


def _type_of(column: ColumnProfile) -> str | None:
    """The type in the policy's words; None where there are no values to tell it."""
    if column.kind == "empty":
        return None
    if column.kind == "number":
        numeric = column.numeric
        infinite = numeric is not None and numeric.positive_infinite + numeric.negative_infinite > 0
        return "integer" if numeric is not None and not numeric.fractional and not infinite else "number"
    if column.kind == "time":
        return "timestamp"
    types = {name for name in column.types if name != "null"}
    if types == {"bool"}:
        return "boolean"
    return "string" if column.kind == "category" and "bool" not in types else "other"


def _named(column: ColumnProfile) -> str:
    return " and ".join(name for name in column.types if name != "null")
