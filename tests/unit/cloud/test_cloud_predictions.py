"""How far outputs are apart, against what scipy and a plain count say."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import ks_2samp

from cloud.predictions import outputs
from drift.profile import Profile, profile_batches


def profile(**columns: object) -> Profile:
    return profile_batches([pa.RecordBatch.from_pydict(columns)])


def test_numbers_are_apart_by_kolmogorov_smirnov() -> None:
    random = np.random.default_rng(7)
    one, other = random.beta(2, 5, 3000), random.beta(2.4, 5, 5000)
    [found] = outputs(profile(probability=one), profile(probability=other))
    wanted = ks_2samp(one, other).statistic
    assert found.distance == pytest.approx(wanted, abs=1e-3)
    assert 0.05 < found.distance < 0.5
    assert (found.candidate_rows, found.champion_rows, found.categories) == (3000, 5000, 0)


@pytest.mark.parametrize(
    ("one", "other", "distance", "categories"),
    [
        ([0, 1, 1, 1], [0, 0, 1, 1], 0.25, 2),
        ([0, 0, 0, 2], [0, 0, 1, 1], 0.5, 3),
        ([True, False], [True, True], 0.5, 2),
        (["a", "b", "c", "c"], ["a", "b", "b", "b"], 0.5, 3),
        (["a", "b"], ["a", "b"], 0.0, 2),
        (["a", "b"], [0.5, 0.25], 1.0, 2),
        ([0.5, 0.25], ["a", "b"], 1.0, 2),
    ],
)
def test_categories_are_apart_by_total_variation(
    one: list[object], other: list[object], distance: float, categories: int
) -> None:
    [found] = outputs(profile(label=one * 10), profile(label=other * 10))
    assert (found.distance, found.categories) == (pytest.approx(distance), categories)


def test_equal_tables_are_not_apart_and_order_does_not_matter() -> None:
    table = {"label": [0, 1, 1], "probability": [0.1, 0.7, 0.9]}
    turned = {name: list(reversed(values)) for name, values in table.items()}
    assert [one.distance for one in outputs(profile(**table), profile(**turned))] == [0.0, 0.0]


@pytest.mark.parametrize(
    ("one", "other", "distance", "categories"),
    [
        ([0.5, 0.25, None, float("nan")], [0.5, 0.25, 0.5, 0.25], 0.5, 0),
        ([0.5, 0.25, None, None], [None, 0.25, 0.5, None], 0.0, 0),
        ([0.9, 0.9, 0.9, None], [0.1, 0.1, 0.1, None], 0.75, 0),
        ([None, None], [0.5, 0.25], 1.0, 2),
        ([None, None], [None, 0.25], 0.5, 2),
        (["a", None], ["a", "b"], 0.5, 3),
        (["a", None], [0.5, None], 0.5, 2),
    ],
)
def test_missing_predictions_do_not_hide(
    one: list[object], other: list[object], distance: float, categories: int
) -> None:
    [found] = outputs(profile(p=one * 10), profile(p=other * 10))
    assert (found.distance, found.categories) == (pytest.approx(distance), categories)
    assert (found.candidate_rows, found.champion_rows) == (len(one) * 10, len(other) * 10)


def test_mixed_types_cannot_be_compared() -> None:
    mixed = profile(p=["a", "b"]).merge(profile(p=[0.5, 0.25]))
    [found] = outputs(mixed, profile(p=[0.5]))
    assert (found.candidate_rows, found.champion_rows, found.distance) == (0, 1, 0.0)


def test_what_one_side_lacks_has_no_rows() -> None:
    found = outputs(profile(new=[0.5]), profile(old=[0.5]))
    assert [(one.column, one.candidate_rows, one.champion_rows, one.distance) for one in found] == [
        ("new", 1, 0, 0.0),
        ("old", 0, 1, 0.0),
    ]
    assert outputs(Profile(), Profile()) == ()
    [alone] = outputs(profile(p=[0.5]), Profile())
    assert (alone.candidate_rows, alone.champion_rows) == (1, 0)
