"""Metrics against their definitions, and the bootstrap against theory.

That they agree with scikit-learn is shown in tests/contract/pipelines, in the environment that has it.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.bootstrap import compare, resamples
from pipelines.metrics import GREATER_IS_BETTER, measured, measures

SCORES = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 4)), min_size=1, max_size=30)


@given(SCORES)
def test_roc_auc_is_the_share_of_pairs_in_the_right_order(rows: list[tuple[int, int]]) -> None:
    truth = np.array([label for label, _ in rows], dtype=float)
    scores = np.array([score / 4 for _, score in rows])
    pairs = [(p > n) + (p == n) / 2 for p in scores[truth == 1] for n in scores[truth == 0]]
    found = measured(measures("binary", truth, scores), len(rows))
    if pairs:
        assert found["roc_auc"] == pytest.approx(sum(pairs) / len(pairs))
    else:
        assert "roc_auc" not in found


def test_binary_metrics_by_hand() -> None:
    truth = np.array([1.0, 1, 0, 0, 1])
    scores = np.array([0.9, 0.4, 0.6, 0.1, 0.5])
    found = measured(measures("binary", truth, scores), 5)
    assert found["accuracy"] == pytest.approx(3 / 5)
    assert found["precision"] == pytest.approx(2 / 3)
    assert found["recall"] == pytest.approx(2 / 3)
    assert found["f1"] == pytest.approx(2 / 3)
    assert found["roc_auc"] == pytest.approx(4 / 6)
    assert found["brier"] == pytest.approx((0.01 + 0.36 + 0.36 + 0.01 + 0.25) / 5)
    assert found["log_loss"] == pytest.approx(-sum(map(math.log, (0.9, 0.4, 0.4, 0.9, 0.5))) / 5)


def test_regression_metrics_by_hand() -> None:
    found = measured(measures("regression", np.array([1.0, 2, 3]), np.array([1.0, 2, 5])), 3)
    assert found == pytest.approx({"rmse": math.sqrt(4 / 3), "mae": 2 / 3, "r2": 1 - 4 / 2})


def test_what_is_not_defined_is_left_out() -> None:
    assert measured(measures("binary", np.array([0.0, 0]), np.array([0.1, 0.2])), 2).keys() == {
        "log_loss",
        "accuracy",
        "brier",
    }
    assert "r2" not in measured(measures("regression", np.array([2.0, 2]), np.array([1.0, 2])), 2)


@settings(max_examples=30)
@given(SCORES, st.data(), st.sampled_from(["binary", "regression"]))
def test_a_weight_counts_as_that_many_rows(
    rows: list[tuple[int, int]], data: st.DataObject, task: str
) -> None:
    """The bootstrap's weights give what the resampled rows themselves would give."""
    truth = np.array([label for label, _ in rows], dtype=float)
    scores = np.array([score / 4 for _, score in rows])
    counts = np.array(
        data.draw(st.lists(st.integers(0, 3), min_size=len(rows), max_size=len(rows)).filter(any))
    )
    weighted = measures(task, truth, scores)(counts[None, :].astype(float))
    repeated = measured(
        measures(task, np.repeat(truth, counts), np.repeat(scores, counts)), int(counts.sum())
    )
    defined = {name: value[0] for name, value in weighted.items() if np.isfinite(value[0])}
    assert defined == pytest.approx(repeated, abs=1e-9)
    assert weighted.keys() == GREATER_IS_BETTER[task].keys()


def test_resamples_draw_units_whole_and_by_seed() -> None:
    units = np.array([0, 0, 0, 1, 2, 2])
    drawn = np.concatenate(list(resamples(40, 5, units)))
    assert drawn.shape == (40, 6)
    assert (drawn[:, 0] == drawn[:, 2]).all()
    assert (drawn[:, 4] == drawn[:, 5]).all()
    assert (drawn[:, [0, 3, 4]].sum(axis=1) == 3).all()
    assert (np.concatenate(list(resamples(40, 5, units))) == drawn).all()
    assert not (np.concatenate(list(resamples(40, 6, units))) == drawn).all()


def test_the_interval_of_a_mean_is_that_of_the_normal_distribution() -> None:
    """The difference of two mean absolute errors is a mean: its standard error is known."""
    random = np.random.default_rng(1)
    truth = np.zeros(4000)
    first, second = np.abs(random.normal(1.1, 0.2, 4000)), np.abs(random.normal(1.0, 0.2, 4000))
    found = compare(
        measures("regression", truth, first),
        measures("regression", truth, second),
        np.arange(4000),
        count=2000,
        seed=3,
        confidence=0.9,
    )["mae"]
    error = (first - second).std(ddof=1) / math.sqrt(4000)
    assert found["difference"] == pytest.approx((first - second).mean())
    assert found["lower"] == pytest.approx(found["difference"] - 1.645 * error, abs=0.15 * error)
    assert found["upper"] == pytest.approx(found["difference"] + 1.645 * error, abs=0.15 * error)


def test_equal_models_differ_by_nothing() -> None:
    truth, scores = np.array([0.0, 1] * 50), np.linspace(0, 1, 100)
    same = measures("binary", truth, scores)
    for entry in compare(same, same, np.arange(100), count=50, seed=0, confidence=0.95).values():
        assert (entry["difference"], entry["lower"], entry["upper"]) == (0, 0, 0)


def test_a_metric_without_a_champions_value_is_not_compared() -> None:
    truth = np.array([0.0, 1] * 50)
    never = measures("binary", truth, np.full(100, 0.1))
    sometimes = measures("binary", truth, np.linspace(0, 1, 100))
    found = compare(sometimes, never, np.arange(100), count=50, seed=0, confidence=0.95)
    assert "precision" not in found
    assert "roc_auc" in found


def test_a_metric_that_few_resamples_define_gets_no_interval() -> None:
    """One positive row: a third of the resamples have none, and ROC AUC is not defined on them."""
    truth = np.array([1.0] + [0.0] * 99)
    one, other = (measures("binary", truth, np.random.default_rng(n).random(100)) for n in (1, 2))
    found = compare(one, other, np.arange(100), count=200, seed=0, confidence=0.95)
    assert "roc_auc" not in found
    assert "log_loss" in found
