"""The gate: every check is pass, fail or inconclusive, and inconclusive never passes."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.certainty import above, holm, reach
from control.facts import Evaluation
from control.gate import judge
from control.policy import ChampionGate, Gates, SliceGate, Threshold

AUC = ChampionGate(metric="roc_auc", non_inferior_by=0.005, confidence=0.95)


def part(value: str, rows: int, candidate: float, champion: float, error: float | None) -> dict[str, Any]:
    compared = {"difference": candidate - champion, "standard_error": error, "units": rows}
    return {
        "by": "carrier",
        "value": value,
        "rows": rows,
        "candidate": {"roc_auc": candidate},
        "champion": {"roc_auc": champion},
        "comparison": {} if error is None else {"roc_auc": compared},
    }


def evaluation(lower: float = 0.01, upper: float = 0.03, **changes: Any) -> Evaluation:
    body: dict[str, Any] = {
        "schema": 1,
        "rows": 1000,
        "units": 1000,
        "candidate": {
            "metrics": {"roc_auc": 0.75, "log_loss": 0.4, "calibration_slope": 0.9},
            "standard_errors": {"roc_auc": 0.01},
        },
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
        "slices": [part("UA", 500, 0.7, 0.72, 0.01), part("HA", 20, 0.3, 0.9, 0.02)],
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


@pytest.mark.parametrize(
    ("bound", "verdict"),
    [
        ({"at_least": 0.74}, "pass"),
        ({"at_least": 0.74, "confidence": 0.95}, "inconclusive"),
        ({"at_least": 0.72, "confidence": 0.95}, "pass"),
        ({"at_least": 0.78, "confidence": 0.95}, "fail"),
        ({"at_most": 0.76, "confidence": 0.95}, "inconclusive"),
        ({"at_most": 0.78, "confidence": 0.95}, "pass"),
        ({"at_most": 0.72, "confidence": 0.95}, "fail"),
        ({"at_least": 0.72, "at_most": 0.76, "confidence": 0.95}, "inconclusive"),
        ({"at_least": 0.76, "at_most": 0.9}, "fail"),
    ],
)
def test_a_threshold_with_confidence_is_judged_by_the_interval(bound: dict[str, Any], verdict: str) -> None:
    gates = Gates(thresholds=(Threshold(metric="roc_auc", **bound),))
    assert judge(gates, evaluation(), "1").verdict == verdict


def test_a_threshold_with_confidence_needs_an_interval() -> None:
    value = Threshold(metric="calibration_slope", at_least=0.8, at_most=1.2)
    assert judge(Gates(thresholds=(value,)), evaluation(), "1").verdict == "pass"
    sure = Threshold(metric="calibration_slope", at_least=0.8, confidence=0.9)
    assert judge(Gates(thresholds=(sure,)), evaluation(), "1").verdict == "inconclusive"


def slices(*parts: dict[str, Any], drop: float = 0.05, least: int = 200) -> Any:
    gates = Gates(slices=(SliceGate(by="carrier", metric="roc_auc", max_drop=drop, min_rows=least),))
    return judge(gates, evaluation(slices=list(parts)), "1")


def test_a_slice_passes_fails_or_cannot_be_told() -> None:
    assert slices(part("UA", 500, 0.70, 0.72, 0.01)).verdict == "pass", "at most 0.04 worse"
    assert slices(part("UA", 500, 0.60, 0.72, 0.01)).verdict == "fail", "at least 0.10 worse"
    unsure = slices(part("UA", 500, 0.70, 0.72, 0.03))
    assert unsure.verdict == "inconclusive"
    assert "carrier=UA: roc_auc 0.7000 against 0.7200 on 500 rows, -0.0389 to +0.0789 worse" in unsure.reason
    assert "about 1,930 rows would tell" in unsure.reason


def test_a_drop_on_few_rows_is_noise_and_no_failure() -> None:
    """The point alone would fail it: 0.08 worse where 0.05 is allowed, on 200 rows."""
    assert slices(part("UA", 200, 0.64, 0.72, 0.04)).verdict == "inconclusive"
    assert slices(part("UA", 20_000, 0.64, 0.72, 0.004)).verdict == "fail"


def test_small_slices_are_not_judged_but_one_must_be() -> None:
    found = slices(part("UA", 500, 0.72, 0.72, 0.01), part("HA", 20, 0.3, 0.9, 0.001))
    assert [check.name for check in found.checks] == ["slice carrier=UA roc_auc"]
    none = slices(part("HA", 20, 0.3, 0.9, 0.001))
    assert (none.verdict, none.reason) == (
        "inconclusive",
        "the evaluation has no slice by carrier with 200 rows",
    )
    assert slices().reason == "the evaluation has no slices by carrier"
    assert slices(part("UA", 500, 0.7, 0.7, None)).reason == "carrier=UA: no interval of roc_auc on 500 rows"


def test_one_bad_slice_among_many_must_be_surer() -> None:
    """Holm's correction: what fails alone may be chance among fifty."""
    bad = part("XX", 500, 0.64, 0.72, 0.012)
    assert slices(bad).verdict == "fail"
    good = [part(f"G{n}", 500, 0.72, 0.72, 0.01) for n in range(49)]
    among = slices(bad, *good)
    assert among.verdict == "inconclusive"
    assert [check.verdict for check in among.checks].count("pass") == 49


def test_equal_models_pass_every_slice_however_small() -> None:
    assert slices(part("HA", 20, 0.7, 0.7, 0.0), least=1, drop=0.0).verdict == "pass"
    assert slices(part("HA", 20, 0.69, 0.7, 0.0), least=1, drop=0.0).verdict == "fail"


def test_golden_predictions_that_were_asked_are_judged() -> None:
    gates = Gates(thresholds=(Threshold(metric="roc_auc", at_least=0.7),), golden_tolerance=1e-6)

    def verdict(golden: Any) -> str:
        return judge(gates, evaluation(golden=golden), "1").verdict

    assert verdict({"rows": 20, "greatest_difference": 1e-7}) == "pass"
    assert verdict({"rows": 20, "greatest_difference": 1e-5}) == "fail"
    assert verdict({"greatest_difference": None, "fault": "the answer is of another shape"}) == "fail"
    assert verdict({"rows": 20}) == "inconclusive"
    assert verdict(None) == "pass", "the release asks its deployment in any case"


@pytest.mark.parametrize(
    ("found", "verdict", "words"),
    [
        (
            {"asked": 5, "answered": 4, "refused": 1, "wrong": []},
            "pass",
            "4 of 5 requests answered, 1 refused",
        ),
        (
            {"asked": 5, "answered": 3, "refused": 1, "wrong": ["temp is null: TypeError"]},
            "fail",
            "1 of 5 requests were neither answered nor refused with a reason, first: temp is null: TypeError",
        ),
        ({"asked": 5, "answered": 3, "refused": 1, "wrong": []}, "inconclusive", "not accounted for"),
        (
            {"asked": 0, "answered": 0, "refused": 0, "wrong": []},
            "inconclusive",
            "did not try missing values",
        ),
        (None, "inconclusive", "did not try missing values"),
    ],
)
def test_robustness_is_judged_where_the_policy_asks(found: Any, verdict: str, words: str) -> None:
    gates = Gates(robustness=("missing_values",))
    judgement = judge(gates, evaluation(robustness={"missing_values": found}), "1")
    assert judgement.verdict == verdict
    assert words in judgement.reason
    asked_of_others = Gates(thresholds=(Threshold(metric="roc_auc", at_least=0.7),))
    assert judge(asked_of_others, evaluation(robustness={"missing_values": found}), "1").verdict == "pass"


def test_an_evaluation_that_cannot_be_read_is_inconclusive_and_says_why() -> None:
    unread = Evaluation(digest="", body={}, fault="evaluation.json cannot be read: line 1")
    judgement = judge(Gates(champion=AUC), unread, "1")
    assert judgement.verdict == "inconclusive"
    assert judgement.reason == "evaluation.json cannot be read: line 1"


def test_tails_and_quantiles_agree_with_students_t() -> None:
    from scipy.special import stdtr, stdtrit

    for units in (6, 20, 365, 4096):
        for t in (-3.0, -0.5, 0.0, 1.0, 2.5, 6.0):
            assert above(t, units) == pytest.approx(stdtr(units - 1, -t), rel=0.05, abs=2e-4)
        assert reach(0.95, units) == pytest.approx(stdtrit(units - 1, 0.975), rel=0.01)


@given(st.lists(st.floats(0, 1), max_size=30))
def test_holm_is_the_statistics_own(p_values: list[float]) -> None:
    from drift.measures.corrections import holm as theirs

    assert holm(p_values) == theirs(p_values)
