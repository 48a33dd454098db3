"""A phase of a release is judged by its requests: proven worse, enough of them, or not to be said."""

from __future__ import annotations

import math
import random
import re
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import control.traffic_gate as gate
from control.gate import Judgement
from control.policy import Release
from control.traffic import LATENCY_RATIO, Arm, Outputs, Traffic
from control.traffic_gate import Phase, judge_traffic

FIVE, ALL, SHADOW = Phase(percent=5), Phase(percent=100), Phase(percent=20, mirrored=True)
FIRST = Phase(percent=100, champion=False)
BOTH = {"error_rate": "> 2% or > 1x champion", "latency_p95": "> 1.2x champion or > 400 ms"}


def release(**changes: Any) -> Release:
    return Release(endpoint="e", deployment="d", **changes)


def latencies(requests: int, median: float = 100) -> tuple[tuple[int, int], ...]:
    draw = random.Random(f"{requests} {median}")
    logs = [math.log(median) + 0.5 * draw.gauss(0, 1) for _ in range(requests)]
    return tuple(sorted(Counter(math.floor(one / math.log(LATENCY_RATIO)) for one in logs).items()))


def arm(requests: int, failures: int = 0, median: float = 100) -> Arm:
    return Arm(requests=requests, failures=failures, latencies=latencies(requests, median))


def outputs(distance: float, rows: tuple[int, int] = (1000, 19_000), categories: int = 0) -> Outputs:
    return Outputs(
        column="late",
        distance=distance,
        candidate_rows=rows[0],
        champion_rows=rows[1],
        categories=categories,
    )


GOOD = Traffic(candidate=arm(1000, 10), champion=arm(19_000, 190))


def by_name(judged: Judgement) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for check in judged.checks:
        found.setdefault(check.name, []).append(check.verdict)
    return found


@pytest.mark.parametrize("phase", [FIVE, Phase(percent=50), SHADOW])
def test_a_candidate_that_is_no_worse_goes_on(phase: Phase) -> None:
    mine = 1000
    champion = round(mine * (1 - phase.share) / phase.share)
    traffic = Traffic(candidate=arm(mine, 10), champion=arm(champion, champion // 100))
    judged = judge_traffic(release(abort_if=BOTH), traffic, phase)
    assert judged.verdict == "pass", judged.reason
    assert by_name(judged) == {"requests": ["pass"], "error_rate": ["pass"] * 2, "latency_p95": ["pass"] * 2}
    assert (
        judged.reason
        == "1,000 requests answered by the candidate, at least 100 asked for; and 4 more checks passed"
    )


@pytest.mark.parametrize(
    ("candidate", "failed", "said"),
    [
        (
            arm(1000, 60),
            {"error_rate"},
            (
                r"error rate 6 % of 1,000 requests \(\d\.\d % to \d\.\d %\), at most 2 % allowed; error rate 6 % of "
                r"1,000 requests \(.*\) against the champion's 1 % of 19,000 requests, at least 3\.\d+x as many, "
                "at most 1x allowed"
            ),
        ),
        (
            arm(1000, 10, 160),
            {"latency_p95"},
            (
                r"latency p95 \d{3} ms of 1,000 requests \(\d+ ms to \d+ ms\) against the champion's \d{3} ms of "
                r"19,000 requests \(\d+ ms to \d+ ms\), at most 1\.2x allowed"
            ),
        ),
        (arm(1000, 10, 1500), {"latency_p95"}, r"latency p95 3\.\d s .*, at most 400 ms allowed"),
        (arm(20, 20), {"error_rate"}, "error rate 100 % of 20 requests"),
    ],
)
def test_one_that_is_worse_goes_back(candidate: Arm, failed: set[str], said: str) -> None:
    """And at once where a few requests prove it."""
    judged = judge_traffic(release(abort_if=BOTH), replace(GOOD, candidate=candidate), FIVE)
    assert judged.verdict == "fail"
    assert {check.name for check in judged.checks if check.verdict == "fail"} == failed
    assert re.search(said, judged.reason), judged.reason


@pytest.mark.parametrize(
    ("traffic", "said"),
    [
        (None, "nothing is known of the requests"),
        (replace(GOOD, reason="the logs answer 503"), "the logs answer 503"),
        (replace(GOOD, candidate=Arm()), "0 requests answered by the candidate, at least 100 asked for"),
        (replace(GOOD, candidate=arm(99)), "99 requests answered by the candidate"),
        (replace(GOOD, champion=None), "no requests answered by the champion"),
        (replace(GOOD, champion=Arm()), "no requests answered by the champion"),
        (replace(GOOD, champion=arm(50)), "against the champion's 0 % of 50 requests"),
        (replace(GOOD, candidate=Arm(requests=1000)), "no durations of the candidate's requests"),
        (
            replace(GOOD, champion=Arm(requests=19_000, failures=190)),
            "no durations of the champion's requests",
        ),
    ],
)
def test_what_cannot_be_said_is_inconclusive(traffic: Traffic | None, said: str) -> None:
    judged = judge_traffic(release(), traffic, FIVE)
    assert judged.verdict == "inconclusive"
    assert said in judged.reason


@pytest.mark.parametrize("phase", [FIVE, ALL, SHADOW, FIRST])
@pytest.mark.parametrize("abort_if", [{}, BOTH, {"prediction_drift": "> 0.1"}])
def test_no_traffic_never_promotes(phase: Phase, abort_if: dict[str, str]) -> None:
    for traffic in (
        None,
        Traffic(candidate=Arm(), champion=None),
        Traffic(candidate=arm(5), champion=arm(5)),
    ):
        assert judge_traffic(release(abort_if=abort_if), traffic, phase).verdict == "inconclusive"


@pytest.mark.parametrize("phase", [ALL, FIRST])
def test_without_answers_of_a_champion_nothing_is_compared(phase: Phase) -> None:
    traffic = Traffic(candidate=arm(1000, 10), champion=None)
    judged = judge_traffic(release(abort_if=BOTH | {"prediction_drift": "> 0.1"}), traffic, phase)
    assert judged.verdict == "pass"
    assert by_name(judged) == {"requests": ["pass"], "error_rate": ["pass"], "latency_p95": ["pass"]}
    assert "the champion answers none here" in judged.reason
    broken = judge_traffic(release(), Traffic(candidate=arm(300, 299), champion=None), phase)
    assert broken.verdict == "fail", "more errors than answers is too many without a word in the policy"


def test_predictions_that_moved() -> None:
    asked = release(abort_if={"prediction_drift": "> 0.1"})

    def judged(*found: Outputs) -> Judgement:
        return judge_traffic(asked, replace(GOOD, outputs=found), FIVE)

    assert judged(outputs(0.05)).verdict == "pass"
    assert judged(outputs(0.15)).verdict == "pass", "more than allowed, but not proven"
    moved = judged(outputs(0.05), replace(outputs(0.4, categories=3), column="class"))
    assert moved.verdict == "fail"
    assert "predictions of class: distance 0.4 on 1,000 and 19,000 rows (at least 0.31)" in moved.reason
    assert "late" not in moved.reason
    assert judged().verdict == "inconclusive"
    assert judged(outputs(math.nan)).verdict == "inconclusive"
    assert judged(outputs(0.0, (99, 19_000))).verdict == "inconclusive"


def test_the_level_is_shared_by_all_that_a_release_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """One absolute bound in five phases, two against the champion in the four where it answers."""
    asked: list[float] = []

    def proven(_log_stake: float, level: float) -> bool:
        asked.append(level)
        return False

    monkeypatch.setattr(gate, "proven", proven)
    shadowed = release(
        abort_if={"error_rate": "> 1% or > 1x champion", "latency_p95": "> 1.2x champion"},
        mirror_percent=20,
        mirror_for=timedelta(hours=2),
        false_rollbacks=0.13,
    )
    judge_traffic(shadowed, GOOD, FIVE)
    judge_traffic(replace(shadowed, mirror_percent=0, false_rollbacks=0.10), GOOD, FIVE)
    judge_traffic(replace(shadowed, false_rollbacks=0.02), GOOD, FIRST)
    assert asked == [pytest.approx(0.01), pytest.approx(0.01), pytest.approx(0.02)]


def test_shares_of_the_answers() -> None:
    assert FIVE.share == 0.05
    assert SHADOW.share == pytest.approx(20 / 120)
    assert (FIVE.compared, SHADOW.compared, ALL.compared, FIRST.compared) == (True, True, False, False)
    assert not Phase(percent=5, champion=False).compared


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 1500), st.integers(0, 200), st.integers(1, 40), st.floats(0.001, 0.3))
def test_more_failures_never_help(requests: int, failures: int, more: int, level: float) -> None:
    """And with more of the level, what was proven is proven."""
    failures = min(failures, requests)
    asked = release(abort_if={"error_rate": "> 2% or > 1x champion"}, false_rollbacks=level)

    def verdict(count: int, policy: Release = asked) -> str:
        mine = Arm(requests=requests, failures=min(count, requests))
        return judge_traffic(policy, replace(GOOD, candidate=mine), FIVE).verdict

    order = {"fail": 0, "inconclusive": 1, "pass": 2}
    assert order[verdict(failures + more)] <= order[verdict(failures)]
    assert order[verdict(failures, replace(asked, false_rollbacks=level * 1.5))] <= order[verdict(failures)]
    assert (requests < 100) <= (verdict(failures) != "pass")


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (2.9, "2.9"),
        (100, "100"),
        (0.0123, "0.012"),
        (1, "1"),
        (12.34, "12"),
        (250, "250"),
        (9.96, "10"),
    ],
)
def test_numbers_are_short(number: float, text: str) -> None:
    assert gate._short(number) == text


def test_a_lower_bound_is_never_rounded_up() -> None:
    assert gate._down(1.399) == "1.39"
    assert gate._down(2.0) == "2"
