"""A candidate's test report: escaped, balanced, without outside reference, and saying what it was made of."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pyarrow as pa
import pytest
from test_report_pages import EVIL, Outline

from control.gate import Check, Judgement
from drift.performance import assess, from_table
from reports import junit, model_test

ODD = EVIL + "\x00\x0b\ud800"
CHECKS = (
    Check(name="champion roc_auc", verdict="pass", reason="roc_auc +0.0400 against the champion"),
    Check(name="slice carrier=UA roc_auc", verdict="fail", reason="carrier=UA: much worse"),
    Check(name="slice carrier=AA roc_auc", verdict="inconclusive", reason="carrier=AA: who knows"),
)


def evaluation(word: str = "x", task: str = "binary") -> dict[str, Any]:
    random = np.random.default_rng(1)
    label = (random.random(600) < 0.4).astype(float)
    said = {name: random.random(600) for name in ("candidate", "champion")}
    if task == "regression":
        label = label * 7 - 3
    columns = {"label": label, **said, "slice_carrier": ["UA", "AA", word] * 200}
    found = assess(from_table(pa.table(columns)), seed=1, count=100)
    return found | {
        "importance": {"metric": "roc_auc", "rows": 400, "repeats": 3,
                       "features": [{"name": word, "loss": 0.1, "spread": 0.01}]},
        "robustness": {"missing_values": {"asked": 2, "answered": 1, "refused": 0, "wrong": [f"{word} is null"]}},
        "claimed": {"roc_auc": 0.9},
    }  # fmt: skip


def report(word: str = "x", checks: tuple[Check, ...] = CHECKS, **changes: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "model": word,
        "job": f"rt-{word}",
        "version": "2",
        "champion": "1",
        "evidence": "e" * 64,
        "policy_digest": "p" * 64,
        "judged_at": datetime(2026, 1, 1, tzinfo=UTC),
        "judgement": Judgement(verdict="fail", checks=checks),
        "evaluation": evaluation(word),
    }
    return model_test.data(**(given | changes))


@pytest.mark.parametrize("word", ["x", EVIL])
@pytest.mark.parametrize("task", ["binary", "regression"])
def test_the_page_is_balanced_and_fetches_nothing(word: str, task: str) -> None:
    page = model_test.render(report(word, evaluation=evaluation(word, task)))
    outline = Outline(page)
    assert not outline.all("script")
    assert not outline.all("img")
    for _, attributes in outline.seen:
        assert not {"src", "href", "onload", "onerror"} & set(attributes)
    assert "http" not in page.replace("http-equiv", "")
    assert word in outline.text


def test_what_no_gate_asks_for_has_no_verdict() -> None:
    found = report()
    found["evaluation"]["comparison"]["accuracy"] |= {"lower": -0.2, "upper": -0.1, "difference": -0.15}
    page = model_test.render(found)
    assert "-0.1500 worse" in page
    assert page.index(">roc_auc<") < page.index(">log_loss<"), "the gate's own metric comes first"


def test_every_section_that_was_promised_is_there() -> None:
    outline = Outline(model_test.render(report()))
    for title in ("Checks", "Candidate against champion", "Metrics", "Slices", "Calibration", "Confusion matrix",
                  "Largest errors of the candidate", "What mattered", "Robustness", "Evidence"):  # fmt: skip
        assert title in outline.text, title
    assert len(outline.all("svg")) == 6, "intervals, slices, calibration, two matrices, importance"
    assert "The pipeline itself says otherwise: roc_auc 0.9" in outline.text
    assert "carrier=UA: much worse" in outline.text
    assert "1 of 3" in outline.text


def test_the_largest_errors_are_named_by_position_and_slice_only() -> None:
    found = evaluation()
    page = Outline(model_test.render(report(evaluation=found))).text
    worst = found["largest_errors"][0]
    assert set(worst) == {"row", "error", "slices"}
    assert str(worst["row"]) in page


def test_metrics_that_should_be_small_are_turned_around() -> None:
    found = report()
    entry = found["evaluation"]["comparison"]["log_loss"]
    page = model_test.render(found)
    assert f"log_loss: better by {-entry['difference']:.4f}" in page


@pytest.mark.parametrize("changes", [{"comparison": None, "champion": None, "slices": []}, {}])
def test_what_is_missing_is_left_out(changes: dict[str, Any]) -> None:
    body = (evaluation() | changes) if changes else {}
    outline = Outline(model_test.render(report(evaluation=body, champion=None, version=None, checks=())))
    assert "Candidate against champion" not in outline.text
    assert "not registered" in outline.text
    assert "none yet" in outline.text


def test_junit_has_a_case_for_each_check() -> None:
    top = ET.fromstring(junit.render(report()))
    suite = top.find("testsuite")
    assert suite is not None
    assert {key: suite.get(key) for key in ("tests", "failures", "errors")} == {
        "tests": "3", "failures": "1", "errors": "1",
    }  # fmt: skip
    said = [(case.get("name"), [child.tag for child in case]) for case in suite.iter("testcase")]
    assert said == [
        ("champion roc_auc", ["system-out"]),
        ("slice carrier=UA roc_auc", ["failure"]),
        ("slice carrier=AA roc_auc", ["error"]),
    ]
    failure = suite.find(".//failure")
    assert failure is not None
    assert failure.get("message") == "carrier=UA: much worse"
    assert {one.get("name"): one.get("value") for one in suite.iter("property")}["evidence"] == "e" * 64


def test_junit_survives_any_text() -> None:
    odd = Check(name=f"slice c={ODD}", verdict="fail", reason=ODD)
    text = junit.render(report(checks=(odd,), evaluation={}, model=ODD))
    case = next(ET.fromstring(text.encode()).iter("testcase"))
    assert case.get("name", "").startswith("slice c=</title><script>alert(1)</script>")
    text.encode("utf-8")


def test_the_data_are_json_and_the_same_each_time() -> None:
    one, other = (model_test.as_json(report()) for _ in range(2))
    assert one == other
    body = json.loads(one, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    assert [check["verdict"] for check in body["checks"]] == ["pass", "fail", "inconclusive"]
    assert body["evaluation"]["rows"] == 600
