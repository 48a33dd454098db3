"""Has the table changed? One verdict with a stated false-alarm rate, and a plain reason for each column."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

from drift.calibration import MIN_BLOCKS
from drift.comparison import MIN_VALUES, NAMED_AT_MOST, NAMED_FROM, UNITS, Compared, Test, compare
from drift.embedding import part_names
from drift.measures import holm
from drift.verdicts import ColumnVerdict, TableVerdict, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drift.profile import Profile
    from drift.thresholds import Thresholds

THREADS = 2
"""Columns are compared at the same time: numpy lets go of the interpreter in large arrays."""

__all__ = ["MIN_VALUES", "NAMED_FROM", "ColumnVerdict", "TableVerdict", "Verdict", "check"]


def check(
    reference: Profile,
    current: Profile,
    *,
    alpha: float = 0.05,
    min_effect: float = 0.1,
    min_rows: int = 2000,
    features: Sequence[str] = (),
    thresholds: Thresholds | None = None,
    seed: int = 0,
) -> TableVerdict:
    """Compare the current data with the reference.

    A column fails when its Holm-corrected p-value is below `alpha` *and* its effect size (KS D of numbers,
    Jensen-Shannon distance of categories, change of the null rate) is at least `min_effect`: so a table of
    independent rows without drift fails with a probability of at most `alpha`, and a change too small to
    matter fails at no size. A column that is gone, or that changed its type, fails as such.

    Rows of one day or batch are rarely independent. Where the reference knows its blocks (`profile_batches`'
    `blocks`) and at least `MIN_BLOCKS` of them have enough values, a p-value is the greater of that for
    independent rows and that of `drift/calibration.py`, which is calibrated on how those blocks differ: the
    probability then holds for rows in uneven blocks too. With fewer blocks a change is inconclusive: nothing
    is known of how much blocks differ without drift. Without any, rows are taken as independent, and
    `calibration` says so.

    Args:
        reference: what the model learned from. Its roles hold for both sides.
        current: what arrives now.
        alpha: probability of any false alarm in one check.
        min_effect: the smallest effect that matters.
        min_rows: below it on either side the table is inconclusive.
        features: only these columns; empty means every column of either side.
        thresholds: judge by these instead of by `alpha` and `min_effect`; the verdict then says how often
            they alarm without drift.
        seed: of the draws that this takes.
    """
    roles = reference.roles()
    names = _named(features, reference) or list(dict.fromkeys([*reference.columns, *current.columns]))

    def compare_one(name: str) -> Compared:
        return compare(name, reference, current, roles.get(name), named=bool(features))

    with ThreadPoolExecutor(THREADS, "compare") as pool:
        compared = list(pool.map(compare_one, names))
    if thresholds is not None:
        return _by_thresholds(reference, current, compared, thresholds, min_rows, seed)
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


def _named(features: Sequence[str], reference: Profile) -> list[str]:
    """The columns that the caller asked for; an embedding stands for the columns made of it."""
    named = []
    for feature in features:
        parts = part_names(feature)
        whole = feature not in reference.columns and parts[0] in reference.columns
        named += parts if whole else [feature]
    return named


def _by_thresholds(
    reference: Profile,
    current: Profile,
    compared: list[Compared],
    thresholds: Thresholds,
    min_rows: int,
    seed: int,
) -> TableVerdict:
    from drift.false_alarms import false_alarm_rate
    from drift.threshold_verdict import judge

    enough = min(reference.rows, current.rows) >= min_rows
    columns = tuple(judge(entry, reference, current, thresholds, enough=enough) for entry in compared)
    failed = sum(column.verdict == "fail" for column in columns)
    if thresholds.drifted(failed, len(columns)) or not failed:
        verdict, reason = _table(columns, reference.rows, current.rows, min_rows)
    else:
        others = tuple(column for column in columns if column.verdict != "fail")
        verdict, reason = _table(others, reference.rows, current.rows, min_rows)
        reason = f"{failed} of {len(columns)} columns changed, too few to count; of the others: {reason}"
    tested = [column.name for column in columns]
    rate = false_alarm_rate(reference, current, tested, thresholds, seed=seed)
    drawn = f"{rate.blocks} blocks" if rate.blocks else "rows, taken as independent,"
    return TableVerdict(
        verdict=verdict,
        reason=reason,
        alpha=rate.estimate,
        min_effect=0.0,
        min_rows=min_rows,
        reference_rows=reference.rows,
        current_rows=current.rows,
        columns=columns,
        calibration=f"by thresholds, which alarm without drift in {rate.estimate:.0%} of checks of this size "
        f"({rate.lower:.0%} to {rate.upper:.0%}; the reference's {drawn} drawn {rate.draws} times)",
        false_alarm_rate=rate.to_dict(),
    )


def _calibration(compared: list[Compared], reference: Profile) -> str:
    units = {column.blocks.unit for column in reference.columns.values() if column.blocks is not None}
    if not units:
        return "rows are taken as independent: the reference knows no blocks"
    counts = [entry.blocks for entry in compared if entry.blocks is not None]
    enough = [count for count in counts if count >= MIN_BLOCKS]
    few = [count for count in counts if count < MIN_BLOCKS]
    kind = UNITS[units.pop()]
    words = []
    if enough:
        least, most = min(enough), max(enough)
        how_many = str(most) if least == most else f"{least} to {most}"
        words.append(f"calibrated on how {how_many} of the reference's {kind} differ")
    if few:
        which = f" in {len(few)} of {len(counts)} columns" if enough else ""
        words.append(
            f"not calibrated{which}: the reference has {max(few)} {kind} with enough values, at least "
            f"{MIN_BLOCKS} are needed"
        )
    return "; ".join(words) or "nothing was tested"


def _table(
    columns: tuple[ColumnVerdict, ...], reference: int, current: int, min_rows: int
) -> tuple[Verdict, str]:
    failed = [column for column in columns if column.verdict == "fail"]
    if failed:
        worst = "; ".join(f"{column.name}: {column.reason}" for column in failed[:NAMED_AT_MOST])
        more = f"; and {len(failed) - NAMED_AT_MOST} more" if len(failed) > NAMED_AT_MOST else ""
        return "fail", f"{len(failed)} of {len(columns)} columns changed. {worst}{more}"
    for side, rows in (("reference", reference), ("current data", current)):
        if rows < min_rows:
            have = "has" if side == "reference" else "have"
            return "inconclusive", f"the {side} {have} {rows} rows; at least {min_rows} are needed"
    unclear = [column for column in columns if column.verdict == "inconclusive"]
    if unclear:
        said = "; ".join(f"{column.name}: {column.reason}" for column in unclear[:NAMED_AT_MOST])
        return "inconclusive", f"{len(unclear)} of {len(columns)} columns could not be judged. {said}"
    if not columns:
        return "inconclusive", "there are no columns to compare"
    return "pass", f"no change that matters in {len(columns)} columns"


def _judged(
    entry: Compared, adjusted: list[float], *, alpha: float, min_effect: float, enough: bool
) -> ColumnVerdict:
    column = entry.column
    if entry.settled:
        return column
    if not entry.tests:
        return column
    pairs = list(zip(entry.tests, adjusted, strict=True))
    failed = [(test, p) for test, p in pairs if p < alpha and test.effect >= min_effect]
    certain = [(test, p) for test, p in failed if not test.doubt]
    test, p_value = max(certain or failed or pairs, key=lambda pair: pair[0].effect)
    column = replace(column, effect_size=test.effect, p_value=p_value)
    if not enough:
        return replace(column, verdict="inconclusive", reason="too few rows in the table")
    if failed:
        words = "; ".join(f"{one.words} ({_effect(one)}, {_p(p)})" for one, p in certain or failed)
        if not certain:
            words = f"{words}, but {test.doubt}"
        verdict: Verdict = "fail" if certain else "inconclusive"
        return replace(column, verdict=verdict, reason=_and(words, column.reason))
    if column.verdict == "inconclusive":
        return column
    if p_value < alpha:
        words = f"a real change but small: {_effect(test)}, below {min_effect:g}"
    elif test.effect >= min_effect:
        words = f"{_effect(test)}, but that may be chance ({_p(p_value)})"
    else:
        words = f"no change ({_effect(test)})"
    return replace(column, reason=_and(words, column.reason))


def _and(words: str, notes: str) -> str:
    return f"{words}; {notes}" if notes else words


def _effect(test: Test) -> str:
    name = {"ks": "KS distance", "null_rate": "change of", "chi2_contingency": "Jensen-Shannon distance"}
    return f"{name[test.measure]} {test.effect:.3g}"


def _p(p_value: float) -> str:
    return f"p {p_value:.1e}" if p_value >= 1e-300 else "p below 1e-300"
