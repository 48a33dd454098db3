"""Distances between distributions under continuous looking."""

from __future__ import annotations

import math
import random
from itertools import chain, combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control.sequential_distance import distance_at_least, distribution_radius, total_variation_radius

levels = st.floats(1e-6, 0.5)


def test_radius_of_a_distribution_function_is_the_published_one() -> None:
    """Of confseq, by the authors of the theorem: level 0.05, 1,000 rows, from 100 on, A 0.85."""
    assert distribution_radius(1000, 0.05) == pytest.approx(0.08204769, abs=1e-6)


@settings(deadline=None)
@given(levels, st.integers(100, 10**9))
def test_radii_shrink_with_rows_and_grow_with_certainty(level: float, rows: int) -> None:
    radius = distribution_radius(rows, level)
    assert distribution_radius(4 * rows, level) < radius or radius == 1
    assert distribution_radius(rows, level / 10) >= radius
    # The inequality for a single look (Dvoretzky, Kiefer & Wolfowitz, Massart) is narrower.
    assert radius >= min(1, math.sqrt(math.log(2 / level) / (2 * rows)))
    for categories in (2, 10, 2000):
        wide = total_variation_radius(rows, categories, level)
        assert total_variation_radius(4 * rows, categories, level) < wide or wide == 1
        assert total_variation_radius(rows, categories + 1, level) >= wide


def test_too_few_rows_say_nothing() -> None:
    assert distribution_radius(99, 0.5) == 1
    assert total_variation_radius(0, 3, 0.5) == 1
    assert total_variation_radius(10, 1, 0.5) == 0, "one category has all"
    assert distance_at_least(1.0, (99, 10**6), 0, 0.5) == 0


def test_a_distance_is_what_is_left_of_the_measured_one() -> None:
    left = 0.3 - distribution_radius(2000, 0.005) - distribution_radius(40_000, 0.005)
    assert distance_at_least(0.3, (2000, 40_000), 0, 0.01) == pytest.approx(left)
    assert 0.2 < left < 0.3
    categorical = 0.3 - total_variation_radius(2000, 4, 0.005) - total_variation_radius(40_000, 4, 0.005)
    assert distance_at_least(0.3, (2000, 40_000), 4, 0.01) == pytest.approx(categorical)


def test_two_categories_are_one_share_within_a_normal_mixture() -> None:
    """By hand: v = 250, w from 1,000 rows at best, level 0.05."""
    doubt = 2 * math.log(1 / 0.05)
    width = 250 / (doubt + math.log(1 + doubt))
    by_hand = math.sqrt((250 + width) * (math.log((250 + width) / width) + doubt)) / 1000
    assert total_variation_radius(1000, 2, 0.05) == pytest.approx(by_hand)


@settings(deadline=None)
@given(st.integers(2, 7), st.integers(0, 10**6))
def test_total_variation_is_over_all_ways_to_part_the_categories(categories: int, seed: int) -> None:
    """As many ways as the level is shared over, and the greatest difference is the distance."""
    draw = random.Random(seed)
    first, second = ([draw.random() for _ in range(categories)] for _ in range(2))
    p, q = ([one / sum(side) for one in side] for side in (first, second))
    subsets = list(
        chain.from_iterable(combinations(range(categories), size) for size in range(1, categories))
    )
    assert len(subsets) == 2 * (2 ** (categories - 1) - 1)
    greatest = max(sum(p[i] - q[i] for i in subset) for subset in subsets)
    assert greatest == pytest.approx(sum(abs(a - b) for a, b in zip(p, q, strict=True)) / 2)


@pytest.mark.parametrize("categories", [0, 3])
def test_samples_of_one_distribution_are_rarely_told_apart_at_any_look(categories: int) -> None:
    draw, wrong, runs, level = random.Random(11), 0, 60, 0.4
    cells = categories or 50
    for _ in range(runs):
        arms = [[0] * cells, [0] * cells]
        for rows in range(1, 801):
            for arm in arms:
                arm[draw.randrange(cells)] += 1
            if rows % 20 == 0 and rows >= 100:
                gaps = [(a - b) / rows for a, b in zip(*arms, strict=True)]
                running = [abs(sum(gaps[: cell + 1])) for cell in range(cells)]
                distance = sum(map(abs, gaps)) / 2 if categories else max(running)
                if distance_at_least(distance, (rows, rows), categories, level) > 0:
                    wrong += 1
                    break
    assert wrong <= level * runs
