"""A model on a batch endpoint: tried by a real job, made the default, and taken back by an alert."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import flow_models
import flow_steady
import pytest
import yaml
from flow_loop import ROOT, Loop

from control.names import trial_name

NAME = "nightly"
SCORE = """
import os
from pathlib import Path

import pandas as pd
from tabular_model import TabularModel


def init():
    global model
    model = TabularModel.load(Path(os.environ["AZUREML_MODEL_DIR"]))


def run(mini_batch):
    rows = pd.concat(pd.read_csv(file) for file in mini_batch).astype(object)
    rows = rows.where(rows.notna(), None)
    request = {"columns": list(rows.columns), "data": rows.to_numpy().tolist()}
    return model.outputs(model.frame({"input_data": request}))
"""
DEPLOYMENT = {
    "$schema": "https://azuremlschemas.azureedge.net/latest/modelBatchDeployment.schema.json",
    "name": "template",
    "endpoint_name": "template",
    "type": "model",
    "environment": "azureml:homeostat-tabular@latest",
    "code_configuration": {"code": "score", "scoring_script": "score.py"},
    "compute": "azureml:cpu-cluster",
    "settings": {"mini_batch_size": 10, "error_threshold": 0},
}


def _policy() -> dict[str, Any]:
    body = flow_steady.policy(
        NAME,
        gates={"job": f"{NAME}/evaluate.yml", "thresholds": [{"metric": "roc_auc", "at_least": 0.5}]},
        release={
            "deployment": f"{NAME}/deployment.yml",
            "bake": "PT5S",
            "deadline": "PT2M",
            "keep_previous": "PT10M",
        },
    )
    body["release"]["steps"] = [50, 100]
    body["alerts"].append({"rule": f"{NAME}-wrong", "do": "roll_back"})
    return body


@pytest.mark.long
def test_a_batch_model_is_tried_made_the_default_and_taken_back(
    loop: Loop, job_python: Path, tmp_path: Path
) -> None:
    app = loop.folder / "app"
    evaluation = yaml.safe_load((ROOT / "pipelines" / "evaluate.yml").read_text())
    evaluation["inputs"] |= {"label": "rain", "slices": "origin", "resample_by": "none"}
    flow_steady.write_yaml(app / NAME / "evaluate.yml", evaluation)
    flow_steady.write_yaml(app / NAME / "deployment.yml", DEPLOYMENT)
    (app / NAME / "score").mkdir()
    (app / NAME / "score" / "score.py").write_text(SCORE)
    shutil.copy(ROOT / "pipelines" / "score" / "tabular_model.py", app / NAME / "score")
    first = flow_steady.promote_first(loop, _policy())
    workspace = loop.services.places[None].workspace
    assert workspace.job(trial_name(NAME, "g001", first)).status == "completed"
    assert (workspace.endpoint(NAME).kind, workspace.endpoint(NAME).traffic) == ("batch", {"g001": 100})

    version = flow_models.register(loop, job_python, NAME, "good", tmp_path)
    loop.until(
        "it is the champion",
        lambda: (now := loop.intent(NAME).releasing.champion) and now.version == version,
    )
    endpoint = workspace.endpoint(NAME)
    assert endpoint.traffic == {"g002": 100}
    assert set(endpoint.deployments) == {"g001", "g002"}, "the one before is kept"
    assert [entry["detail"]["job"] for entry in loop.audit(NAME, "BeginTrial")] == [
        trial_name(NAME, "g001", first),
        trial_name(NAME, "g002", version),
    ]
    assert [entry["detail"]["percent"] for entry in loop.audit(NAME, "traffic step")] == [100, 100]
    assert len(loop.audit(NAME, "steps skipped")) == 2

    status, said = loop.post("/api/alert", flow_steady.alert(f"{NAME}-wrong"))
    assert status == 202, said
    loop.until("it is rolled back", lambda: loop.audit(NAME, "rolled back"))
    endpoint = workspace.endpoint(NAME)
    assert endpoint.traffic == {"g001": 100}
    assert set(endpoint.deployments) == {"g001"}
    assert version in loop.intent(NAME).releasing.refused

    # What no gate sees: the deployment's own script loses a row.
    (app / NAME / "score" / "score.py").write_text(SCORE.replace("tolist()}", "tolist()[1:]}"))
    wrong = flow_models.register(loop, job_python, NAME, "shifted", tmp_path)
    loop.until("the wrong one goes back, too", lambda: len(loop.audit(NAME, "rolled back")) == 2)
    detail = loop.audit(NAME, "rolled back")[-1]["detail"]
    assert detail["version"] == wrong
    assert "golden predictions: the trial run" in detail["reason"]
    assert "rows went in" in detail["reason"]
    assert workspace.endpoint(NAME).traffic == {"g001": 100}
    made = [entry["detail"]["traffic"] for entry in loop.audit(NAME, "SetTraffic")]
    assert made == [{"g001": 100}, {"g002": 100}, {"g001": 100}], "it was never the default"
