"""What tests share: Azurite, the Functions host, and all of local Azure. Nothing outlives the session."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from pathlib import Path
    from typing import Any

    from local.storage import StorageAccount


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first, so that no worker waits for it alone at the end; the rest stays shuffled."""
    items.sort(key=lambda item: (item.path.name != "test_flow_demo.py", item.path.parent.name != "flow"))


class Background:
    """An event loop in a thread, for services that run while synchronous tests talk to them."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="services", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Any], timeout: float = 60) -> Any:
        """Run it there, wait for it here."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout)

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        self.loop.close()


@pytest.fixture(scope="session")
def background() -> Iterator[Background]:
    """The event loop that services run in."""
    loop = Background()
    yield loop
    loop.close()


@pytest.fixture(scope="session")
def azurite(background: Background, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StorageAccount]:
    """A storage account of this worker's own, with local Azure's containers. Use names of your own in it."""
    from local.azurite import Azurite, script

    if not script().is_file():
        pytest.skip("Azurite is not installed: make setup")
    service = Azurite(state=tmp_path_factory.mktemp("azurite"))
    yield background.run(service.start(), 90)
    background.run(service.stop())


@pytest.fixture
def eventually() -> Callable[..., Any]:
    """Wait for a condition, with a deadline."""
    import time

    def wait(condition: Callable[[], Any], seconds: float = 20, every: float = 0.05) -> Any:
        end = time.monotonic() + seconds
        while True:
            if found := condition():
                return found
            assert time.monotonic() < end, f"did not happen within {seconds} s"
            time.sleep(every)

    return wait


@pytest.fixture(scope="session")
def job_python() -> Path:
    """Python of the environment that jobs and inference servers run in, as `make setup` builds it."""
    from pathlib import Path

    from local import environments

    definition = Path(__file__).parents[1] / "pipelines" / "environment.yml"
    environment = environments.environment_path(
        environments.conda_of(definition), environments.default_cache()
    )
    if not environments.is_built(environment):
        pytest.skip("the jobs' environment is not built: make setup")
    return environments.python_of(environment)


@pytest.fixture(scope="session")
def local_azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The addresses of a running `homeostat up --without-host`: no function wakes by itself."""
    import json
    import subprocess
    import sys
    import time
    from pathlib import Path

    folder = tmp_path_factory.mktemp("local-azure")
    told = folder / "up.json"
    command = [sys.executable, "-m", "cli.main", "up", "--without-host", "--json", str(told)]
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            [*command, "--state", str(folder / "state")],
            cwd=Path(__file__).parents[1],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        end = time.monotonic() + 90
        while not told.exists():
            assert process.poll() is None, (folder / "output").read_text()
            assert time.monotonic() < end, (folder / "output").read_text()
            time.sleep(0.05)
        yield json.loads(told.read_text())
        process.terminate()
        assert process.wait(30) == 0, (folder / "output").read_text()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(10)
