"""A tabular model in its folder: `model.joblib` (a scikit-learn pipeline) and `model.json` (what it expects).

Training, evaluation and serving answer through this file, so a golden prediction compares like with like.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd

DESCRIPTION = "model.json"
ESTIMATOR = "model.joblib"


class BadRequest(Exception):  # noqa: N818 - the caller answers 400 with it
    """The request cannot be answered; the message says what to send instead."""


@dataclass(frozen=True, kw_only=True)
class TabularModel:
    """An estimator and what it expects."""

    task: str
    """`binary` or `regression`."""
    label: str
    features: dict[str, str]
    """Name to `number` or `category`, in the estimator's order."""
    threshold: float
    """Probability from which the label is 1."""
    estimator: Any

    @classmethod
    def load(cls, folder: Path) -> TabularModel:
        """Read the model that lies in the folder, or in the one folder below it that has one.

        Raises:
            FileNotFoundError: there is no model, or more than one.
        """
        found = sorted(Path(folder).rglob(DESCRIPTION))
        if len(found) != 1:
            raise FileNotFoundError(f"{folder} has {len(found)} files named {DESCRIPTION}, not one")
        home = found[0].parent
        description = json.loads(found[0].read_text())
        return cls(
            task=description["task"],
            label=description["label"],
            features=description["features"],
            threshold=description["threshold"],
            estimator=joblib.load(home / ESTIMATOR),
        )

    def save(self, folder: Path) -> None:
        """Write the model into the folder."""
        folder.mkdir(parents=True, exist_ok=True)
        joblib.dump(self.estimator, folder / ESTIMATOR)
        description = {
            "schema": 1,
            "task": self.task,
            "label": self.label,
            "features": self.features,
            "threshold": self.threshold,
        }
        (folder / DESCRIPTION).write_text(json.dumps(description, indent=1))

    def scores(self, frame: pd.DataFrame) -> np.ndarray:
        """The probability of label 1, or the predicted number, for each row."""
        rows = frame[list(self.features)]
        if self.task == "binary":
            return np.asarray(self.estimator.predict_proba(rows)[:, 1], dtype=np.float64)
        return np.asarray(self.estimator.predict(rows), dtype=np.float64)

    def frame(self, request: Any) -> pd.DataFrame:
        """The request's rows, checked.

        Raises:
            BadRequest: columns are missing, or values are not what their column holds.
        """
        columns = _columns(request)
        missing = [name for name in self.features if name not in columns]
        if missing:
            raise BadRequest(f"columns are missing: {', '.join(missing)}")
        return pd.DataFrame(
            {name: _checked(name, kind, columns[name]) for name, kind in self.features.items()}
        )

    def outputs(self, frame: pd.DataFrame) -> pd.DataFrame:
        """One row of predictions for each row."""
        scores = self.scores(frame)
        if self.task == "binary":
            return pd.DataFrame({"label": (scores >= self.threshold).astype(int), "probability": scores})
        return pd.DataFrame({"prediction": scores})

    def answer(self, request: Any) -> dict[str, list[Any]]:
        """The response to a request: a list of predictions for each output column."""
        return response(self.outputs(self.frame(request)))


def response(outputs: pd.DataFrame) -> dict[str, list[Any]]:
    """Predictions as the endpoint answers them."""
    plural = {"label": "labels", "probability": "probabilities", "prediction": "predictions"}
    return {plural[name]: outputs[name].tolist() for name in outputs.columns}


def _columns(request: Any) -> dict[str, list[Any]]:
    body = request.get("input_data") if isinstance(request, dict) else None
    if isinstance(body, dict):
        names, rows = body.get("columns"), body.get("data")
        if not isinstance(names, list) or not isinstance(rows, list):
            raise BadRequest("input_data needs the lists 'columns' and 'data'")
        for index, row in enumerate(rows):
            if not isinstance(row, list) or len(row) != len(names):
                raise BadRequest(f"row {index} must be a list of {len(names)} values")
        values = {str(name): [row[place] for row in rows] for place, name in enumerate(names)}
    elif isinstance(body, list):
        rows = body
        for index, row in enumerate(rows):
            if not isinstance(row, dict) or row.keys() != rows[0].keys():
                raise BadRequest(f"row {index} must be an object with the same keys as row 0")
        values = {name: [row[name] for row in rows] for name in (rows[0] if rows else ())}
    else:
        raise BadRequest(
            'send {"input_data": {"columns": [...], "data": [[...]]}} or {"input_data": [{...}]}'
        )
    if not rows:
        raise BadRequest("input_data has no rows")
    return values


def _checked(name: str, kind: str, values: list[Any]) -> Any:
    allowed: tuple[type, ...] = (int, float) if kind == "number" else (str,)
    for index, value in enumerate(values):
        if value is not None and not isinstance(value, allowed):
            raise BadRequest(f"row {index}: column '{name}' must be a {kind} or null, not {value!r:.40}")
    if kind == "number":
        return np.array(values, dtype=np.float64)
    return pd.array(values, dtype="str")
