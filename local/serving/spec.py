"""What one deployment is, and how it fails."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class DeploymentFailed(Exception):  # noqa: N818 - it is what Azure ML's provisioning state says
    """The deployment did not become ready; the message ends with the tail of its log."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DeploymentSpec:
    """Everything that an online deployment needs to run here."""

    endpoint: str
    name: str
    model_name: str
    model_version: str
    model_dir: Path
    """The model itself, a folder or a file; as in Azure, AZUREML_MODEL_DIR is a folder that holds it."""
    code_dir: Path
    scoring_script: str
    """Path of the scoring script inside `code_dir`."""
    python: Path
    """Interpreter of the environment that has the inference server."""
    environment_variables: dict[str, str] = field(default_factory=dict)
    collections: tuple[str, ...] = ()
    """Data collections that are switched on, e.g. `model_inputs`."""
    instance_count: int = 1
    request_timeout_ms: int = 5000
    ready_timeout: float = 120
    """Seconds that an instance may take until it is healthy."""
