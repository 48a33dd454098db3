"""The gate: every check is pass, fail or inconclusive, and inconclusive never passes."""

from typing import Any

import pytest

from control.facts import Evaluation
from control.gate import judge
from control.policy import ChampionGate, Gates, SliceGate, Threshold

AUC = ChampionGate(metric="roc_auc", non_inferior_by=0.005, confidence=0.95)


def evaluation(lower: float = 0.01, upper: float = 0.03, **changes: Any) -> Evaluation:
    body: dict[str, Any] = {
        "schema": 1,
        "rows": 1000,
        "candidate": {"metrics": {"roc_auc": 0.75, "log_loss": 0.4}},
        "champion": {"metrics": {"roc_auc": 0.73, "log_loss": 0.42}},
        "comparison": {
            "roc_auc": {
                "difference": (lower + upper) / 2,
                "lower": lower,
                "upper": upper,
                "confidence": 0.95,
            },
            "log_loss": {"difference": -0.02, "lower": -0.03, "upper": -0.01, "confidence": 0.95},
        },
        "slices": [
            {
                "by": "carrier",
                "value": "UA",
                "rows": 500,
                "candidate": {"roc_auc": 0.7},
                "champion": {"roc_auc": 0.72},
            },
            {
                "by": "carrier",
                "value": "HA",
                "rows": 20,
                "candidate": {"roc_auc": 0.3},
                "champion": {"roc_auc": 0.9},
            },
        ],
        "metrics": {"roc_auc": {"greater_is_better": True}, "log_loss": {"greater_is_better": False}},
    }
    return Evaluation(digest="d", body=body | changes)


@pytest.mark.parametrize(
    ("lower", "upper", "verdict"),
    [
        (0.01, 0.03, "pass"),
        (-0.004, 0.02, "pass"),
        (-0.02, 0.02, "inconclusive"),
        (-0.02, -0.006, "fail"),
        (float("nan"), 0.1, "inconclusive"),
    ],
)
def test_non_inferiority_is_judged_by_the_interval(lower: float, upper: float, verdict: str) -> None:
    assert judge(Gates(champion=AUC), evaluation(lower, upper), "1").verdict == verdict


def test_a_metric_that_should_be_small_is_turned_around() -> None:
    gate = ChampionGate(metric="log_loss", non_inferior_by=0.001)
    assert judge(Gates(champion=gate), evaluation(), "1").verdict == "pass"
    worse = {"log_loss": {"difference": 0.02, "lower": 0.01, "upper": 0.03, "confidence": 0.95}}
    assert judge(Gates(champion=gate), evaluation(comparison=worse), "1").verdict == "fail"


def test_an_interval_of_less_confidence_than_asked_does_not_count() -> None:
    gate = ChampionGate(metric="roc_auc", non_inferior_by=0.005, confidence=0.99)
    assert judge(Gates(champion=gate), evaluation(), "1").verdict == "inconclusive"


@pytest.mark.parametrize("changes", [{"comparison": None}, {"comparison": {}}, {"metrics": {}}])
def test_what_is_missing_is_inconclusive(changes: dict[str, Any]) -> None:
    assert judge(Gates(champion=AUC), evaluation(**changes), "1").verdict == "inconclusive"
    assert judge(Gates(champion=AUC), None, "1").verdict == "inconclusive"


def test_without_a_champion_only_thresholds_are_asked() -> None:
    gates = Gates(champion=AUC, thresholds=(Threshold(metric="roc_auc", at_least=0.7),))
    assert judge(gates, evaluation(comparison=None, champion=None), None).verdict == "pass"
    strict = Gates(thresholds=(Threshold(metric="roc_auc", at_least=0.8),))
    assert judge(strict, evaluation(), None).verdict == "fail"
    absent = Gates(thresholds=(Threshold(metric="recall", at_least=0.8),))
    assert judge(absent, evaluation(), None).verdict == "inconclusive"


def test_a_slice_may_drop_only_so_far_and_small_slices_do_not_count() -> None:
    def gate(drop: float) -> Gates:
        return Gates(slices=(SliceGate(by="carrier", metric="roc_auc", max_drop=drop, min_rows=200),))

    assert judge(gate(0.05), evaluation(), "1").verdict == "pass"
    refused = judge(gate(0.01), evaluation(), "1")
    assert refused.verdict == "fail"
    assert "carrier=UA" in refused.reason
    assert judge(gate(0.05), evaluation(slices=[]), "1").verdict == "inconclusive"


def test_an_evaluation_that_cannot_be_read_is_inconclusive_and_says_why() -> None:
    unread = Evaluation(digest="", body={}, fault="evaluation.json cannot be read: line 1")
    judgement = judge(Gates(champion=AUC), unread, "1")
    assert judgement.verdict == "inconclusive"
    assert judgement.reason == "evaluation.json cannot be read: line 1"
