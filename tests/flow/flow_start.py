"""Starting `homeostat up` for tests that share it, or that want one of their own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import flow_docs
import flow_steady
import pytest
from flow_loop import ROOT, Loop

from local import environments
from local.azurite import script


def write_pipeline(folder: Path) -> None:
    """Put the pipeline of docs/add-a-model.md into the app in that folder."""
    flow_steady.write_yaml(folder / "app" / "rain" / "train.yml", flow_docs.files()["rain/train.yml"])


@contextmanager
def running(folder: Path, *arguments: str) -> Iterator[Loop]:
    """Local Azure and the app, with the pipelines registered and no policy yet."""
    definition = environments.conda_of(ROOT / "pipelines" / "environment.yml")
    built = environments.is_built(environments.environment_path(definition, environments.default_cache()))
    if not (script().is_file() and built):
        pytest.skip("Azurite or the jobs' environment is not set up: make setup")
    write_pipeline(folder)
    loop = Loop.start(folder, {}, *arguments)
    try:
        yield loop
    finally:
        assert loop.stop() == 0, loop.log[-3000:]
