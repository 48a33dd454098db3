"""Quantiles of binned durations: what the bins prove, the durations themselves prove too."""

from __future__ import annotations

import math
import random
from bisect import bisect_left, bisect_right
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control.sequential import SHARE_OF_LEVEL, Count, log_evidence, proven, share_at_most
from control.sequential_latency import (
    _stake_against,
    durations,
    exceeds,
    exceeds_champion,
    quantile_at_least,
    quantile_at_most,
)
from control.traffic import LATENCY_RATIO

SHARES = (0.5, 0.9, 0.95, 0.99)


def bin_of(duration: float) -> int:
    number = math.floor(math.log(duration, LATENCY_RATIO))
    while LATENCY_RATIO ** (number + 1) <= duration:
        number += 1
    while LATENCY_RATIO**number > duration:
        number -= 1
    return number


def binned(raw: list[float]) -> tuple[tuple[int, int], ...]:
    return tuple(sorted(Counter(map(bin_of, raw)).items()))


def drawn(seed: str, count: int, median: float = 100) -> list[float]:
    draw = random.Random(seed)
    return [median * math.exp(0.5 * draw.gauss(0, 1)) for _ in range(count)]


some_durations = st.lists(st.floats(0.3, 5000), min_size=1, max_size=40).flatmap(
    # Many of each, so that something can be proven.
    lambda raw: st.integers(1, 40).map(lambda times: raw * times)
)


def test_counts_of_durations_are_on_the_safe_side() -> None:
    edge = [LATENCY_RATIO**number for number in range(4)]
    given_ = durations(((0, 5), (2, 3)))
    assert given_.count == 8
    assert given_.surely_above(edge[0] / 2) == 8
    assert given_.surely_above(edge[0]) == 3, "a duration may be the edge itself"
    assert given_.surely_above(edge[2]) == 0
    assert given_.perhaps_from(edge[0]) == 8
    assert given_.perhaps_from(edge[1]) == 3, "a bin ends below its upper edge"
    assert given_.perhaps_from(edge[2]) == 3
    assert given_.perhaps_from(edge[3]) == 0
    assert durations(((-3, 0),)).count == 0


@settings(deadline=None)
@given(some_durations, st.sampled_from(SHARES), st.floats(1, 5000))
def test_what_bins_prove_of_a_bound_the_durations_prove(raw: list[float], share: float, bound: float) -> None:
    slow = Count(hits=sum(duration > bound for duration in raw), trials=len(raw))
    if exceeds(durations(binned(raw)), share, bound, 0.05):
        assert proven(log_evidence(slow, 1 - share), 0.05)


@settings(deadline=None)
@given(some_durations, st.sampled_from(SHARES), st.floats(1e-4, 0.3))
def test_bounds_of_a_quantile_are_found_by_trying_every_edge(
    raw: list[float], share: float, level: float
) -> None:
    found = durations(binned(raw))
    lower = [edge for edge in found.lower if exceeds(found, share, edge * (1 - 1e-12), level)]
    assert quantile_at_least(found, share, level) == max(lower, default=0)
    upper = [
        edge
        for edge in found.upper
        if proven(
            log_evidence(Count(hits=found.count - found.perhaps_from(edge), trials=found.count), share), level
        )
    ]
    assert quantile_at_most(found, share, level) == min(upper, default=math.inf)
    assert quantile_at_least(found, share, level) <= found.quantile(share)
    assert found.quantile(share) <= quantile_at_most(found, share, level)


@pytest.mark.parametrize("share", SHARES)
def test_middle_of_the_quantiles_bin(share: float) -> None:
    raw = sorted(drawn("middle", 999))
    true = raw[math.ceil(share * 999) - 1]
    assert bin_of(durations(binned(raw)).quantile(share)) == bin_of(true)


def proven_by_durations(
    mine: list[float], others: list[float], share: float, factor: float, level: float, part: float
) -> bool:
    """The same test on the durations themselves, at every value at which a count can change."""
    mine, others = sorted(mine), sorted(others)
    after = [math.nextafter(one, math.inf) for one in others]
    for value in [0.0, *others, *after, *(one / factor for one in mine)]:
        slow = len(mine) - bisect_right(mine, factor * value)
        reached = len(others) - bisect_left(others, value)
        over = len(others) - bisect_right(others, value)
        bets = (
            (0.6, Count(hits=slow, trials=slow + reached), part),
            (0.2, Count(hits=len(others) - reached, trials=len(others)), share),
            (0.2, Count(hits=over, trials=len(others)), 1 - share),
        )
        won = math.fsum(stake * math.exp(min(300, log_evidence(count, rate))) for stake, count, rate in bets)
        if won < 1 / (0.9 * level):
            return False
    return True


@settings(deadline=None, max_examples=40)
@given(
    st.integers(0, 10**6),
    st.sampled_from(SHARES),
    st.floats(1, 1.6),
    st.sampled_from([0.05, 0.5]),
    st.floats(1, 4),
)
def test_what_bins_prove_of_two_arms_the_durations_prove(
    seed: int, share: float, factor: float, part: float, slower: float
) -> None:
    mine, others = drawn(f"{seed}", 40, 100 * slower), drawn(f"{seed}-", round(40 * (1 - part) / part))
    found = exceeds_champion(
        durations(binned(mine)), durations(binned(others)), share, factor, 0.2, traffic=part
    )
    if found:
        assert proven_by_durations(mine, others, share, factor, 0.2, part)


@settings(deadline=None, max_examples=40)
@given(
    st.integers(0, 10**6),
    st.sampled_from(SHARES),
    st.one_of(st.floats(1, 1.6), st.sampled_from([1.0, LATENCY_RATIO, LATENCY_RATIO**8])),
    st.floats(1.5, 3),
)
def test_every_value_of_the_champions_quantile_is_refuted_or_nothing_is_proven(
    seed: int, share: float, factor: float, slower: float
) -> None:
    """However the factor lies to the bins: compared with a fine grid of values, on all edges and beside them."""
    mine = durations(binned(drawn(f"{seed}", 300, 100 * slower)))
    others = durations(binned(drawn(f"{seed}-", 900)))
    edges = (*others.lower, *others.upper, *(edge / factor for edge in mine.lower))
    grid = [0.0, *(edge * nudge for edge in edges for nudge in (1 - 1e-9, 1, 1 + 1e-9, 1.003))]
    least = min(_stake_against(mine, others, share, factor, value, 0.25) for value in grid)
    for level in (math.exp(-least) / 0.9 * nudge for nudge in (0.999, 1.001)):
        if level < 1 and share_at_most(300, 1200, SHARE_OF_LEVEL * level, 0.25) >= 300 / 1200:
            found = exceeds_champion(mine, others, share, factor, level, traffic=0.25)
            assert found == (level * 0.9 > math.exp(-least))


@pytest.mark.parametrize(("part", "count"), [(0.05, 1000), (0.5, 3500)])
def test_half_as_slow_again_is_seen(part: float, count: int) -> None:
    mine = durations(binned(drawn("slow", count, 150)))
    others = durations(binned(drawn("usual", round(count * (1 - part) / part))))
    assert exceeds_champion(mine, others, 0.95, 1.2, 0.01, traffic=part)
    assert exceeds_champion(mine, others, 0.5, 1.2, 0.01, traffic=part)
    assert not exceeds_champion(mine, others, 0.95, 1.5, 0.01, traffic=part)
    assert exceeds(mine, 0.95, 250, 0.01)
    assert not exceeds(mine, 0.95, 345, 0.01)


@given(
    st.integers(0, 10**6), st.integers(1, 8), st.sampled_from(SHARES), st.floats(1, 2), st.floats(1e-3, 0.3)
)
@settings(deadline=None, max_examples=60)
def test_slower_yet_is_proven_as_well(
    seed: int, bins: int, share: float, factor: float, level: float
) -> None:
    mine, others = binned(drawn(f"{seed}", 300, 180)), binned(drawn(f"{seed}-", 900))
    slower = tuple((number + bins, count) for number, count in mine)
    proofs = [
        exceeds_champion(durations(one), durations(others), share, factor, level, traffic=0.25)
        for one in (mine, slower)
    ]
    assert proofs[0] <= proofs[1]
    eased = exceeds_champion(durations(mine), durations(others), share, factor * 1.1, level, traffic=0.25)
    assert eased <= proofs[0]


def test_hours_that_are_slow_for_both_are_no_evidence() -> None:
    """Every tenth hundred of requests takes ten times as long, whoever answers; at any of the looks."""
    draw, wrong, level = random.Random(3), 0, 0.2
    for _ in range(40):
        arms: list[Counter[int]] = [Counter(), Counter()]
        for request in range(2000):
            median = 1000 if request // 100 % 10 == 9 else 100
            arms[draw.random() < 0.5][bin_of(median * math.exp(0.5 * draw.gauss(0, 1)))] += 1
            if request % 50 == 49:
                champion, candidate = (durations(tuple(sorted(arm.items()))) for arm in arms)
                if exceeds_champion(candidate, champion, 0.95, 1.0, level, traffic=0.5):
                    wrong += 1
                    break
    assert wrong <= level * 40


def test_nothing_is_said_without_durations_of_both() -> None:
    none, some = durations(()), durations(((100, 50),))
    assert not exceeds_champion(none, some, 0.95, 1, 0.5)
    assert not exceeds_champion(some, none, 0.95, 1, 0.5)
    assert quantile_at_least(none, 0.95, 0.5) == 0
    assert quantile_at_most(none, 0.95, 0.5) == math.inf
