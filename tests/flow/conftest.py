"""One `homeostat up` for a worker's flow tests; each test has models of its own in it."""

from __future__ import annotations

from collections.abc import Iterator

import flow_docs
import pytest
from flow_loop import ROOT, Loop

from local import environments
from local.azurite import script


@pytest.fixture(scope="session")
def loop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    """Local Azure and the app, with the pipelines registered and no policy yet."""
    definition = environments.conda_of(ROOT / "pipelines" / "environment.yml")
    built = environments.is_built(environments.environment_path(definition, environments.default_cache()))
    if not (script().is_file() and built):
        pytest.skip("Azurite or the jobs' environment is not set up: make setup")
    folder = tmp_path_factory.mktemp("loop")
    pipeline = folder / "app" / "rain" / "train.yml"
    pipeline.parent.mkdir(parents=True)
    pipeline.write_text(flow_docs.files()["rain/train.yml"])
    running = Loop.start(folder, {})
    try:
        yield running
    finally:
        assert running.stop() == 0, running.log[-3000:]
