"""One column of two profiles: what can be tested, measured and said of it, before the table is judged."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from drift.alignment import align, category_table, quantile_table
from drift.calibration import MIN_BLOCKS, BlockTest, distribution_test, rate_test
from drift.measures import (
    Measure,
    chi2_contingency,
    jensen_shannon_distance,
    ks,
    psi,
    rate_change,
    wasserstein,
)
from drift.numeric import NumericSummary
from drift.verdicts import ColumnVerdict, Verdict

if TYPE_CHECKING:
    from drift.categories import CategorySummary
    from drift.column_profile import ColumnProfile
    from drift.profile import Profile
    from drift.text import TextSummary

MIN_VALUES = 30
"""Below that many values on a side, a column's distribution is not compared."""
NAMED_FROM = 10
"""A category is named in a reason only from that many rows on: rarer ones may point to a person."""
NAMED_AT_MOST = 3
UNITS = {"day": "days", "hour": "hours", "label": "batches"}


@dataclass(frozen=True, slots=True)
class Test:
    """One null hypothesis of the table: which column it is about and in which words it fails."""

    measure: str
    p_value: float
    effect: float
    words: str
    doubt: str = ""
    """Why a failure of it proves nothing."""


@dataclass(frozen=True, slots=True)
class Compared:
    """A column before the correction over the table. `settled` ones have no test that could change them."""

    column: ColumnVerdict
    tests: tuple[Test, ...] = ()
    settled: bool = False
    blocks: int | None = None
    """How many of the reference's blocks the tests are calibrated on; None where there are no tests."""


def compare(name: str, reference: Profile, current: Profile, role: str | None, *, named: bool) -> Compared:
    """Compare one column; `named` says that the caller asked for it."""
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


def _settled(name: str, kind: str, verdict: Verdict, reason: str) -> Compared:
    return Compared(ColumnVerdict(name=name, kind=kind, verdict=verdict, reason=reason), settled=True)


def _distributions(
    before: ColumnProfile, after: ColumnProfile, rows_before: int, rows_after: int, *, named: bool
) -> Compared:
    measures: dict[str, Measure] = {}
    tests: list[Test] = []
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
    return Compared(column, tuple(tests), blocks=min(blocks, default=None))


def _on_blocks(test: Test, by_block: BlockTest) -> Test:
    # Blocks can only add doubt: where rows alone explain the change, they do so still.
    if by_block.p_value is not None:
        return replace(test, p_value=max(test.p_value, by_block.p_value))
    if by_block.unit is None:
        return test
    units = UNITS[by_block.unit]
    return replace(
        test,
        doubt=f"the reference has {by_block.blocks} {units} with enough values, and at least {MIN_BLOCKS} "
        f"are needed to know how {units} differ without drift",
    )


def _test(name: str, measure: Measure, effect: float | None, words: str) -> Test:
    if measure.p_value is None or effect is None:
        raise AssertionError(f"{name} cannot decide without a p-value and an effect size")
    return Test(name, measure.p_value, effect, words)


def _too_few(before: int, after: int) -> str:
    side, count = ("reference", before) if before < after else ("current data", after)
    have = "has" if side == "reference" else "have"
    return (
        f"the {side} {have} {count} value{'' if count == 1 else 's'} here; at least {MIN_VALUES} are needed"
    )


def _values(before: ColumnProfile, after: ColumnProfile) -> tuple[dict[str, Measure], Test, list[str]]:
    left, right = before.category_counts(), after.category_counts()
    as_numbers = before.role in ("number", "time") or left is None or right is None
    if as_numbers and before.numeric is not None and after.numeric is not None:
        return _numbers(before, after)
    if left is None or right is None:
        raise AssertionError(f"column {before.name!r} has neither numbers nor categories")
    measures, test, notes = _categories(left, right)
    if not (left.exact and right.exact) and before.text and after.text:
        measures |= _texts(before.text, after.text)
    return measures, test, notes


def _texts(before: TextSummary, after: TextSummary) -> dict[str, Measure]:
    one, other = (
        NumericSummary(count=side.lengths.total, histogram=side.lengths) for side in (before, after)
    )
    used = (before.patterns + after.patterns) > 0
    patterns = jensen_shannon_distance(before.patterns[used], after.patterns[used])
    return {"length_ks": ks(one, other), "pattern_jensen_shannon_distance": patterns}


def _numbers(before: ColumnProfile, after: ColumnProfile) -> tuple[dict[str, Measure], Test, list[str]]:
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
) -> tuple[dict[str, Measure], Test, list[str]]:
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
    named = f": {', '.join(repr(v) for v in frequent[:NAMED_AT_MOST])}" if frequent else ""
    more = ", ..." if frequent and len(new) > len(frequent[:NAMED_AT_MOST]) else ""
    share = sum(new.values()) / total
    return f"{len(new)} new {_plural('category', len(new))} in {share:.1%} of the values{named}{more}"


def _plural(word: str, count: int) -> str:
    return word if count == 1 else f"{word[:-1]}ies"
