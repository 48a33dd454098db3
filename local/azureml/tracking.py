"""Experiment tracking: MLflow's own file store, which `mlflow ui --backend-store-uri` opens.

A run that a job's code starts carries the job's name and tags; the experiment is the job's.
"""

from __future__ import annotations

import hashlib
import json
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class Tracking:
    """The MLflow store.

    Each experiment is made before its first job starts: two jobs that start at once would both try to.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute() / "mlruns"

    @property
    def uri(self) -> str:
        """What MLFLOW_TRACKING_URI says."""
        return self._folder.as_uri()

    def variables(self, *, job: str, parent: str, experiment: str) -> dict[str, str]:
        """The environment variables for a job; without MLflow in its environment they are of no effect."""
        self._make(experiment)
        tags = {"mlflow.runName": job, "azureml.job": job} | (
            {"azureml.pipelinerunid": parent} if parent else {}
        )
        return {
            "MLFLOW_TRACKING_URI": self.uri,
            # MLflow calls its file store finished and wants to be told that it is meant
            "MLFLOW_ALLOW_FILE_STORE": "true",
            "MLFLOW_EXPERIMENT_NAME": experiment,
            "MLFLOW_RUN_CONTEXT": json.dumps(tags),
        }

    def _make(self, experiment: str) -> None:
        """An experiment of the file store is a folder with `meta.yaml`; JSON is YAML."""
        number = str(int(hashlib.sha256(experiment.encode()).hexdigest()[:15], 16))
        folder = self._folder / number
        if folder.exists():
            return
        now = time.time_ns() // 1_000_000
        meta = {
            "artifact_location": folder.as_uri(),
            "creation_time": now,
            "experiment_id": number,
            "last_update_time": now,
            "lifecycle_stage": "active",
            "name": experiment,
        }
        folder.mkdir(parents=True)
        (folder / "meta.yaml").write_text(json.dumps(meta), encoding="utf-8")
