"""Metrics, confidence and robustness in a policy's gates."""

from __future__ import annotations

from pathlib import Path

import pytest

from control.errors import PolicyError
from control.policy import BOUNDED, COMPARED, SliceGate, Threshold
from control.policy_file import read_policy

FLIGHTS = (Path(__file__).parents[3] / "policies" / "flight-delay.yaml").read_text(encoding="utf-8")
BOUND = "- {metric: roc_auc, at_least: 0.6}"


def gates(before: str, after: str) -> object:
    assert before in FLIGHTS
    return read_policy(FLIGHTS.replace(before, after), "flight-delay.yaml").gates


def test_the_metrics_are_those_that_are_computed() -> None:
    from drift.performance.metrics import GREATER_IS_BETTER

    computed = {name for one in GREATER_IS_BETTER.values() for name in one}
    assert computed | {"calibration_slope"} == set(BOUNDED)
    assert computed - {"ece"} == set(COMPARED)


def test_confidence_and_robustness_are_read() -> None:
    found = gates(BOUND, "- {metric: ece, at_most: 0.05, confidence: 0.9}")
    assert found.thresholds == (Threshold(metric="ece", at_most=0.05, confidence=0.9),)  # type: ignore[attr-defined]
    assert found.robustness == ("missing_values", "shuffled_columns", "extreme_values")  # type: ignore[attr-defined]
    assert found.slices[0].confidence == 0.95  # type: ignore[attr-defined]
    sure = gates("max_drop: 0.1, min_rows: 1000}", "max_drop: 0.1, confidence: 0.99}")
    assert sure.slices[0] == SliceGate(by="carrier", metric="roc_auc", max_drop=0.1, confidence=0.99)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (BOUND, "- {metric: roc_acu, at_least: 0.6}", r"'roc_acu' is no metric that the gate computes; did you mean roc_auc\?"),
        (BOUND, "- {metric: roc_auc}", "write at_least, at_most or both"),
        (BOUND, "- {metric: roc_auc, confidence: 0.9}", "write at_least, at_most or both"),
        ("champion: {metric: roc_auc,", "champion: {metric: ece,", "'ece' has no interval"),
        ("by: origin, metric: roc_auc", "by: origin, metric: lift", "'lift' is no metric that the gate computes"),
        ("[missing_values,", "[missing,", "missing_values"),
    ],
)  # fmt: skip
def test_what_can_never_be_judged_is_refused(before: str, after: str, said: str) -> None:
    with pytest.raises(PolicyError, match=said):
        gates(before, after)
