"""One column, judged by thresholds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from drift.alignment import align, category_table
from drift.comparison import MIN_VALUES
from drift.measures.measure import Measure
from drift.styles.counted import Counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from drift.column_profile import ColumnProfile
    from drift.comparison import Compared
    from drift.profile import Profile
    from drift.thresholds import Thresholds
    from drift.verdicts import ColumnVerdict


def judge(
    entry: Compared, reference: Profile, current: Profile, thresholds: Thresholds, *, enough: bool
) -> ColumnVerdict:
    """The column's verdict: `fail` where a metric exceeds its threshold."""
    column = entry.column
    before, after = reference.columns.get(column.name), current.columns.get(column.name)
    if entry.settled or before is None or after is None:
        return column
    if min(before.count, after.count) < MIN_VALUES:
        return replace(column, verdict="inconclusive", reason=f"fewer than {MIN_VALUES} values on a side")
    counted = _counted(before, after.as_role(before.role))
    values = thresholds.values(counted)
    measures = {name: Measure(statistic=value) for name, value in values.items()}
    above = thresholds.exceeded(counted, values)
    words = "; ".join(
        f"{name} is {values[name]:.3g}, the threshold {limit:g}" for name, limit in above.items()
    )
    if not values:
        return replace(column, verdict="pass", reason="no threshold is for a column of its kind", measures={})
    if not enough:
        return replace(column, verdict="inconclusive", reason="too few rows in the table", measures=measures)
    return replace(
        column, verdict="fail" if above else "pass", reason=words or _said(values), measures=measures
    )


def _said(values: Mapping[str, float]) -> str:
    within = ", ".join(f"{name} is {value:.3g}" for name, value in values.items())
    return f"{within}: within its threshold"


def _counted(before: ColumnProfile, after: ColumnProfile) -> Counted:
    if before.role in ("number", "time") and before.numeric is not None and after.numeric is not None:
        both = align(before.numeric.histogram, after.numeric.histogram)
        finite = [one for side in (before.numeric, after.numeric) for one in (side.minimum, side.maximum)]
        least = min((one for one in finite if one is not None), default=0.0)
        most = max((one for one in finite if one is not None), default=0.0)
        centres = np.clip(both.low, least, most) / 2 + np.clip(both.high, least, most) / 2
        return Counted(both.reference, both.current, centres)
    left, right = before.category_counts(), after.category_counts()
    if left is None or right is None:
        raise AssertionError(f"column {before.name!r} has neither numbers nor categories")
    return Counted(*category_table(left, right))
