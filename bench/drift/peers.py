"""Peers, each in an environment of its own, made below the data's folder from pinned requirements."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
SCRIPTS = {
    "scipy over pandas": ("scipy", "scipy_pandas.py"),
    "evidently": ("evidently", "evidently_preset.py"),
    "nannyml": ("nannyml", "nannyml_univariate.py"),
    "frouros": ("frouros", "frouros_tests.py"),
    "TFDV": ("tfdv", "tfdv_comparators.py"),
    "deepchecks": ("deepchecks", "deepchecks_features.py"),
    "alibi-detect": ("alibi", "alibi_tabular.py"),
    "whylogs": ("whylogs", "whylogs_profiles.py"),
}


def command(name: str, folder: Path) -> list[str]:
    """How to run a peer; its environment is made where it is missing.

    Raises:
        RuntimeError: it cannot be installed; says why.
    """
    environment, script = SCRIPTS[name]
    python = folder / "peers" / environment / "bin" / "python"
    if not python.exists():
        _install(environment, python)
    return [str(python), str(HERE / "subjects" / script)]


def _install(environment: str, python: Path) -> None:
    requirements = HERE / "peers" / f"{environment}.txt"
    first = requirements.read_text().splitlines()[0]
    version = first.removeprefix("# Python ").strip()
    uv = str(Path(sys.executable).with_name("uv"))
    for step in (
        [uv, "venv", "--quiet", "--python", version, str(python.parents[1])],
        [uv, "pip", "install", "--quiet", "--python", str(python), "-r", str(requirements)],
    ):
        done = subprocess.run(step, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{environment} cannot be installed: {done.stderr.strip()[-300:]}")
