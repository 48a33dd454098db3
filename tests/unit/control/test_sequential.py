"""Rates under continuous looking: exact values, exact chances of ever being wrong, and what evidence does."""

from __future__ import annotations

import math
import random
from decimal import Decimal, localcontext
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control.sequential import (
    SHIFTS,
    STAKES,
    Count,
    log_evidence,
    proven,
    rate_at_least,
    rate_at_most,
    ratio_at_least,
    share_at_most,
)

rates = st.floats(1e-4, 1 - 1e-4)
counts = st.integers(0, 3000).flatmap(
    lambda trials: st.builds(Count, hits=st.integers(0, trials), trials=st.just(trials))
)


def stake(hits: int, trials: int, rate: float) -> float:
    return math.exp(log_evidence(Count(hits=hits, trials=trials), rate))


def exact(hits: int, trials: int, rate: float) -> Decimal:
    with localcontext() as context:
        context.prec = 80
        context.Emax, context.Emin = 10**15, -(10**15)
        p = Decimal(rate)
        total = Decimal(0)
        for shift, share in zip(SHIFTS, STAKES, strict=True):
            grown = Decimal(shift).exp()
            term = Decimal(shift) * hits - trials * (1 - p + p * grown).ln()
            total += Decimal(share) * term.exp()
        return total.ln()


@pytest.mark.parametrize(
    ("hits", "trials", "rate"),
    [
        (0, 0, 0.01),
        (0, 500, 0.01),
        (3, 3, 0.05),
        (35, 1204, 0.02),
        (10_050_000, 10**9, 0.01),
        (500_050_000, 10**9, 0.5),
        (10**9, 10**9, 0.999),
        (12, 10**9, 1e-9),
    ],
)
def test_evidence_is_what_the_formula_says(hits: int, trials: int, rate: float) -> None:
    found = log_evidence(Count(hits=hits, trials=trials), rate)
    assert found == pytest.approx(float(exact(hits, trials, rate)), rel=1e-9, abs=2e-6)


def test_the_stakes_are_one_stake() -> None:
    assert math.fsum(STAKES) == pytest.approx(1, abs=1e-12)
    assert min(STAKES) > 0
    assert SHIFTS[0] == 1e-5
    assert SHIFTS[-1] > 12


@settings(deadline=None)
@given(counts, rates, st.floats(0, 1))
def test_a_request_never_raises_the_expected_stake(count: Count, rate: float, part: float) -> None:
    """Under any rate up to the one that is bet against; under that one itself it stays."""
    before = log_evidence(count, rate)
    hit = math.exp(log_evidence(Count(hits=count.hits + 1, trials=count.trials + 1), rate) - before)
    miss = math.exp(log_evidence(Count(hits=count.hits, trials=count.trials + 1), rate) - before)
    assert rate * hit + (1 - rate) * miss == pytest.approx(1, abs=1e-9)
    lower = part * rate
    assert lower * hit + (1 - lower) * miss <= 1 + 1e-9


@pytest.mark.parametrize(("rate", "level"), [(0.01, 0.05), (0.05, 0.01), (0.5, 0.05)])
def test_chance_of_ever_being_wrong_is_below_the_level(rate: float, level: float) -> None:
    """The exact probability that one of 600 looks proves what is not so, over all sequences of requests."""
    alive, wrong = {0: 1.0}, 0.0
    for trials in range(1, 601):
        after: dict[int, float] = {}
        for hits, chance in alive.items():
            for new, weight in ((hits, 1 - rate), (hits + 1, rate)):
                after[new] = after.get(new, 0.0) + chance * weight
        alive = {}
        for hits, chance in after.items():
            if proven(log_evidence(Count(hits=hits, trials=trials), rate), level):
                wrong += chance
            else:
                alive[hits] = chance
    assert level / 10 < wrong <= level
    assert wrong + sum(alive.values()) == pytest.approx(1)


@settings(deadline=None, max_examples=60)
@given(counts, st.floats(1e-6, 0.5))
def test_bounds_are_where_the_evidence_says(count: Count, level: float) -> None:
    low, high = rate_at_least(count, level), rate_at_most(count, level)
    assert 0 <= low <= count.rate or not count.trials
    assert count.rate <= high <= 1
    if low > 0:
        assert proven(log_evidence(count, low * (1 - 1e-9)), level)
        assert not proven(log_evidence(count, low + (1 - low) * low * 1e-9), level)
    assert low == pytest.approx(
        1 - rate_at_most(Count(hits=count.trials - count.hits, trials=count.trials), level), abs=1e-12
    )


@settings(deadline=None, max_examples=60)
@given(counts, st.floats(1e-6, 0.5))
def test_bounds_rise_with_hits_fall_with_misses_and_widen_with_certainty(count: Count, level: float) -> None:
    low, high = rate_at_least(count, level), rate_at_most(count, level)
    hit = Count(hits=count.hits + 1, trials=count.trials + 1)
    miss = Count(hits=count.hits, trials=count.trials + 1)
    assert rate_at_least(miss, level) <= low * (1 + 1e-9) <= rate_at_least(hit, level) * (1 + 2e-9)
    assert rate_at_most(miss, level) <= high * (1 + 1e-9) <= rate_at_most(hit, level) * (1 + 2e-9)
    assert rate_at_least(count, level / 2) <= low * (1 + 1e-9)


def test_bounds_close_in_however_many_requests_there_are() -> None:
    widths = []
    for trials in (10**3, 10**5, 10**7, 10**9):
        count = Count(hits=trials // 100, trials=trials)
        widths.append(rate_at_most(count, 0.01) - rate_at_least(count, 0.01))
    assert all(after < before / 6 for before, after in pairwise(widths))
    # Four standard errors of a rate, and a little for looking as often as one likes.
    assert widths[-1] < 12 * math.sqrt(0.01 * 0.99 / 10**9)
    assert rate_at_most(Count(hits=0, trials=10**9), 0.01) < 1e-8


def test_any_hit_is_too_many_where_none_is_allowed() -> None:
    assert log_evidence(Count(hits=1, trials=10**6), 0) == math.inf
    assert log_evidence(Count(hits=0, trials=10**6), 0) == 0


shares = st.floats(0.01, 0.9)
small = st.integers(0, 60)


@settings(deadline=None)
@given(small, small, shares, st.floats(0, 1), st.floats(0, 1), st.floats(1, 5))
def test_a_comparison_is_fair_whatever_the_hour(
    mine: int, others: int, share: float, rate: float, part: float, factor: float
) -> None:
    """A request drawn for one of the two never raises the expected stake, at any rate of the champion's."""
    of_hits = share * factor / (share * factor + 1 - share)
    worse = min(1.0, rate * factor) * part
    now = log_evidence(Count(hits=mine, trials=mine + others), of_hits)

    def grown(first: int, second: int) -> float:
        count = Count(hits=mine + first, trials=mine + others + first + second)
        return math.exp(log_evidence(count, of_hits) - now)

    expected = share * (worse * grown(1, 0) + 1 - worse) + (1 - share) * (rate * grown(0, 1) + 1 - rate)
    assert expected <= 1 + 1e-9


@settings(deadline=None)
@given(small, small, st.integers(1, 50), st.floats(0, 1), st.floats(0, 1))
def test_a_comparison_of_mirrored_requests_is_fair(
    mine: int, others: int, percent: int, rate: float, alike: float
) -> None:
    """However alike the answers of both to one request are."""
    share = percent / (100 + percent)
    both = max(0.0, 2 * rate - 1) + alike * (rate - max(0.0, 2 * rate - 1))
    now = log_evidence(Count(hits=mine, trials=mine + others), share)

    def grown(first: int, second: int) -> float:
        count = Count(hits=mine + first, trials=mine + others + first + second)
        return math.exp(log_evidence(count, share) - now)

    one = rate - both
    mirrored = both * grown(1, 1) + one * (grown(1, 0) + grown(0, 1)) + 1 - both - 2 * one
    alone = rate * grown(0, 1) + 1 - rate
    assert percent / 100 * mirrored + (1 - percent / 100) * alone <= 1 + 1e-9


@settings(deadline=None)
@given(small, small, st.integers(1, 6), st.integers(1, 12), st.floats(0, 1))
def test_a_comparison_of_requests_dealt_in_turn_is_fair(
    mine: int, others: int, first: int, second: int, rate: float
) -> None:
    share = first / (first + second)
    now = log_evidence(Count(hits=mine, trials=mine + others), share)

    def chance(hits: int, trials: int) -> float:
        return math.comb(trials, hits) * rate**hits * (1 - rate) ** (trials - hits)

    expected = math.fsum(
        chance(a, first)
        * chance(b, second)
        * math.exp(log_evidence(Count(hits=mine + a, trials=mine + others + a + b), share) - now)
        for a in range(first + 1)
        for b in range(second + 1)
    )
    assert expected <= 1 + 1e-9


@pytest.mark.parametrize("share", [0.05, 0.5])
@pytest.mark.parametrize("told", [True, False])
def test_equal_arms_are_rarely_told_apart_at_any_look(share: float, *, told: bool) -> None:
    """A look after every hit of the candidate, as nothing else can prove anything; 5 % fail, all move."""
    level, runs, wrong = 0.2, 80, 0
    draw = random.Random(7)
    for _ in range(runs):
        hits, trials = [0, 0], [0, 0]
        for request in range(400):
            arm = int(draw.random() < share)
            trials[arm] += 1
            if draw.random() < 0.05 * (1 + math.sin(request / 50)):
                hits[arm] += 1
                candidate, champion = (Count(hits=hits[side], trials=trials[side]) for side in (1, 0))
                if arm and ratio_at_least(candidate, champion, level, share if told else None) > 1:
                    wrong += 1
                    break
    assert wrong <= level * runs + 2 * math.sqrt(level * (1 - level) * runs)


def test_three_times_the_errors_are_seen() -> None:
    candidate, champion = Count(hits=30, trials=1000), Count(hits=190, trials=19_000)
    assert 1 < ratio_at_least(candidate, champion, 0.01, 0.05) < 3
    assert ratio_at_least(candidate, champion, 0.01) < ratio_at_least(candidate, champion, 0.01, 0.05)
    assert ratio_at_least(Count(hits=10, trials=1000), champion, 0.01, 0.05) < 1


def test_the_level_of_a_comparison_is_shared_by_hits_and_requests() -> None:
    """By hand, for level 0.1: 0.09 for the hits; half of 0.01 for each side of the share."""
    candidate, champion = Count(hits=30, trials=1000), Count(hits=190, trials=19_000)
    of_hits = rate_at_least(Count(hits=30, trials=220), 0.09)
    of_requests = rate_at_most(Count(hits=1000, trials=20_000), 0.005)
    expected = of_hits / (1 - of_hits) / (of_requests / (1 - of_requests))
    assert ratio_at_least(candidate, champion, 0.1) == pytest.approx(expected)


@settings(deadline=None, max_examples=40)
@given(counts, counts, shares)
def test_ratio_rises_with_the_candidates_hits_and_falls_with_the_champions(
    candidate: Count, champion: Count, share: float
) -> None:
    more = Count(hits=min(candidate.hits + 1, candidate.trials), trials=candidate.trials)
    other = Count(hits=min(champion.hits + 1, champion.trials), trials=champion.trials)
    least = ratio_at_least(candidate, champion, 0.01, share)
    assert ratio_at_least(more, champion, 0.01, share) >= least * (1 - 1e-9)
    assert ratio_at_least(candidate, other, 0.01, share) <= least * (1 + 1e-9)


def test_nothing_is_said_without_requests_of_both() -> None:
    none, some = Count(hits=0, trials=0), Count(hits=5, trials=10)
    assert ratio_at_least(none, some, 0.1, 0.5) == 0
    assert ratio_at_least(some, none, 0.1, 0.5) == 0


def test_a_share_is_believed_until_the_requests_refute_it() -> None:
    assert share_at_most(500, 10_000, 0.001, 0.05) == 0.05
    refuted = share_at_most(900, 10_000, 0.001, 0.05)
    assert 0.09 < refuted < 0.11
    assert share_at_most(100, 10_000, 0.001, 0.05) < 0.02
    assert share_at_most(500, 10_000, 0.001, None) > 0.05
