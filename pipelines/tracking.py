"""Params and metrics to MLflow, wherever the job was told to track them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def track(params: Mapping[str, object], metrics: Mapping[str, float]) -> None:
    """Log to the job's run; says so and does nothing where no tracking server was given."""
    if "MLFLOW_TRACKING_URI" not in os.environ:
        print("MLFLOW_TRACKING_URI is not set: nothing is tracked")
        return
    import mlflow

    # Azure ML names the run in MLFLOW_RUN_ID and start_run resumes it; elsewhere the job's name is the run's.
    name = None if "MLFLOW_RUN_ID" in os.environ else os.environ.get("AZUREML_RUN_ID")
    with mlflow.start_run(run_name=name):
        mlflow.log_params(dict(params))
        mlflow.log_metrics(dict(metrics))
