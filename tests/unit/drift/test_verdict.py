"""Verdicts: what fails, what passes, what cannot be told, and in which words."""

import json
import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from drift.profile import Profile, profile_batches
from drift.verdict import ColumnVerdict, TableVerdict, check

N = 5000
RNG = np.random.default_rng(11)


def profile(**columns: Any) -> Profile:
    return profile_batches([pa.table(columns)])


def normal(shift: float = 0.0, n: int = N, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(shift, 1, n)


def letters(shares: list[float], n: int = N, seed: int = 0) -> Any:
    return np.random.default_rng(seed).choice(list("abcdefgh")[: len(shares)], n, p=shares)


def only(verdict: TableVerdict) -> ColumnVerdict:
    (column,) = verdict.columns
    return column


def test_a_shift_that_matters_fails_and_is_named() -> None:
    verdict = check(profile(x=normal(), y=normal(seed=1)), profile(x=normal(0.5, seed=2), y=normal(seed=3)))
    assert (verdict.verdict, verdict.failed) == ("fail", ("x",))
    assert "1 of 2 columns changed" in verdict.reason
    assert "x: the values moved, on average from" in verdict.reason
    column = verdict.columns[0]
    assert column.effect_size == column.measures["ks"].statistic > 0.15
    assert column.p_value < 1e-10
    assert set(column.measures) == {"ks", "psi", "jensen_shannon_distance", "wasserstein"}
    assert verdict.columns[1].verdict == "pass"


def test_a_real_change_that_is_too_small_to_matter_passes_at_any_size() -> None:
    verdict = check(profile(x=normal(n=400_000)), profile(x=normal(0.05, 400_000, seed=2)))
    assert only(verdict).p_value < 1e-10
    assert verdict.verdict == "pass"
    assert "a real change but small" in only(verdict).reason
    assert (
        check(profile(x=normal(n=400_000)), profile(x=normal(0.05, 400_000, seed=2)), min_effect=0.01).verdict
        == "fail"
    )


def test_a_large_effect_that_may_be_chance_passes() -> None:
    verdict = check(profile(x=normal(n=60)), profile(x=normal(0.1, 60, seed=5)), min_rows=50, min_effect=0.05)
    assert only(verdict).effect_size >= 0.05
    assert verdict.verdict == "pass"
    assert "may be chance" in only(verdict).reason


def test_categories() -> None:
    same = check(profile(x=letters([0.5, 0.3, 0.2])), profile(x=letters([0.5, 0.3, 0.2], seed=1)))
    assert same.verdict == "pass"
    moved = check(profile(x=letters([0.5, 0.3, 0.2])), profile(x=letters([0.2, 0.3, 0.5], seed=1)))
    assert moved.verdict == "fail"
    assert "the shares of the categories changed" in moved.reason
    assert only(moved).kind == "category"
    assert set(only(moved).measures) == {"chi2_contingency", "jensen_shannon_distance", "psi"}


def test_new_and_vanished_categories_are_said_and_rare_ones_not_named() -> None:
    before = profile(x=["a", "b"] * 2500)
    after = profile(x=["a"] * 2990 + ["c"] * 2000 + ["secret"] * 9 + ["a"])
    verdict = check(before, after)
    assert verdict.verdict == "fail"
    assert "2 new categories in 40.2% of the values: 'c', ..." in verdict.reason
    assert "1 category of the reference did not occur" in verdict.reason
    assert "secret" not in json.dumps(verdict.to_dict())


def test_null_rate() -> None:
    gaps = np.where(np.arange(N) % 4 == 0, np.nan, normal())
    verdict = check(profile(x=normal()), profile(x=pa.array(gaps)))
    assert verdict.verdict == "fail"
    assert "nulls went from 0.0% to 25.0%" in verdict.reason
    assert only(verdict).measures["null_rate"].statistic == pytest.approx(0.25)
    assert check(profile(x=pa.array(gaps)), profile(x=pa.array(gaps))).verdict == "pass"


def test_too_few_rows_are_inconclusive_with_how_many_are_needed() -> None:
    verdict = check(profile(x=normal()), profile(x=normal(3, 100)))
    assert verdict.verdict == "inconclusive"
    assert verdict.reason == "the current data have 100 rows; at least 2000 are needed"
    assert only(verdict).verdict == "inconclusive"
    assert only(verdict).measures["ks"].statistic > 0.5
    assert check(profile(x=normal(n=3)), profile(x=normal())).reason == (
        "the reference has 3 rows; at least 2000 are needed"
    )


FULL = list(range(N))
HALF = [value / 3 for value in range(N)]
CASES = {
    "gone": ({"x": FULL}, {"y": FULL}, "x", "fail", "the current data do not have this column"),
    "new": ({"x": FULL}, {"x": FULL, "y": FULL}, "y", "pass", "new: the reference has it not"),
    "number became text": ({"x": HALF}, {"x": ["a"] * N}, "x", "fail", "changed from double to string"),
    "text became number": ({"x": ["a"] * N}, {"x": HALF}, "x", "fail", "changed from string to double"),
    "boolean became number": ({"x": [True] * N}, {"x": [1] * N}, "x", "fail", "changed from bool to int64"),
    "integer became float": ({"x": FULL}, {"x": [float(v) for v in FULL]}, "x", "pass", "no change"),
    "nested on both": ({"x": [[1]] * N}, {"x": [[1]] * N}, "x", "pass", "not compared: type list<"),
    "became nested": ({"x": FULL}, {"x": [[1]] * N}, "x", "fail", "cannot be compared any more: type list"),
    "constant": ({"x": [3.5] * N}, {"x": [3.5] * N}, "x", "pass", "constant on both sides"),
    "constant integer": ({"x": [3] * N}, {"x": [3] * N}, "x", "pass", "constant on both sides"),
    "constant text": ({"x": ["a"] * N}, {"x": ["a"] * N}, "x", "pass", "constant on both sides"),
    "constant moved": ({"x": [3.5] * N}, {"x": [4.5] * N}, "x", "fail", "was constant, and is not 3.5 any more"),
    "constant no more": ({"x": [3.5] * N}, {"x": HALF}, "x", "fail", "was constant"),
    "became constant": ({"x": HALF}, {"x": [4.5] * N}, "x", "fail", "the values moved"),
    "constant category moved": ({"x": ["a"] * N}, {"x": ["b"] * N}, "x", "fail", "1 new category in 100.0%"),
    "all null on both": ({"x": pa.nulls(N)}, {"x": pa.nulls(N)}, "x", "pass", "no values on either side"),
    "typed nulls on both": (
        {"x": pa.nulls(N, pa.float64())}, {"x": pa.nulls(N, pa.string())}, "x", "fail", "the type changed"),
    "all null now": ({"x": HALF}, {"x": pa.nulls(N)}, "x", "fail", "nulls went from 0.0% to 100.0%"),
    "all null before": ({"x": pa.nulls(N)}, {"x": HALF}, "x", "fail", "nulls went from 100.0% to 0.0%"),
    "all NaN": ({"x": [math.nan] * N}, {"x": [math.nan] * N}, "x", "pass", "no values on either side"),
    "sparse on both": (
        {"x": [1.5] * 5 + [None] * (N - 5)}, {"x": [2.5] * 6 + [None] * (N - 6)}, "x", "pass", "has 5 values here"),
    "sparse now": (
        {"x": [1.5, 2.5] * 50 + [None] * (N - 100)}, {"x": [2.5] * 6 + [None] * (N - 6)}, "x",
        "inconclusive", "the current data have 6 values here; at least 30 are needed"),
    "no rows now": ({"x": HALF}, {"x": pa.array([], pa.float64())}, "x", "inconclusive", "no rows on one side"),
    "one row now": ({"x": HALF}, {"x": [1.5]}, "x", "inconclusive", "have 1 value here;"),
    "infinities": (
        {"x": HALF}, {"x": [math.inf] * (N // 2) + [1.5] * (N // 2)}, "x", "fail", "infinite values: 0 before, 2500 now"),
    "all infinite": ({"x": [math.inf] * N}, {"x": [-math.inf] * N}, "x", "fail", "infinite values"),
    "role of the reference holds": (
        {"x": [1, 2] * (N // 2)}, {"x": [1.0, 2.0] * (N // 2)}, "x", "pass", "no change (Jensen-Shannon distance 0)"),
    "category that exploded": ({"x": [1, 2] * (N // 2)}, {"x": FULL}, "x", "fail", "new categories in"),
    "too many values": (
        {"x": [str(v) for v in range(3 * N)]}, {"x": [str(v) for v in range(3 * N)]}, "x", "pass", "hash bucket"),
    "time": (
        {"x": pa.array(FULL, pa.timestamp("s"))},
        {"x": pa.array([v + 10**6 for v in FULL], pa.timestamp("s"))}, "x", "pass", "a time moves on by itself"),
    "huge and tiny": ({"x": [1e308, -1e308] * N}, {"x": [5e-324, -5e-324] * N}, "x", "fail", "the values moved"),
}  # fmt: skip


@pytest.mark.parametrize(("before", "after", "name", "expected", "says"), CASES.values(), ids=CASES)
def test_odd_columns(
    before: dict[str, Any], after: dict[str, Any], name: str, expected: str, says: str
) -> None:
    verdict = check(profile(**before), profile(**after))
    column = next(column for column in verdict.columns if column.name == name)
    assert (column.verdict, says in column.reason) == (expected, True), column
    json.dumps(verdict.to_dict(), allow_nan=False)


def test_named_features_only() -> None:
    before, after = profile(x=normal(), y=normal()), profile(x=normal(seed=1), y=normal(2))
    assert check(before, after, features=["x"]).verdict == "pass"
    unknown = check(before, after, features=["x", "z"])
    assert unknown.verdict == "inconclusive"
    assert "z: the reference does not have this column" in unknown.reason
    times = [profile(t=pa.array([v + by for v in FULL], pa.timestamp("s"))) for by in (0, 10**6)]
    assert check(*times, features=["t"]).verdict == "fail"


def test_nothing_to_compare() -> None:
    assert check(Profile(), Profile()).verdict == "inconclusive"
    assert check(Profile(), Profile(), min_rows=0).reason == "there are no columns to compare"


def test_the_roles_of_the_reference_hold_on_both_sides() -> None:
    numbers = profile_batches([pa.table({"x": [1, 2, 3, 4, 5] * 1000})], roles={"x": "number"})
    verdict = check(numbers, profile(x=[1, 2, 3, 4, 5] * 1000))
    assert only(verdict).kind == "number"
    assert "ks" in only(verdict).measures


def test_a_stored_reference_gives_the_same_verdict_and_nothing_changes() -> None:
    before, after = profile(x=normal(), s=letters([0.5, 0.5])), profile(x=normal(0.2, seed=1), s=["a"] * N)
    kept = before.to_bytes(), after.to_bytes()
    verdict = check(before, after).to_dict()
    assert check(Profile.from_bytes(kept[0]), Profile.from_bytes(kept[1])).to_dict() == verdict
    assert (before.to_bytes(), after.to_bytes()) == kept
    assert check(before, before).verdict == "pass"
    assert json.loads(json.dumps(verdict, allow_nan=False)) == verdict


def test_false_alarms_of_independent_rows_stay_below_alpha() -> None:
    """Without the effect size to help, in 400 tables of 8 columns with 5 % nulls in each."""
    rng, alarms, tables = np.random.default_rng(20), 0, 400
    shares = [rng.dirichlet(np.ones(k)) for k in (2, 10, 60)]

    def table(rows: Any) -> Profile:
        columns = {f"n{at}": rng.normal(size=rows) for at in range(3)}
        columns |= {f"d{at}": rng.poisson(30, rows).astype(float) for at in range(2)}
        columns |= {f"c{at}": rng.choice(one.size, rows, p=one) for at, one in enumerate(shares)}
        masked = {k: pa.array(v, mask=rng.random(rows) < 0.05) for k, v in columns.items()}
        roles = {f"c{at}": "category" for at in range(3)}
        return profile_batches([pa.table(masked)], roles=roles)

    for _ in range(tables):
        verdict = check(table(600), table(400), alpha=0.1, min_effect=0.0, min_rows=100)
        alarms += verdict.verdict == "fail"
    rate, error = alarms / tables, math.sqrt(0.1 * 0.9 / tables)
    assert 0.01 < rate <= 0.1 + 2 * error


def test_power_at_ten_thousand_rows() -> None:
    """A shift of 0.1 standard deviations in one of 20 columns is found when it matters to the user."""
    rng, found = np.random.default_rng(21), 0
    for _ in range(6):
        before = {f"x{at}": rng.normal(size=10_000) for at in range(20)}
        after = {name: rng.normal(size=10_000) for name in before}
        after["x7"] = after["x7"] + 0.1
        verdict = check(profile(**before), profile(**after), min_effect=0.02)
        found += verdict.failed == ("x7",)
    assert found >= 5
