"""What the app loads before the host has its functions' metadata: nothing heavier than azure.functions."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from worker_process import ROOT, needs_worker, run_worker

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

HEAVY = {
    "aiohttp",
    "azure.ai",
    "azure.core",
    "azure.data",
    "azure.eventgrid",
    "azure.identity",
    "azure.monitor",
    "azure.purview",
    "azure.storage",
    "jsonschema",
    "msal",
    "numpy",
    "opentelemetry",
    "pandas",
    "pyarrow",
    "requests",
    "scipy",
    "yaml",
}


def heavy(modules: Iterable[str]) -> set[str]:
    """Which of the heavy packages are among the modules."""
    return {name for module in modules for name in HEAVY if module == name or module.startswith(f"{name}.")}


def modules_after(statement: str, folder: Path) -> set[str]:
    """What a fresh interpreter has loaded after the statement."""
    done = subprocess.run(
        [sys.executable, "-c", f"{statement}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    return set(json.loads(done.stdout))


def test_importing_the_app_loads_nothing_heavy() -> None:
    loaded = modules_after("import function_app", ROOT)
    assert {"function_app", "azure.functions", "handlers.intake"} <= loaded
    assert heavy(loaded) == set()
    assert not {module for module in loaded if module.split(".")[0] in {"cloud", "drift", "local", "cli"}}


@needs_worker
def test_nothing_heavy_is_loaded_when_the_worker_answers_with_the_metadata() -> None:
    answer = run_worker(ROOT)
    assert "function_app" in answer["modules"]
    assert heavy(answer["modules"]) == set()


def test_a_heavy_module_would_be_seen(tmp_path: Path) -> None:
    (tmp_path / "heavy_app.py").write_text("import azure.identity, yaml, numpy\n", encoding="utf-8")
    assert heavy(modules_after("import heavy_app", tmp_path)) >= {"azure.identity", "msal", "yaml", "numpy"}
