"""What an inference server finds around it: its model, its configuration, its environment variables."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from local.serving.spec import DeploymentSpec

INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "SSL_CERT_FILE")
"""The machine's variables that the server sees; nothing else of this process's environment leaks into it."""
GUNICORN = """\
import ctypes, os, signal, sys

bind = "127.0.0.1:0"
workers = 1
timeout = 300
graceful_timeout = 5
control_socket_disable = True


def post_fork(server, worker):
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        if os.getppid() != server.pid:
            os._exit(1)
"""
"""A file, because gunicorn passes over the names in it that its version does not know.

A worker notices within half a timeout that its master was killed; on Linux the kernel tells it at once.
"""


def lay_out(spec: DeploymentSpec, folder: Path) -> Path:
    """Put the model and the configuration into the folder; returns gunicorn's settings file."""
    models = _models(spec, folder)
    models.mkdir(parents=True)
    _link(spec.model_dir, models / spec.model_dir.name)
    enabled = {name: {"enabled": True, "sampleRatePercentage": 100} for name in spec.collections}
    _collections(folder).write_text(json.dumps({"collections": enabled, "runMode": "cloud"}))
    settings = folder / "gunicorn.conf.py"
    settings.write_text(GUNICORN)
    return settings


def variables(spec: DeploymentSpec, folder: Path, *, instance: str, collector_port: int) -> dict[str, str]:
    """The server's whole environment: the machine's, then the deployment's, then what Azure ML sets."""
    environment = {name: os.environ[name] for name in INHERITED if name in os.environ}
    environment |= spec.environment_variables
    environment |= {
        "AML_APP_ROOT": str(spec.code_dir),
        "AZUREML_ENTRY_SCRIPT": spec.scoring_script,
        "AZUREML_MODEL_DIR": str(_models(spec, folder)),
        "AZUREML_MDC_HOST": "127.0.0.1",
        "AZUREML_MDC_PORT": str(collector_port),
        "HOSTNAME": instance,
        "SERVICE_NAME": spec.name,
        # The router gives up first and answers 408; a little later the server frees its worker.
        "SCORING_TIMEOUT_MS": str(spec.request_timeout_ms + 1000),
        "PYTHONUNBUFFERED": "1",
    }
    if spec.collections:
        environment |= {"AZUREML_MDC_ENABLED": "true", "AZUREML_MDC_CONFIG_PATH": str(_collections(folder))}
    return environment


def _models(spec: DeploymentSpec, folder: Path) -> Path:
    return folder / "azureml-models" / spec.model_name / spec.model_version


def _collections(folder: Path) -> Path:
    return folder / "mdc.json"


def _link(model: Path, place: Path) -> None:
    """The model at a second place: files as hard links where the disk allows, folders as real ones.

    A scoring script that searches its model folder would not look into a symbolic link.
    """
    if not model.is_dir():
        _link_file(str(model), str(place))
        return
    shutil.copytree(model, place, copy_function=_link_file)
    for folder in (place, *(path for path in place.rglob("*") if path.is_dir())):
        folder.chmod(0o755)  # the original may be read-only; this one will be removed again


def _link_file(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another disk
        shutil.copy2(source, target)
