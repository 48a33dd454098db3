"""The verdict rests on the rows: whatever a pipeline says of them is computed again."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from control.facts import Evaluation
from control.gate import judge
from control.policy import ChampionGate, Gates, Policy, Privacy, SliceGate
from control.policy_file import read_policy
from handlers.evidence import measured

FLIGHTS = Path(__file__).parents[3] / "policies" / "flight-delay.yaml"
DIGEST = "0" * 64


@pytest.fixture(scope="module")
def policy() -> Policy:
    gates = Gates(
        champion=ChampionGate(metric="roc_auc", non_inferior_by=0.005, confidence=0.9),
        slices=(SliceGate(by="carrier", metric="roc_auc", max_drop=0.2, min_rows=200),),
    )
    return replace(read_policy(FLIGHTS.read_text("utf-8"), "flight-delay.yaml"), gates=gates)


def rows(better: float = 0.5, **columns: Any) -> bytes:
    """2,000 rows that the candidate orders better than the champion by so much."""
    random = np.random.default_rng(1)
    label = (random.random(2000) < 0.4).astype(float)
    made = {
        "label": label,
        "candidate": 1 / (1 + np.exp(-random.normal((1 + better) * label, 1))),
        "champion": 1 / (1 + np.exp(-random.normal(label, 1))),
        "slice_carrier": ["UA", "AA"] * 1000,
    }
    buffer = io.BytesIO()
    pq.write_table(pa.table({k: v for k, v in (made | columns).items() if v is not None}), buffer)
    return buffer.getvalue()


def claiming(value: float) -> dict[str, Any]:
    """What a pipeline may write that is too sure of itself."""
    return {
        "schema": 1,
        "holdout": None,
        "metrics": {"roc_auc": {"greater_is_better": True}},
        "candidate": {"metrics": {"roc_auc": value}},
        "champion": {"metrics": {"roc_auc": 0.5}},
        "comparison": {"roc_auc": {"difference": 0.4, "lower": 0.3, "upper": 0.5, "confidence": 0.99}},
        "slices": [],
        "importance": {"metric": "roc_auc", "features": []},
    }


def test_a_claim_that_the_rows_do_not_bear_out_counts_for_nothing(policy: Policy) -> None:
    said = Evaluation(digest=DIGEST, body=claiming(0.9))
    assert judge(replace(policy.gates, slices=()), said, "1").verdict == "pass", "taken at its word"
    found = measured(policy, replace(said, predictions=rows(better=-0.8)))
    judgement = judge(policy.gates, found, "1")
    assert judgement.verdict == "fail"
    assert found.body["claimed"] == {"roc_auc": 0.9}
    assert found.predictions is None, "what was looked at is not carried on"
    assert found.body["importance"] == {"metric": "roc_auc", "features": []}


def test_the_rows_alone_are_enough(policy: Policy) -> None:
    found = measured(policy, Evaluation(digest=DIGEST, body={"schema": 1}, predictions=rows()))
    assert judge(policy.gates, found, "1").verdict == "pass"
    assert found.body["comparison"]["roc_auc"]["confidence"] == 0.9
    assert found.body["claimed"] == {}
    again = measured(policy, Evaluation(digest=DIGEST, body={"schema": 1}, predictions=rows()))
    assert again.body == found.body


@pytest.mark.parametrize(
    ("predictions", "why"),
    [
        (None, "the job wrote no predictions.parquet: there is nothing to judge it by"),
        (b"PAR1", "predictions.parquet cannot be used: cannot be read as Parquet"),
        (rows(candidate=[None] * 2000), "predictions.parquet cannot be used: column 'candidate' is null in 2000 rows"),
        (rows(candidate=None), "predictions.parquet cannot be used: it has no column 'candidate'"),
    ],
)  # fmt: skip
def test_rows_that_cannot_be_used_are_inconclusive(
    policy: Policy, predictions: bytes | None, why: str
) -> None:
    found = measured(policy, Evaluation(digest=DIGEST, body=claiming(0.9), predictions=predictions))
    judgement = judge(policy.gates, found, "1")
    assert judgement.verdict == "inconclusive"
    assert judgement.reason.startswith(why)


def test_rows_without_the_champion_are_no_comparison(policy: Policy) -> None:
    found = measured(policy, Evaluation(digest=DIGEST, body=claiming(0.9), predictions=rows(champion=None)))
    assert judge(policy.gates, found, "1").verdict == "inconclusive"
    assert "no comparison of roc_auc" in judge(policy.gates, found, "1").reason


def test_whoever_a_row_is_about_is_not_looked_at(policy: Policy) -> None:
    private = replace(policy, privacy=Privacy(subject_id="carrier"))
    found = measured(private, Evaluation(digest=DIGEST, body={"schema": 1}, predictions=rows()))
    assert found.body["slices"] == []
    assert "UA" not in str(found.body)
