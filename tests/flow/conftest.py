"""One `homeostat up` for a worker's flow tests; each test has models of its own in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flow_loop import Loop
from flow_start import running


@pytest.fixture(scope="session")
def loop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    """Local Azure and the app, with the pipelines registered and no policy yet."""
    with running(tmp_path_factory.mktemp("loop")) as loop:
        yield loop
