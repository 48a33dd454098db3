"""A verdict calibrated on blocks: its false alarms, its power, and what it says of itself."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from drift.alignment import category_table
from drift.block_rule import ByTime
from drift.calibration import MIN_BLOCKS, block_test, log_odds_test
from drift.measures import chi2_contingency
from drift.profile import Profile, profile_batches
from drift.quadratic import ratio_tail
from drift.verdict import check

ALPHA = 0.05
TRIALS = 400
AT_MOST = ALPHA + 2 * math.sqrt(ALPHA * (1 - ALPHA) / TRIALS)
BLOCKS = 25


@pytest.mark.parametrize("freedom", [9, 29, 200])
@pytest.mark.parametrize("ratio", [0.5, 1.0, 1.0001, 3.0, 8.0, 20.0])
def test_the_tail_of_equal_weights_is_the_f_test(ratio: float, freedom: int) -> None:
    for count in (1, 4):
        expected = stats.f.sf(ratio, count, count * freedom)
        assert ratio_tail(ratio, np.full(count, 2.5), freedom) == pytest.approx(expected, rel=0.1)


def test_the_tail_of_unequal_weights_agrees_with_simulation() -> None:
    rng = np.random.default_rng(2)
    weights = 1 / np.arange(1, 9) ** 2
    up = rng.chisquare(1, (400_000, 8)) @ weights
    down = rng.chisquare(19, (400_000, 8)) @ weights / 19
    for ratio in (0.7, 2.0, 5.0):
        simulated = np.mean(up > ratio * down)
        assert ratio_tail(ratio, weights, 19) == pytest.approx(simulated, rel=0.1)


def _blocks(rng: np.random.Generator, between: float, shift: float, kinds: int) -> Any:
    """Counts of uneven blocks, and those of one more."""
    sizes = rng.integers(150, 3000, BLOCKS + 1)
    logits = between * rng.normal(size=(BLOCKS + 1, kinds)) - np.log(np.arange(1, kinds + 1))
    logits[-1] += shift * np.arange(kinds) / kinds
    shares = np.exp(logits)
    counts = rng.multinomial(sizes, shares / shares.sum(axis=1, keepdims=True))
    return counts[:-1], counts[-1]


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize(("between", "kinds"), [(0.0, 12), (0.1, 12), (0.4, 12), (0.4, 2)])
def test_false_alarms_stay_below_alpha_whatever_the_days_do(
    between: float, kinds: int, *, ordered: bool
) -> None:
    rng = np.random.default_rng([3, kinds, int(between * 10)])
    naive = ours = 0
    for _ in range(TRIALS):
        blocks, current = _blocks(rng, between, 0.0, kinds)
        reference = blocks.sum(axis=0)
        p_value = block_test(blocks, reference, current, ordered=ordered).p_value
        assert p_value is not None
        ours += p_value < ALPHA
        naive += (chi2_contingency(reference, current).p_value or 0.0) < ALPHA
    assert ours / TRIALS <= AT_MOST
    if between == 0.4:
        assert naive / TRIALS > 0.9 if kinds == 12 else naive / TRIALS > 0.5


@pytest.mark.parametrize("ordered", [True, False])
def test_a_real_shift_is_found(*, ordered: bool) -> None:
    rng = np.random.default_rng(4)
    found = 0
    for _ in range(100):
        blocks, current = _blocks(rng, 0.1, 1.0, 12)
        p_value = block_test(blocks, blocks.sum(axis=0), current, ordered=ordered).p_value
        assert p_value is not None
        found += p_value < ALPHA
    assert found >= 90


def test_many_current_days_are_surer_than_one() -> None:
    rng = np.random.default_rng(5)
    blocks, _ = _blocks(rng, 0.3, 0.0, 6)
    current = np.round(blocks.sum(axis=0) * np.linspace(0.8, 1.2, 6)).astype(np.int64)
    reference = blocks.sum(axis=0)
    one = block_test(blocks, reference, current, ordered=False).p_value
    days = np.full(20, int(current.sum()) // 20)
    many = block_test(blocks, reference, current, days, ordered=False).p_value
    assert one is not None
    assert many is not None
    assert many < one / 2


def test_a_column_that_never_varied_fails_when_it_does() -> None:
    blocks = np.tile([500, 0], (BLOCKS, 1))
    for ordered in (True, False):
        changed = block_test(blocks, blocks.sum(axis=0), np.array([300, 200]), ordered=ordered).p_value
        assert changed is not None
        assert changed < 1e-6
        assert block_test(blocks, blocks.sum(axis=0), np.array([500, 0]), ordered=ordered).p_value == 1.0


def days(
    rng: np.random.Generator, first: int, count: int, *, between: float = 0.4, shift: float = 0.0
) -> pa.Table:
    parts = []
    for number in range(first, first + count):
        n = int(rng.integers(300, 1500))
        level, common = shift + between * rng.normal(), rng.normal() * between
        shares = np.array([3 * math.exp(common), 2, 1])
        gaps = rng.random(n) < 0.1 * math.exp(between * rng.normal())
        parts.append(
            pa.table(
                {
                    "at": pa.array(np.full(n, number * 86_400), pa.timestamp("s")),
                    "x": pa.array(rng.normal(level, 1, n), mask=gaps),
                    "s": rng.choice(list("abc"), n, p=shares / shares.sum()),
                }
            )
        )
    return pa.concat_tables(parts)


def judged(reference: Profile, current: Profile) -> Any:
    return check(reference, current, alpha=ALPHA, min_effect=0.0, min_rows=100, features=["x", "s"])


def test_a_whole_check_by_days() -> None:
    rng = np.random.default_rng(6)
    trials, ours, naive, found = 25, 0, 0, 0
    by = ByTime("at")
    for _ in range(trials):
        reference = profile_batches([days(rng, 0, 25)], blocks=by)
        blind = Profile(
            reference.rows, {name: replace(one, blocks=None) for name, one in reference.columns.items()}
        )
        current = profile_batches([days(rng, 25, 1)], blocks=by)
        ours += judged(reference, current).verdict == "fail"
        naive += judged(blind, current).verdict == "fail"
        found += judged(reference, profile_batches([days(rng, 25, 1, shift=3)], blocks=by)).verdict == "fail"
    assert naive >= 0.95 * trials
    assert ours / trials <= ALPHA + 2 * math.sqrt(ALPHA * (1 - ALPHA) / trials)
    assert found >= 0.9 * trials


def test_the_verdict_says_what_its_rate_rests_on() -> None:
    rng = np.random.default_rng(7)
    by = ByTime("at")
    current = profile_batches([days(rng, 40, 1)])
    enough = judged(profile_batches([days(rng, 0, 12)], blocks=by), current)
    assert enough.calibration == "calibrated on how 12 of the reference's days differ"
    assert enough.to_dict()["calibration"] == enough.calibration
    few = judged(profile_batches([days(rng, 0, 3)], blocks=by), current)
    assert f"has 3 days with enough values, at least {MIN_BLOCKS} are needed" in few.calibration
    assert few.calibration.startswith("not calibrated")
    assert few.verdict == "inconclusive", "days that differ are not told from drift"
    assert "to know how days differ without drift" in few.reason
    none = judged(profile_batches([days(rng, 0, 12)]), current)
    assert none.calibration == "rows are taken as independent: the reference knows no blocks"


def test_blocks_can_only_add_doubt() -> None:
    rng = np.random.default_rng(8)
    reference = profile_batches([days(rng, 0, 12, between=0.0)], blocks=ByTime("at"))
    current = profile_batches([days(rng, 12, 1, between=0.0)])
    column = next(one for one in judged(reference, current).columns if one.name == "s")
    left, right = (side.columns["s"].category for side in (reference, current))
    assert left is not None
    assert right is not None
    assert column.p_value >= chi2_contingency(*category_table(left, right)).p_value


def test_rates_that_blocks_change_by_factors_do_not_alarm_far_out() -> None:
    """A null rate of 2 % that differs from day to day by factors: as shares alone it alarms thrice too often."""
    rng = np.random.default_rng(21)
    level, trials = 0.003, 4000
    shares = both = 0
    for at in range(trials):
        if at % 50 == 0:
            sizes = rng.integers(60, 600, 60)
            hits = rng.binomial(sizes, rng.beta(2, 98, 60))
            blocks = np.column_stack([hits, sizes - hits])
        rows = int(rng.integers(60, 600))
        hit = int(rng.binomial(rows, rng.beta(2, 98)))
        current = np.array([hit, rows - hit])
        one = block_test(blocks, blocks.sum(axis=0), current, ordered=False).p_value
        assert one is not None
        shares += one < level
        both += max(one, log_odds_test(blocks, blocks.sum(axis=0), current)) < level
    assert shares / trials > 2 * level
    assert both / trials <= level + 2 * math.sqrt(level * (1 - level) / trials)
