"""Metrics of predictions against their definitions, worked examples and scipy.

That they agree with scikit-learn is shown in tests/contract/pipelines, in the environment that has it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift.performance import PredictionsError, assess, from_parquet, from_table
from drift.performance.calibration import slope

SCORES = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 4)), min_size=1, max_size=30)


def metrics(truth: Any, scores: Any, **columns: Any) -> dict[str, float]:
    found = assess(from_table(pa.table({"label": truth, "candidate": scores} | columns)), seed=0, count=2)
    return found["candidate"]["metrics"]


@given(SCORES)
def test_roc_auc_is_the_share_of_pairs_in_the_right_order(rows: list[tuple[int, int]]) -> None:
    truth = np.array([label for label, _ in rows], dtype=float)
    scores = np.array([score / 4 for _, score in rows])
    pairs = [(p > n) + (p == n) / 2 for p in scores[truth == 1] for n in scores[truth == 0]]
    found = metrics(truth, scores)
    if pairs:
        assert found["roc_auc"] == pytest.approx(sum(pairs) / len(pairs))
    else:
        assert "roc_auc" not in found


def test_binary_metrics_by_hand() -> None:
    found = metrics([1.0, 1, 0, 0, 1], [0.9, 0.4, 0.6, 0.1, 0.5])
    assert found["accuracy"] == pytest.approx(3 / 5)
    assert found["precision"] == pytest.approx(2 / 3)
    assert found["recall"] == pytest.approx(2 / 3)
    assert found["f1"] == pytest.approx(2 / 3)
    assert found["roc_auc"] == pytest.approx(4 / 6)
    assert found["brier"] == pytest.approx((0.01 + 0.36 + 0.36 + 0.01 + 0.25) / 5)
    assert found["log_loss"] == pytest.approx(-sum(map(math.log, (0.9, 0.4, 0.4, 0.9, 0.5))) / 5)
    assert found["ece"] == pytest.approx((0.1 + 0.6 + 0.6 + 0.1 + 0.5) / 5)


def test_regression_metrics_by_hand() -> None:
    found = metrics([1.0, 2, 3], [1.0, 2, 5])
    wanted = {"rmse": math.sqrt(4 / 3), "mae": 2 / 3, "r2": 1 - 4 / 2, "calibration_slope": 12 / 26}
    assert found == pytest.approx(wanted)


def test_what_is_not_defined_is_left_out() -> None:
    assert metrics([0.0, 0], [0.1, 0.2]).keys() == {"log_loss", "accuracy", "brier", "ece"}
    assert metrics([2.0, 2], [1.0, 2]).keys() == {"rmse", "mae", "calibration_slope"}
    assert "calibration_slope" not in metrics([2.0, 4], [1.0, 1])


def test_brier_and_area_of_a_published_example() -> None:
    """Fawcett (2006), figure 3: 20 instances, ROC curve; its area is 0.68."""
    said = [
        0.9,
        0.8,
        0.7,
        0.6,
        0.55,
        0.54,
        0.53,
        0.52,
        0.51,
        0.505,
        0.4,
        0.39,
        0.38,
        0.37,
        0.36,
        0.35,
        0.34,
        0.33,
        0.30,
        0.1,
    ]
    true = [1, 1, 0, 1, 1, 1, 0, 0, 1, 0, 1, 0, 1, 0, 0, 0, 1, 0, 1, 0]
    assert metrics(np.array(true, float), said)["roc_auc"] == pytest.approx(0.68)


def test_an_area_agrees_with_mann_and_whitney() -> None:
    from scipy.stats import mannwhitneyu

    random = np.random.default_rng(3)
    truth = (random.random(3000) < 0.2).astype(float)
    scores = np.round(np.clip(random.normal(0.4 + 0.1 * truth, 0.2), 0, 1), 2)
    wins = mannwhitneyu(scores[truth == 1], scores[truth == 0]).statistic
    wanted = wins / (truth.sum() * (1 - truth).sum())
    assert metrics(truth, scores)["roc_auc"] == pytest.approx(wanted)


def test_calibration_finds_the_slope_that_was_made() -> None:
    random = np.random.default_rng(5)
    odds = random.normal(-1, 1.5, 200_000)
    truth = (random.random(200_000) < 1 / (1 + np.exp(-0.5 * odds - 0.3))).astype(float)
    scores = 1 / (1 + np.exp(-odds))
    assert slope("binary", truth, scores) == pytest.approx(0.5, abs=0.01)
    honest = (random.random(200_000) < scores).astype(float)
    assert slope("binary", honest, scores) == pytest.approx(1, abs=0.02)
    assert metrics(honest, scores)["ece"] < 0.005
    assert metrics(truth, scores)["ece"] > 0.05


def test_a_model_that_separates_the_labels_has_no_slope() -> None:
    assert slope("binary", np.array([0.0, 0, 1, 1]), np.array([0.1, 0.2, 0.8, 0.9])) is None


def test_confusion_and_largest_errors() -> None:
    table = pa.table(
        {
            "label": [1.0, 1, 0, 0, 1],
            "candidate": [0.9, 0.4, 0.6, 0.1, 0.001],
            "slice_c": ["a", "b", None, "a", "b"],
        }
    )
    found = assess(from_table(table), seed=0, count=2)
    assert found["confusion"]["candidate"] == {
        "true_positive": 1, "false_positive": 1, "false_negative": 2, "true_negative": 1,
    }  # fmt: skip
    worst = found["largest_errors"]
    assert [one["row"] for one in worst] == [4, 1, 2, 0, 3]
    assert worst[0] == {"row": 4, "error": pytest.approx(-math.log(0.001)), "slices": {"c": "b"}}
    assert worst[2]["slices"] == {"c": None}


def test_thresholds_are_the_models_own() -> None:
    from drift.performance.predictions import described

    table = described(
        pa.table({"label": [1.0, 0, 0], "candidate": [0.3, 0.25, 0.1]}),
        task="binary", thresholds={"candidate": 0.2}, drawn=None,
    )  # fmt: skip
    assert assess(from_table(table), seed=0, count=2)["candidate"]["metrics"]["precision"] == 0.5


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ({"label": [], "candidate": []}, "no rows"),
        ({"label": [1.0]}, "no column 'candidate'"),
        ({"label": [1.0, None], "candidate": [0.1, 0.2]}, "'label' is null in 1 rows"),
        ({"label": [1.0, 0.0], "candidate": [0.1, math.inf]}, "'candidate' is not a finite number in 1 rows"),
        ({"label": ["a"], "candidate": [0.1]}, "'label' is string, not numbers"),
        ({"label": [1.0], "candidate": [0.1], "champion": [math.nan]}, "'champion' is not a finite number"),
    ],
)  # fmt: skip
def test_rows_that_cannot_be_judged_are_refused_with_the_reason(columns: dict[str, Any], why: str) -> None:
    with pytest.raises(PredictionsError, match=why):
        from_table(pa.table(columns))


def test_a_file_that_is_no_parquet_is_refused() -> None:
    with pytest.raises(PredictionsError, match="cannot be read as Parquet"):
        from_parquet(b"PAR1 no")


def test_a_stated_task_is_held_to() -> None:
    from drift.performance.predictions import described

    def stated(task: str, label: list[float]) -> pa.Table:
        table = pa.table({"label": label, "candidate": [0.5, 0.6]})
        return described(table, task=task, thresholds={}, drawn=None)

    assert from_table(stated("regression", [0.0, 1])).task == "regression"
    with pytest.raises(PredictionsError, match="labels other than 0 and 1"):
        from_table(stated("binary", [0.0, 2]))
    with pytest.raises(PredictionsError, match="must be binary or regression"):
        from_table(stated("ranking", [0.0, 1]))


def test_booleans_and_integers_are_labels_too() -> None:
    as_numbers = metrics([1.0, 0, 1], [0.9, 0.2, 0.4])
    assert metrics([True, False, True], [0.9, 0.2, 0.4]) == as_numbers
    assert metrics([1, 0, 1], [0.9, 0.2, 0.4]) == as_numbers


def test_columns_that_must_not_be_looked_at_are_not() -> None:
    table = pa.table({"label": [1.0, 0], "candidate": [0.9, 0.2], "slice_person": ["p1", "p2"]})
    assert from_table(table, without=["person"]).slices == {}
    assert set(from_table(table).slices) == {"person"}
