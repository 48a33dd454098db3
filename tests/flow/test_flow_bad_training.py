"""Training that cannot succeed, and candidates that must not: the champion stays, and the trail says why."""

from __future__ import annotations

from typing import Any

import flow_rain
import flow_reports
import flow_steady
import numpy as np
import pyarrow as pa
import pytest
from flow_loop import Loop, write_policy

from cloud.mlclient import ml_client
from cloud.settings import read_settings
from control.state import Champion

FAILING = "failing"
KEPT = "kept"


def test_a_job_that_fails_is_tried_again_and_given_up_until_there_is_new_evidence(loop: Loop) -> None:
    app = loop.folder / "app"
    flow_steady.write_yaml(app / FAILING / "train.yml", flow_steady.pipeline(FAILING, label="snow"))
    body = flow_steady.policy(FAILING, retrain={"job": f"{FAILING}/train.yml", "max_attempts": 2})
    write_policy(app, FAILING, body)
    loop.land(f"{FAILING}/2013-01/", flow_rain.month(1))
    given_up = loop.until("it is given up", lambda: loop.audit(FAILING, "retraining given up"), patience=120)
    failed = loop.audit(FAILING, "retraining failed")
    launched = [entry["detail"]["job"] for entry in loop.audit(FAILING, "retrain")]
    tried = [failed[0]["detail"], given_up[0]["detail"]]
    assert [detail["job"] for detail in tried] == launched
    assert len(set(launched)) == 2, "each try has a name of its own"
    assert [detail["attempts"] for detail in tried] == [1, 2]
    assert failed[0]["detail"]["retry_in_s"] == 1.0
    for detail in tried:
        assert detail["reason"].startswith("the job failed: ")
        assert "2013-01/part.parquet: column 'snow' is missing" in detail["reason"]
    # It is what Azure ML says of the very job.
    ml = ml_client(read_settings(flow_steady.settings(loop)))
    for job in launched:
        assert ml.jobs.get(job).status == "Failed"
    notice = f"notice for the owners of {FAILING}: {FAILING}: retraining given up after 2 attempts: the job"
    loop.until("a notice", lambda: notice in loop.log, patience=30)
    assert loop.intent(FAILING).retraining.phase == "idle"
    # The pipeline is mended; new evidence trains again.
    flow_steady.write_yaml(app / FAILING / "train.yml", flow_steady.pipeline(FAILING))
    loop.land(f"{FAILING}/2013-02/", flow_rain.month(2))
    loop.until("the candidate is judged", lambda: loop.audit(FAILING, "candidate passed"), patience=120)
    assert len(loop.audit(FAILING, "retrain")) == 3


@pytest.fixture(scope="module")
def champion(loop: Loop) -> Champion:
    """A model with a champion, and batches that are fresh."""
    flow_steady.promote_first(loop, _policy("rain/train.yml"))
    found = loop.intent(KEPT).releasing.champion
    assert found
    return found


def _policy(job: str) -> dict[str, Any]:
    gate = {"metric": "roc_auc", "non_inferior_by": 0.01, "confidence": 0.9}
    return flow_steady.policy(
        KEPT, retrain={"job": job, "max_attempts": 1}, gates={"champion": gate, "thresholds": []}
    )


def _unregistered() -> dict[str, Any]:
    body = flow_steady.pipeline(KEPT)
    body["jobs"]["train"]["component"] = "azureml:nobody_registered_this@latest"
    return body


def _without_champion() -> dict[str, Any]:
    body = flow_steady.pipeline(KEPT)
    del body["inputs"]["champion"]
    body["jobs"]["evaluate"]["inputs"]["champion"] = "${{parent.inputs.data}}"
    return body


PIPELINES: dict[str, tuple[Any, list[str]]] = {
    "missing": (None, ["policies/kept.yaml: retrain.job names kept/missing.yml, which does not exist"]),
    "no-yaml": (
        "type: pipeline\njobs: [unclosed\n",
        ["kept/no-yaml.yml cannot be read as Azure ML's YAML: "],
    ),
    "no-pipeline": ("just a word\n", ["kept/no-pipeline.yml cannot be read as Azure ML's YAML: "]),
    "unregistered": (_unregistered(), ["nobody_registered_this", "not found"]),
    "no-input": (_without_champion(), ["kept/no-input.yml has no input 'champion'", "pipeline-contract.md"]),
}


@pytest.mark.parametrize("name", PIPELINES)
def test_a_pipeline_that_cannot_be_submitted(loop: Loop, champion: Champion, name: str) -> None:
    body, words = PIPELINES[name]
    if body is not None:
        flow_steady.write_yaml(loop.folder / "app" / KEPT / f"{name}.yml", body)
    write_policy(loop.folder / "app", KEPT, _policy(f"{KEPT}/{name}.yml"))
    before = flow_steady.ask(loop, KEPT)
    given_up = loop.until(
        "it is given up", lambda: flow_steady.since(loop, KEPT, before, "retraining given up"), patience=60
    )
    reason = given_up[0]["detail"]["reason"]
    assert reason.startswith("Azure ML refused the job: ")
    for word in words:
        assert word in reason
    assert f"{KEPT}: retraining given up after 1 attempts: {reason}" in loop.log
    _is_kept(loop, champion)


def test_a_candidate_that_is_worse_than_the_champion(loop: Loop, champion: Champion) -> None:
    """It learns that rain is what it is not; the champion and it are judged on the same good month."""
    month = flow_rain.month(4)
    wrong = pa.array(1 - month["rain"].to_numpy(), pa.int64())
    number = month.column_names.index("rain")
    loop.land(f"{KEPT}/2013-04/", month.set_column(number, "rain", wrong))
    flow_steady.arrive(loop, KEPT, 5)
    write_policy(loop.folder / "app", KEPT, _policy("rain/train.yml"))
    before = flow_steady.ask(loop, KEPT)
    judged = loop.until(
        "the gate's word",
        lambda: flow_steady.since(loop, KEPT, before, "candidate refused"),
        patience=120,
    )[0]["detail"]
    assert judged["verdict"] == "fail"
    assert judged["champion"] == champion.version
    assert judged["candidate_value"] < 0.5 < judged["champion_value"]
    assert judged["upper"] < -0.01
    assert "against the champion" in judged["reason"]
    assert len(judged["evidence"]) == 64
    assert np.isfinite(judged["difference"])
    report = flow_reports.of(loop, judged)
    assert report["version"] is None
    assert report["evaluation"]["confusion"]["candidate"]["false_negative"] > 0
    _is_kept(loop, champion)
    flow_steady.arrive(loop, KEPT, 6)  # whichever test comes next has something new to learn
    assert [model.version for model in loop.services.places[None].workspace.models(_kept(loop))] == [
        champion.version
    ]


def _kept(loop: Loop) -> Any:
    return loop.services.policies.get(KEPT)


def _is_kept(loop: Loop, champion: Champion) -> None:
    """The champion answers everything, and nothing else was deployed."""
    intent = loop.intent(KEPT)
    assert intent.retraining.phase == "idle"
    assert intent.releasing.candidate is None
    assert intent.releasing.champion
    assert intent.releasing.champion.version == champion.version
    endpoint = loop.services.places[None].workspace.endpoint(KEPT)
    assert endpoint.traffic == {champion.deployment: 100}
    assert set(endpoint.deployments) == {champion.deployment}
