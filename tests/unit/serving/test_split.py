"""Traffic weights and mirror percentages hold over any hundred requests."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.serving.split import Share, Split


@given(st.integers(0, 100))
def test_any_hundred_requests_are_split_exactly(percent: int) -> None:
    split = Split({"blue": 100 - percent, "green": percent})
    usable = frozenset({"blue", "green"})
    for _ in range(2):
        seen = Counter(split.next(usable) for _ in range(100))
        assert (seen["blue"], seen["green"]) == (100 - percent, percent)


def test_a_small_share_is_spread_and_not_bunched() -> None:
    split = Split({"blue": 95, "green": 5})
    places = [n for n in range(100) if split.next(frozenset({"blue", "green"})) == "green"]
    assert all(later - earlier == 20 for earlier, later in pairwise(places))


def test_only_usable_names_are_chosen() -> None:
    split = Split({"blue": 50, "green": 50})
    assert {split.next(frozenset({"green"})) for _ in range(10)} == {"green"}


@pytest.mark.parametrize("weights", [{}, {"blue": 0}, {"gone": 100}])
def test_without_weight_nothing_is_chosen(weights: dict[str, int]) -> None:
    assert Split(weights).next(frozenset({"blue"})) is None


@given(st.integers(0, 100))
def test_a_share_holds_over_any_hundred_calls(percent: int) -> None:
    share = Share(percent)
    assert sum(share.next() for _ in range(300)) == 3 * percent
