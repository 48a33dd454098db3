"""What pipelines write and what they are told: locations, manifest, evaluation, golden predictions."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cloud.jobs import REASON, manifest_body, read_evaluation, shortened
from cloud.location import Location
from cloud.probe import judge, read_golden
from control.drift_signal import DriftSignal
from control.errors import BadData
from control.facts import Batch
from control.policy import Approval, CompleteWhen, Data, Gates, Policy, Release, Retrain

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("uri", "place"),
    [
        ("azureml://datastores/landing/paths/a/b/", Location("landing", "a/b/")),
        (
            "azureml://subscriptions/s/resourcegroups/g/workspaces/w/datastores/workspaceblobstore/paths/x",
            Location("workspaceblobstore", "x"),
        ),
        ("azureml:/subscriptions/s/resourceGroups/g/datastores/d/paths/", Location("d", "")),
        ("azureml://jobs/j/outputs/artifacts/paths/model/", None),
        ("https://a.blob.core.windows.net/c/x", None),
        ("", None),
    ],
)
def test_where_a_uri_points(uri: str, place: Location | None) -> None:
    assert Location.of(uri) == place


def policy(**changes: Any) -> Policy:
    fields: dict[str, Any] = {
        "name": "m",
        "data": Data(datastore="landing", prefix="x/", complete_when=CompleteWhen(each_file=True)),
        "retrain_on": frozenset({"drift"}),
        "inputs": DriftSignal(features=("carrier", "temp"), lookback=timedelta(days=1)),
        "retrain": Retrain(job="pipelines/train.yml"),
        "gates": Gates(),
        "approval": Approval(),
        "release": Release(endpoint="e", deployment="pipelines/deployment.yml"),
        "digest": "d",
        "source": "policies/m.yaml",
    }
    return Policy(**(fields | changes))


def test_the_manifest_names_paths_in_the_order_of_the_training() -> None:
    training, evaluation = ("v2", "v1"), ("v3",)
    batches = [
        Batch(version=f"v{n}", path=f"2013-0{n}/", arrived=NOW, quality="pass", drift="pass", rows=1)
        for n in (1, 2, 3)
    ]
    body = manifest_body(policy(), batches, training, evaluation, seed=7)
    assert json.loads(body) == {
        "schema": 1,
        "model": "m",
        "training": ["2013-02/", "2013-01/"],
        "evaluation": ["2013-03/"],
        "features": ["carrier", "temp"],
        "seed": 7,
    }
    assert body == manifest_body(policy(), list(reversed(batches)), training, evaluation, seed=7)


def test_an_evaluation_is_known_by_the_bytes_of_both_files(tmp_path: Path) -> None:
    """As anybody can find out with two commands."""
    files = {"evaluation.json": b'{"schema": 1}', "predictions.parquet": b"PAR1"}
    for name, body in files.items():
        (tmp_path / name).write_bytes(body)
    found = read_evaluation(*files.values(), "e/")
    command = "sha256sum evaluation.json predictions.parquet | sha256sum"
    said = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert found.digest == said.stdout.split()[0]
    assert (found.body, found.predictions) == ({"schema": 1}, b"PAR1")
    others = [
        read_evaluation(b'{"schema":1}', b"PAR1", "e/"),
        read_evaluation(b'{"schema": 1}', b"PAR2", "e/"),
        read_evaluation(b'{"schema": 1}', None, "e/"),
        read_evaluation(None, b"PAR1", "e/"),
    ]
    assert len({found.digest, *(other.digest for other in others)}) == 5
    assert others[-1].body == {"schema": 1}, "the rows alone are an evaluation"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"schema": 2}', b'{"schema": 1, "x": NaN}', b"\xff"])
def test_an_evaluation_that_cannot_be_read_is_bad_data(body: bytes) -> None:
    with pytest.raises(BadData, match="evaluation"):
        read_evaluation(body, None, "e/")


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"schema": 1, "request": {}}', b'{"request": {}, "response": 1}']
)
def test_golden_predictions_that_cannot_be_read_are_bad_data(body: bytes) -> None:
    with pytest.raises(BadData, match="golden"):
        read_golden(body, "golden.json")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ('{"p": [0.1]}', None),
        ('"{\\"p\\": [0.1000000001]}"', None),
        ('{"p": [0.2]}', "response.p[0] is off by 0.1, 1e-06 is allowed"),
        ("<html>", "the answer is not JSON"),
        ('"no"', "the answer is not JSON"),
    ],
)
def test_an_answer_is_judged(answer: str, reason: str | None) -> None:
    assert judge({"p": [0.1]}, answer, 1e-6) == reason


def test_a_long_failure_keeps_its_begin_and_its_end() -> None:
    said = "step evaluate failed: " + "frame\n" * 400 + "ValueError: no classes_"
    short = shortened(said)
    assert len(short) <= REASON + 10
    assert short.startswith("step evaluate failed: ")
    assert short.endswith("ValueError: no classes_")
    assert shortened("brief") == "brief"
