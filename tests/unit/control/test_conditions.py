"""What the texts of `release.abort_if` mean, and what is said of wrong ones."""

from __future__ import annotations

import re

import pytest

from control.conditions import LATENCIES, METRICS, Bound, read_condition, read_conditions
from control.policy import ABORT_IF
from control.policy_schema import schema


@pytest.mark.parametrize(
    ("metric", "text", "bounds"),
    [
        ("error_rate", "> 1%", [Bound(metric="error_rate", most=0.01)]),
        ("error_rate", "> 0.5 %", [Bound(metric="error_rate", most=0.005)]),
        ("error_rate", ">2x champion", [Bound(metric="error_rate", most=2, relative=True)]),
        (
            "error_rate",
            "> 1% or > 1.5 x champion",
            [Bound(metric="error_rate", most=0.01), Bound(metric="error_rate", most=1.5, relative=True)],
        ),
        ("latency_p95", "> 1.2x champion", [Bound(metric="latency_p95", most=1.2, relative=True)]),
        ("latency_p50", "> 250 ms", [Bound(metric="latency_p50", most=250)]),
        ("latency_p99", "> 1.5s", [Bound(metric="latency_p99", most=1500)]),
        ("prediction_drift", "> 0.1", [Bound(metric="prediction_drift", most=0.1)]),
    ],
)
def test_a_text_is_its_bounds(metric: str, text: str, bounds: list[Bound]) -> None:
    assert list(read_condition(metric, text)) == bounds
    pattern = _written(metric)["pattern"]
    assert re.search(pattern, text), "the published schema takes it too"


@pytest.mark.parametrize(
    ("metric", "text", "said"),
    [
        ("errors", "> 1%", "write one of error_rate, latency_p50"),
        ("error_rate", "> 0.01", 'write "> 1%" or "> 2x champion"'),
        ("error_rate", ">= 1%", 'write "> 1%"'),
        ("error_rate", "< 1%", 'write "> 1%"'),
        ("error_rate", "> 250 ms", 'write "> 1%"'),
        ("error_rate", "> 100%", "write less than 100"),
        ("error_rate", "> 1% or 2x champion", "'2x champion' is no bound on an error rate"),
        ("error_rate", "> 0.5x champion", "write 1x or more"),
        ("latency_p95", "> 250", '"> 250 ms"'),
        ("latency_p95", "> 1%", '"> 1.5 s"'),
        ("latency_p95", "> 0 ms", '"> 250 ms"'),
        ("latency_p95", "> 0x champion", "write 1x or more"),
        ("prediction_drift", "> 1", "a number below 1"),
        ("prediction_drift", "> 2x champion", 'for instance "> 0.1"'),
    ],
)
def test_a_wrong_text_is_told_what_to_write(metric: str, text: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        read_condition(metric, text)


def test_what_is_judged_without_a_word() -> None:
    assert read_conditions(ABORT_IF) == (
        Bound(metric="error_rate", most=1, relative=True),
        Bound(metric="error_rate", most=0.5),
        Bound(metric="latency_p95", most=1.5, relative=True),
    )
    assert read_conditions({}) == ()
    assert schema()["properties"]["release"]["properties"]["abort_if"]["default"] == ABORT_IF


def test_which_bounds_need_a_champion() -> None:
    compares = {
        (bound.metric, bound.relative): bound.compares
        for bound in read_conditions(
            {"error_rate": "> 1% or > 2x champion", "prediction_drift": "> 0.1", "latency_p95": "> 1 s"}
        )
    }
    assert compares == {
        ("error_rate", False): False,
        ("error_rate", True): True,
        ("prediction_drift", False): True,
        ("latency_p95", False): False,
    }


def test_the_schema_knows_the_same_metrics() -> None:
    keys = schema()["properties"]["release"]["properties"]["abort_if"]["properties"]
    assert tuple(keys) == METRICS
    assert {name: int(name.removeprefix("latency_p")) / 100 for name in LATENCIES} == LATENCIES


def _written(metric: str) -> dict[str, str]:
    abort_if = schema()["properties"]["release"]["properties"]["abort_if"]
    part: dict[str, str] = abort_if["properties"][metric]
    return schema()["$defs"]["latency_bound"] if "$ref" in part else part
