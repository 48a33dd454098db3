"""Has the table changed? One verdict with a stated false-alarm rate, and a plain reason for each column."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from drift.alignment import align, category_table, quantile_table
from drift.calibration import MIN_BLOCKS, BlockTest, distribution_test, rate_test
from drift.measures import (
    Measure,
    chi2_contingency,
    holm,
    jensen_shannon_distance,
    ks,
    psi,
    rate_change,
    wasserstein,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drift.categories import CategorySummary
    from drift.column_profile import ColumnProfile
    from drift.profile import Profile

Verdict = Literal["pass", "fail", "inconclusive"]

MIN_VALUES = 30
"""Below that many values on a side, a column's distribution is not compared."""
NAMED_FROM = 10
"""A category is named in a reason only from that many rows on: rarer ones may point to a person."""
_NAMED_AT_MOST = 3


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
        }


@dataclass(frozen=True, slots=True)
class _Test:
    """One null hypothesis of the table: which column it is about and in which words it fails."""

    measure: str
    p_value: float
    effect: float
    words: str


@dataclass(frozen=True, slots=True)
class _Compared:
    """A column before the correction over the table. `settled` ones have no test that could change them."""

    column: ColumnVerdict
    tests: tuple[_Test, ...] = ()
    settled: bool = False
    blocks: int | None = None
    """How many of the reference's blocks the tests are calibrated on; None where there are no tests."""


def check(
    reference: Profile,
    current: Profile,
    *,
    alpha: float = 0.05,
    min_effect: float = 0.1,
    min_rows: int = 2000,
    features: Sequence[str] = (),
) -> TableVerdict:
    """Compare the current data with the reference.

    A column fails when its Holm-corrected p-value is below `alpha` *and* its effect size (KS D of numbers,
    Jensen-Shannon distance of categories, change of the null rate) is at least `min_effect`: so a table of
    independent rows without drift fails with a probability of at most `alpha`, and a change too small to
    matter fails at no size. A column that is gone, or that changed its type, fails as such.

    Rows of one day or batch are rarely independent. Where the reference knows its blocks (`profile_batches`'
    `blocks`) and at least `MIN_BLOCKS` of them have enough values, a p-value is the greater of that for
    independent rows and that of `drift/calibration.py`, which is calibrated on how those blocks differ: the
    probability then holds for rows in uneven blocks too. With fewer blocks, or none, rows are taken as
    independent, and `calibration` says so.

    Args:
        reference: what the model learned from. Its roles hold for both sides.
        current: what arrives now.
        alpha: probability of any false alarm in one check.
        min_effect: the smallest effect that matters.
        min_rows: below it on either side the table is inconclusive.
        features: only these columns; empty means every column of either side.
    """
    roles = reference.roles()
    names = list(features) or list(dict.fromkeys([*reference.columns, *current.columns]))
    compared = [_compare(name, reference, current, roles.get(name), named=bool(features)) for name in names]
    adjusted = iter(holm([test.p_value for entry in compared for test in entry.tests]))
    enough = min(reference.rows, current.rows) >= min_rows
    columns = tuple(
        _judged(
            entry,
            list(itertools.islice(adjusted, len(entry.tests))),
            alpha=alpha,
            min_effect=min_effect,
            enough=enough,
        )
        for entry in compared
    )
    verdict, reason = _table(columns, reference.rows, current.rows, min_rows)
    return TableVerdict(
        verdict=verdict,
        reason=reason,
        alpha=alpha,
        min_effect=min_effect,
        min_rows=min_rows,
        reference_rows=reference.rows,
        current_rows=current.rows,
        columns=columns,
        calibration=_calibration(compared, reference),
    )


def _calibration(compared: list[_Compared], reference: Profile) -> str:
    units = {column.blocks.unit for column in reference.columns.values() if column.blocks is not None}
    if not units:
        return "rows are taken as independent: the reference knows no blocks"
    counts = [entry.blocks for entry in compared if entry.blocks is not None]
    enough = [count for count in counts if count >= MIN_BLOCKS]
    few = [count for count in counts if count < MIN_BLOCKS]
    kind = {"day": "days", "hour": "hours"}.get(units.pop(), "batches")
    words = []
    if enough:
        least, most = min(enough), max(enough)
        how_many = str(most) if least == most else f"{least} to {most}"
        words.append(f"calibrated on how {how_many} of the reference's {kind} differ")
    if few:
        which = f" in {len(few)} of {len(counts)} columns" if enough else ""
        words.append(
            f"rows are taken as independent{which}: the reference has {max(few)} {kind} with enough values, "
            f"at least {MIN_BLOCKS} are needed"
        )
    return "; ".join(words) or "nothing was tested"


def _table(
    columns: tuple[ColumnVerdict, ...], reference: int, current: int, min_rows: int
) -> tuple[Verdict, str]:
    failed = [column for column in columns if column.verdict == "fail"]
    if failed:
        worst = "; ".join(f"{column.name}: {column.reason}" for column in failed[:_NAMED_AT_MOST])
        more = f"; and {len(failed) - _NAMED_AT_MOST} more" if len(failed) > _NAMED_AT_MOST else ""
        return "fail", f"{len(failed)} of {len(columns)} columns changed. {worst}{more}"
    for side, rows in (("reference", reference), ("current data", current)):
        if rows < min_rows:
            have = "has" if side == "reference" else "have"
            return "inconclusive", f"the {side} {have} {rows} rows; at least {min_rows} are needed"
    unclear = [column for column in columns if column.verdict == "inconclusive"]
    if unclear:
        said = "; ".join(f"{column.name}: {column.reason}" for column in unclear[:_NAMED_AT_MOST])
        return "inconclusive", f"{len(unclear)} of {len(columns)} columns could not be judged. {said}"
    if not columns:
        return "inconclusive", "there are no columns to compare"
    return "pass", f"no change that matters in {len(columns)} columns"


def _judged(
    entry: _Compared, adjusted: list[float], *, alpha: float, min_effect: float, enough: bool
) -> ColumnVerdict:
    column = entry.column
    if entry.settled:
        return column
    if not entry.tests:
        return column
    pairs = list(zip(entry.tests, adjusted, strict=True))
    failed = [(test, p) for test, p in pairs if p < alpha and test.effect >= min_effect]
    test, p_value = max(failed or pairs, key=lambda pair: pair[0].effect)
    column = replace(column, effect_size=test.effect, p_value=p_value)
    if not enough:
        return replace(column, verdict="inconclusive", reason="too few rows in the table")
    if failed:
        words = "; ".join(f"{one.words} ({_effect(one)}, {_p(p)})" for one, p in failed)
        return replace(column, verdict="fail", reason=_and(words, column.reason))
    if column.verdict == "inconclusive":
        return column
    if p_value < alpha:
        words = f"a real change but small: {_effect(test)}, below {min_effect:g}"
    elif test.effect >= min_effect:
        words = f"{_effect(test)}, but that may be chance ({_p(p_value)})"
    else:
        words = f"no change ({_effect(test)})"
    return replace(column, reason=_and(words, column.reason))


def _compare(name: str, reference: Profile, current: Profile, role: str | None, *, named: bool) -> _Compared:
    before, after = reference.columns.get(name), current.columns.get(name)
    if before is None:
        if named:
            return _settled(name, "unknown", "inconclusive", "the reference does not have this column")
        return _settled(name, after.role if after else "unknown", "pass", "new: the reference has it not")
    if after is None:
        return _settled(name, before.role, "fail", "the current data do not have this column")
    if role is not None:
        after = after.as_role(role)
    if before.role == "skipped":
        return _settled(name, "skipped", "pass", f"not compared: {before.role_reason}")
    if after.role == "skipped":
        return _settled(name, before.role, "fail", f"cannot be compared any more: {after.role_reason}")
    if not reference.rows or not current.rows:
        return _settled(name, before.role, "inconclusive", "no rows on one side")
    if "empty" not in (before.kind, after.kind) and before.kind != after.kind:
        change = f"the type changed from {', '.join(before.types)} to {', '.join(after.types)}"
        return _settled(name, before.role, "fail", change)
    return _distributions(before, after, reference.rows, current.rows, named=named)


def _settled(name: str, kind: str, verdict: Verdict, reason: str) -> _Compared:
    return _Compared(ColumnVerdict(name=name, kind=kind, verdict=verdict, reason=reason), settled=True)


def _distributions(
    before: ColumnProfile, after: ColumnProfile, rows_before: int, rows_after: int, *, named: bool
) -> _Compared:
    measures: dict[str, Measure] = {}
    tests: list[_Test] = []
    notes: list[str] = []
    blocks: list[int] = []
    verdict: Verdict = "pass"
    absent = [rows_before - before.count, rows_after - after.count]
    if any(absent):
        nulls = rate_change((absent[0], rows_before), (absent[1], rows_after))
        measures["null_rate"] = nulls
        words = f"nulls went from {absent[0] / rows_before:.1%} to {absent[1] / rows_after:.1%}"
        by_block = rate_test(before, after, rows_before, rows_after)
        blocks.append(by_block.blocks)
        tests.append(_on_blocks(_test("null_rate", nulls, nulls.effect_size, words), by_block))
    if not before.count and not after.count:
        notes.append("no values on either side")
    elif min(before.count, after.count) < MIN_VALUES:
        notes.append(_too_few(before.count, after.count))
        # What the reference hardly has cannot be asked of the current data: there the null rate says all.
        verdict = "pass" if before.count < MIN_VALUES else "inconclusive"
    else:
        measured, test, said = _values(before, after)
        measures.update(measured)
        notes.extend(said)
        if before.role == "time" and not named:
            notes.append("a time moves on by itself: not tested unless named as a feature")
        else:
            by_block = distribution_test(before, after, ordered=test.measure == "ks")
            blocks.append(by_block.blocks)
            tests.append(_on_blocks(test, by_block))
    column = ColumnVerdict(
        name=before.name, kind=before.role, verdict=verdict, reason="; ".join(notes), measures=measures
    )
    return _Compared(column, tuple(tests), blocks=min(blocks, default=None))


def _on_blocks(test: _Test, by_block: BlockTest) -> _Test:
    # Blocks can only add doubt: where rows alone explain the change, they do so still.
    return test if by_block.p_value is None else replace(test, p_value=max(test.p_value, by_block.p_value))


def _test(name: str, measure: Measure, effect: float | None, words: str) -> _Test:
    if measure.p_value is None or effect is None:
        raise AssertionError(f"{name} cannot decide without a p-value and an effect size")
    return _Test(name, measure.p_value, effect, words)


def _too_few(before: int, after: int) -> str:
    side, count = ("reference", before) if before < after else ("current data", after)
    have = "has" if side == "reference" else "have"
    return (
        f"the {side} {have} {count} value{'' if count == 1 else 's'} here; at least {MIN_VALUES} are needed"
    )


def _values(before: ColumnProfile, after: ColumnProfile) -> tuple[dict[str, Measure], _Test, list[str]]:
    left, right = before.category_counts(), after.category_counts()
    as_numbers = before.role in ("number", "time") or left is None or right is None
    if as_numbers and before.numeric is not None and after.numeric is not None:
        return _numbers(before, after)
    if left is None or right is None:
        raise AssertionError(f"column {before.name!r} has neither numbers nor categories")
    return _categories(left, right)


def _numbers(before: ColumnProfile, after: ColumnProfile) -> tuple[dict[str, Measure], _Test, list[str]]:
    reference, current = before.numeric, after.numeric
    if reference is None or current is None:
        raise AssertionError("numbers without a summary")
    both = align(reference.histogram, current.histogram)
    table = quantile_table(both)
    test = ks(reference, current, both)
    measures = {"ks": test, "psi": psi(*table), "jensen_shannon_distance": jensen_shannon_distance(*table)}
    if reference.finite and current.finite:
        measures["wasserstein"] = wasserstein(reference, current, both)
    notes = []
    infinite = [one.positive_infinite + one.negative_infinite for one in (reference, current)]
    if any(infinite):
        notes.append(f"infinite values: {infinite[0]} before, {infinite[1]} now")
    words = f"the values moved, on average from {reference.mean:.4g} to {current.mean:.4g}"
    if reference.minimum is not None and reference.minimum == reference.maximum:
        if current.minimum == current.maximum == reference.minimum:
            notes.append("constant on both sides")
        words = f"was constant, and is not {reference.minimum:.6g} any more"
    return measures, _test("ks", test, test.effect_size, words), notes


def _categories(
    before: CategorySummary, after: CategorySummary
) -> tuple[dict[str, Measure], _Test, list[str]]:
    table = category_table(before, after)
    test = chi2_contingency(*table)
    distance = jensen_shannon_distance(*table)
    measures = {"chi2_contingency": test, "jensen_shannon_distance": distance, "psi": psi(*table)}
    notes = []
    if before.values is None or after.values is None:
        notes.append("too many different values: compared by hash bucket, distances are lower bounds")
    else:
        if before.values.keys() == after.values.keys() and len(before.values) == 1:
            notes.append("constant on both sides")
        new = {value: count for value, count in after.values.items() if value not in before.values}
        if new:
            notes.append(_new_categories(new, after.count))
        gone = [value for value in before.values if value not in after.values]
        if gone:
            notes.append(f"{len(gone)} {_plural('category', len(gone))} of the reference did not occur")
    words = "the shares of the categories changed"
    return measures, _test("chi2_contingency", test, distance.effect_size, words), notes


def _new_categories(new: dict[str, int], total: int) -> str:
    frequent = sorted((v for v, n in new.items() if n >= NAMED_FROM), key=lambda v: (-new[v], v))
    named = f": {', '.join(repr(v) for v in frequent[:_NAMED_AT_MOST])}" if frequent else ""
    more = ", ..." if frequent and len(new) > len(frequent[:_NAMED_AT_MOST]) else ""
    share = sum(new.values()) / total
    return f"{len(new)} new {_plural('category', len(new))} in {share:.1%} of the values{named}{more}"


def _plural(word: str, count: int) -> str:
    return word if count == 1 else f"{word[:-1]}ies"


def _and(words: str, notes: str) -> str:
    return f"{words}; {notes}" if notes else words


def _effect(test: _Test) -> str:
    name = {"ks": "KS distance", "null_rate": "change of", "chi2_contingency": "Jensen-Shannon distance"}
    return f"{name[test.measure]} {test.effect:.3g}"


def _p(p_value: float) -> str:
    return f"p {p_value:.1e}" if p_value >= 1e-300 else "p below 1e-300"
