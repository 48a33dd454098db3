"""`metric_thresholds` of a drift signal."""

from __future__ import annotations

from pathlib import Path

import pytest

from control.errors import PolicyError
from control.policy_file import read_policy

FLIGHTS = (Path(__file__).parents[3] / "policies" / "flight-delay.yaml").read_text(encoding="utf-8")


def with_thresholds(text: str) -> str:
    return FLIGHTS.replace("    alpha: 0.01\n", f"    metric_thresholds: {text}\n")


def test_thresholds_are_read() -> None:
    policy = read_policy(with_thresholds("{numerical: {jensen_shannon_distance: 0.1}}"), "flight-delay.yaml")
    assert policy.inputs is not None
    assert policy.inputs.metric_thresholds is not None
    assert policy.inputs.metric_thresholds.numerical == {"jensen_shannon_distance": 0.1}


def test_an_unknown_metric_is_named_with_its_line() -> None:
    said = r"flight-delay.yaml:\d+:\d+: .*'psi' is no metric of numerical columns in azureml's style"
    with pytest.raises(PolicyError, match=said):
        read_policy(with_thresholds("{numerical: {psi: 0.1}}"), "flight-delay.yaml")


def test_another_tools_style() -> None:
    text = "{style: evidently, share: 0.3, numerical: {psi: 0.1}, categorical: {chisquare: 0.05}}"
    given = read_policy(with_thresholds(text), "flight-delay.yaml").inputs.metric_thresholds
    assert (given.style, given.share) == ("evidently", 0.3)
    assert (given.numerical, given.categorical) == ({"psi": 0.1}, {"chisquare": 0.05})
    with pytest.raises(PolicyError, match="no metric of numerical columns in nannyml's style"):
        read_policy(with_thresholds("{style: nannyml, numerical: {psi: 0.1}}"), "flight-delay.yaml")
    with pytest.raises(PolicyError, match="write numerical, categorical or both"):
        read_policy(with_thresholds("{style: nannyml}"), "flight-delay.yaml")
