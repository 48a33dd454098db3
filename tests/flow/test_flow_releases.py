"""Releases under live traffic on real inference servers: a good version is promoted, bad ones answer few requests."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import flow_models
import flow_steady
import pytest
import yaml
from flow_load import Load
from flow_loop import ROOT, Loop

from control.state import Champion

NAME = "guarded"
RECONCILE = timedelta(seconds=10)
"""As tests/flow/flow_loop.py sets it."""


def _policy() -> dict[str, Any]:
    body = flow_steady.policy(
        NAME,
        gates={"job": f"{NAME}/evaluate.yml", "thresholds": [{"metric": "roc_auc", "at_least": 0.5}]},
        release={
            "deployment": f"{NAME}/deployment.yml",
            "bake": "PT5S",
            "deadline": "PT2M",
            "min_requests": 200,
            "keep_previous": "PT10M",
            "abort_if": {
                "error_rate": "> 1%",
                "latency_p90": "> 1.5x champion",
                "prediction_drift": "> 0.1",
            },
        },
    )
    body["release"]["steps"] = [50, 100]
    return body


@pytest.fixture(scope="module")
def champion(loop: Loop) -> Champion:
    """A model that answers, on two instances."""
    app = loop.folder / "app"
    evaluation = yaml.safe_load((ROOT / "pipelines" / "evaluate.yml").read_text())
    evaluation["inputs"] |= {"label": "rain", "slices": "origin", "resample_by": "none"}
    flow_steady.write_yaml(app / NAME / "evaluate.yml", evaluation)
    deployment = yaml.safe_load((ROOT / "pipelines" / "deployment.yml").read_text())
    deployment["code_configuration"]["code"] = "../pipelines/score"
    deployment["instance_count"] = 2
    flow_steady.write_yaml(app / NAME / "deployment.yml", deployment)
    flow_steady.promote_first(loop, _policy())
    found = loop.intent(NAME).releasing.champion
    assert found
    return found


def _deployment(loop: Loop, version: str) -> str:
    made = [entry["detail"] for entry in loop.audit(NAME, "CreateDeployment")]
    return next(str(one["deployment"]) for one in reversed(made) if one["version"] == version)


def _rolled_back(loop: Loop, version: str) -> dict[str, Any]:
    """The end of that version's release, once it has one."""
    ended = loop.until(
        f"the end of version {version}",
        lambda: [
            entry
            for entry in loop.audit(NAME, "rolled back", "promoted", "candidate refused")
            if entry["detail"].get("version") == version
        ],
    )[-1]
    assert ended["name"] == "rolled back", ended
    detail: dict[str, Any] = ended["detail"]
    return detail


def _at_rest(loop: Loop, champion: Champion) -> None:
    endpoint = loop.services.places[None].workspace.endpoint(NAME)
    assert endpoint.traffic == {champion.deployment: 100}
    assert endpoint.mirror == {}
    intent = loop.intent(NAME)
    assert intent.releasing.champion
    assert intent.releasing.champion.version == champion.version
    assert intent.releasing.candidate is None


def _given_back_in(loop: Loop, version: str) -> timedelta:
    """From the verdict to the traffic's way back being taken."""
    trail = loop.audit(NAME)
    at = next(
        n
        for n, entry in enumerate(trail)
        if entry["name"] == "roll back" and entry["detail"]["version"] == version
    )
    back = next(entry for entry in trail[at:] if entry["name"] == "SetTraffic")
    return datetime.fromisoformat(back["at"]) - datetime.fromisoformat(trail[at]["at"])


BAD = {"raises": "error rate", "slow": "latency p90", "shifted": "predictions of "}
"""What a version does where it serves, and what the verdict says."""


@pytest.mark.long
@pytest.mark.parametrize("how", BAD)
def test_a_bad_version_is_rolled_back(
    loop: Loop, champion: Champion, job_python: Path, tmp_path: Path, how: str
) -> None:
    """Registered by hand with copied tags: it passes the gate and its golden predictions, and is bad live."""
    with Load(loop, NAME, 25) as load:
        version = flow_models.register(loop, job_python, NAME, how, tmp_path)
        told = _rolled_back(loop, version)
        name = _deployment(loop, version)
        after = load.sent
        loop.until("it goes on", lambda: load.sent > after + 25)
    judged = [entry["detail"] for entry in loop.audit(NAME, "candidate passed")]
    assert version in {one["version"] for one in judged}, "an evaluation of ours, not the copied tags"
    assert BAD[how] in told["reason"]
    assert 0 < told["share"] < 0.6
    assert told["answered"] == pytest.approx(load.by(name), abs=5)
    assert {(status, by) for status, by, _ in load.failed()} == ({(424, name)} if how == "raises" else set())
    assert _given_back_in(loop, version) < RECONCILE
    _at_rest(loop, champion)
    assert set(loop.services.places[None].workspace.endpoint(NAME).deployments) == {champion.deployment}


@pytest.mark.long
def test_a_version_with_wrong_golden_predictions_sees_no_request(
    loop: Loop, champion: Champion, job_python: Path, tmp_path: Path
) -> None:
    version = flow_models.register(loop, job_python, NAME, "golden", tmp_path)
    ended = loop.until(
        "its end",
        lambda: [
            entry["detail"]
            for entry in loop.audit(NAME, "rolled back", "promoted", "candidate refused")
            if entry["detail"].get("version") == version
        ],
    )[-1]
    assert "golden predictions" in ended["reason"]
    assert version in loop.intent(NAME).releasing.refused
    assert version not in {entry["detail"]["version"] for entry in loop.audit(NAME, "traffic step")}
    _at_rest(loop, champion)


def test_a_good_version_is_promoted_and_rolled_back_on_a_persons_word(
    loop: Loop, champion: Champion, job_python: Path, tmp_path: Path
) -> None:
    """Not one request fails on the way, neither there nor back."""
    with Load(loop, NAME, 20) as load:
        version = flow_models.register(loop, job_python, NAME, "good", tmp_path)
        loop.until(
            "it is the champion",
            lambda: (now := loop.intent(NAME).releasing.champion) and now.version == version,
        )
        name = _deployment(loop, version)
        loop.until(
            "the previous one keeps one instance",
            lambda: (
                loop.services.places[None].workspace.endpoint(NAME).deployments[champion.deployment].instances
                == 1
            ),
        )
        said = subprocess.run(
            [sys.executable, "-m", "cli.main", "rollback", NAME, "--wait", "--reason", "a test"],
            cwd=ROOT,
            env=os.environ | flow_steady.settings(loop),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert said.returncode == 0, said.stdout + said.stderr
        after = load.by(champion.deployment)
        loop.until("the first answers", lambda: load.by(champion.deployment) > after + 25)
    assert load.failed() == {}
    assert load.by(name) > 60
    assert "goes back" in said.stdout
    assert f"version {champion.version} answers (traffic: {champion.deployment} 100 %)" in said.stdout
    _at_rest(loop, champion)
    told = _rolled_back_now(loop, version)
    assert told["answered"] == pytest.approx(load.by(name), abs=5)
    grown = loop.until(
        "all its instances are back",
        lambda: (
            loop.services.places[None].workspace.endpoint(NAME).deployments[champion.deployment].instances
            == 2
        ),
    )
    assert grown
    steps = [entry["detail"]["percent"] for entry in loop.audit(NAME, "traffic step")]
    assert steps[-2:] == [50, 100]
    sizes = [
        (e["detail"]["deployment"], e["detail"]["instances"]) for e in loop.audit(NAME, "ScaleDeployment")
    ]
    assert sizes[-3:] == [(name, 2), (champion.deployment, 1), (champion.deployment, 2)]
    assert version in loop.intent(NAME).releasing.refused


def _rolled_back_now(loop: Loop, version: str) -> dict[str, Any]:
    detail: dict[str, Any] = next(
        entry["detail"] for entry in loop.audit(NAME, "rolled back") if entry["detail"]["version"] == version
    )
    return detail


SWIFT = "swift"
SCORE = """
import json, os
from pathlib import Path


def init():
    global golden
    golden = json.loads(next(Path(os.environ["AZUREML_MODEL_DIR"]).rglob("golden.json")).read_text())


def run(data):
    if json.loads(data) == golden["request"]:
        return golden["response"]
    return {"labels": [0], "probabilities": [0.1]}
"""
"""A model that costs nothing: what is tried here are the ways of the traffic, on two cores."""


@pytest.mark.long
def test_fifty_requests_a_second_are_all_answered_there_and_back(
    loop: Loop, job_python: Path, tmp_path: Path
) -> None:
    """Shadow, steps, promotion, and the alert that rolls it back: 50 requests/s, none of them fails."""
    app = loop.folder / "app"
    (app / SWIFT / "score").mkdir(parents=True)
    (app / SWIFT / "score" / "score.py").write_text(SCORE)
    deployment = yaml.safe_load((ROOT / "pipelines" / "deployment.yml").read_text())
    del deployment["data_collector"]
    flow_steady.write_yaml(app / SWIFT / "deployment.yml", deployment | {"instance_count": 2})
    evaluation = yaml.safe_load((ROOT / "pipelines" / "evaluate.yml").read_text())
    evaluation["inputs"] |= {"label": "rain", "slices": "origin", "resample_by": "none"}
    flow_steady.write_yaml(app / SWIFT / "evaluate.yml", evaluation)
    body = flow_steady.policy(
        SWIFT,
        gates={"job": f"{SWIFT}/evaluate.yml", "thresholds": [{"metric": "roc_auc", "at_least": 0.5}]},
        release={
            "deployment": f"{SWIFT}/deployment.yml",
            "mirror": {"percent": 20, "for": "PT3S"},
            "bake": "PT3S",
            "deadline": "PT2M",
            "min_requests": 20,
            "keep_previous": "PT10M",
            "abort_if": {"error_rate": "> 1%"},
        },
    )
    body["release"]["steps"] = [10, 50, 100]
    body["alerts"].append({"rule": f"{SWIFT}-errors", "do": "roll_back"})
    flow_steady.promote_first(loop, body)
    first = loop.intent(SWIFT).releasing.champion
    assert first
    with Load(loop, SWIFT, 50) as load:
        version = flow_models.register(loop, job_python, SWIFT, "good", tmp_path)
        loop.until(
            "it is the champion",
            lambda: (now := loop.intent(SWIFT).releasing.champion) and now.version == version,
        )
        before = load.sent
        loop.until("it answers for a while", lambda: load.sent > before + 100)
        status, said = loop.post("/api/alert", flow_steady.alert(f"{SWIFT}-errors"))
        assert status == 202, said
        loop.until(
            "the first is the champion again, and rests",
            lambda: (
                (now := loop.intent(SWIFT).releasing)
                and now.phase == "promoted"
                and now.champion
                and now.champion.version == first.version
            ),
        )
        before = load.sent
        loop.until("it goes on", lambda: load.sent > before + 100)
    assert load.failed() == {}
    answered = {answer.deployment for answer in load.answers}
    assert answered == {"g001", "g002"}
    steps = [entry["detail"]["percent"] for entry in loop.audit(SWIFT, "traffic step")]
    assert steps == [100, 10, 50, 100]
    assert loop.audit(SWIFT, "shadow")
    (told,) = [entry["detail"] for entry in loop.audit(SWIFT, "rolled back")]
    assert told["reason"] == f"alert {SWIFT}-errors"
    assert told["answered"] == pytest.approx(load.by("g002"), abs=5)
    endpoint = loop.services.places[None].workspace.endpoint(SWIFT)
    assert endpoint.traffic == {"g001": 100}
    assert set(endpoint.deployments) == {"g001"}
