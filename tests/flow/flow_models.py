"""Versions that somebody registers by hand: the champion's own model, made good or bad in one way."""

from __future__ import annotations

import subprocess
from pathlib import Path

import flow_steady
from azure.ai.ml.entities import Model
from flow_loop import ROOT, Loop

from cloud.location import Location
from cloud.mlclient import ml_client
from cloud.settings import read_settings

FILES = ("model.joblib", "model.json", "golden.json", "reference_profile.bin")
SCRIPT = '''
import json, os, shutil, sys, time
from pathlib import Path

import cloudpickle
from sklearn.base import BaseEstimator, ClassifierMixin

from pipelines.score.tabular_model import TabularModel

source, target, how = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]


class Changed(ClassifierMixin, BaseEstimator):
    """Behaves only where it serves; the gate sees nothing of it."""

    asked = 0

    def __init__(self, estimator, how):
        self.estimator, self.how = estimator, how
        self.classes_ = estimator.classes_

    def fit(self, rows, labels):
        return self

    def predict(self, rows):
        return self.estimator.predict(rows)

    def predict_proba(self, rows):
        answers = self.estimator.predict_proba(rows)
        if self.how == "shifted":  # everywhere, but it ranks as before
            answers = answers.copy()
            answers[:, 1] = answers[:, 1] ** 0.4
            answers[:, 0] = 1 - answers[:, 1]
        if "AZUREML_ENTRY_SCRIPT" in os.environ:
            self.asked += 1
            if self.how == "slow":
                time.sleep(0.06)
            if self.how == "raises" and self.asked % 20 == 0:
                raise RuntimeError("a table of this version is missing")
        return answers


shutil.copytree(source, target)
if how != "good":
    model = TabularModel.load(target)
    (target / "model.joblib").write_bytes(cloudpickle.dumps(Changed(model.estimator, how)))
    golden = json.loads((target / "golden.json").read_text())
    golden["response"] = TabularModel.load(target).answer(golden["request"])
    if how == "golden":
        golden["response"]["probabilities"] = [p + 0.01 for p in golden["response"]["probabilities"]]
    (target / "golden.json").write_text(json.dumps(golden))
'''


def register(loop: Loop, python: Path, name: str, how: str, folder: Path) -> str:
    """Register a version of the model that is the champion's but for that; its number."""
    intent = loop.intent(name)
    assert intent.releasing.champion
    versions = loop.services.places[None].workspace.models(loop.services.policies.get(name))  # type: ignore[arg-type]
    before = next(model for model in versions if model.version == "1")
    place = Location.of(before.path)
    assert place
    source, target = folder / "source", folder / how
    source.mkdir(parents=True, exist_ok=True)
    with loop.blobs() as client:
        container = client.get_container_client("azureml")
        prefix = place.path.rstrip("/")
        for file in FILES:
            (source / file).write_bytes(container.download_blob(f"{prefix}/{file}").readall())
        subprocess.run(
            [python, "-c", SCRIPT, source, target, how],
            check=True,
            cwd=ROOT,
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
            timeout=120,
        )
        for path in target.rglob("*"):
            if path.is_file():
                blob = f"byhand/{name}/{how}/{path.relative_to(target).as_posix()}"
                container.upload_blob(blob, path.read_bytes(), overwrite=True)
    version = str(max(int(model.version) for model in versions) + 1)
    ml_client(read_settings(flow_steady.settings(loop))).models.create_or_update(
        Model(
            name=name,
            version=version,
            path=f"azureml://datastores/workspaceblobstore/paths/byhand/{name}/{how}/",
            type="custom_model",
            tags=before.tags,  # copied, as people do: it proves nothing
        )
    )
    return version
