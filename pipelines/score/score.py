"""Scoring script for any model of this pipeline: answers requests and collects what went in and out."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any

from azureml.ai.monitoring import Collector
from azureml.ai.monitoring.context import BasicCorrelationContext
from azureml_inference_server_http.api.aml_response import AMLResponse
from tabular_model import BadRequest, TabularModel, response

log = logging.getLogger(__name__)
PROBE = "homeostat"
"""Golden predictions are asked for under a user agent that begins with it: they are no production data."""
state: dict[str, Any] = {}


def init() -> None:
    """Load the model once."""
    state["model"] = TabularModel.load(Path(os.environ["AZUREML_MODEL_DIR"]))
    # Without a handler the collector raises: a prediction must not fail because collecting it did.
    state["inputs"] = Collector(name="model_inputs", on_error=_not_collected)
    state["outputs"] = Collector(name="model_outputs", on_error=_not_collected)


def run(data: str, request_headers: dict[str, str]) -> Any:
    """Answer a request; what cannot be answered is a 400 that says why."""
    model: TabularModel = state["model"]
    try:
        inputs = model.frame(json.loads(data))
    except (BadRequest, ValueError) as error:
        return AMLResponse({"error": str(error)}, 400, json_str=True)
    outputs = model.outputs(inputs)
    if request_headers.get("User-Agent", "").startswith(PROBE):
        return response(outputs)
    # Inputs, outputs and the caller's x-ms-request-id are joined by this id.
    known_as = BasicCorrelationContext(id=request_headers.get("X-Request-Id"))
    state["outputs"].collect(outputs, state["inputs"].collect(inputs, known_as))
    return response(outputs)


def _not_collected(error: Exception) -> None:
    log.warning("not collected: %s", error)
