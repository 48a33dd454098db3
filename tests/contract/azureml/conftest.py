"""A real local Azure ML on a real Azurite, and the unmodified MLClient in front of it."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import azureml_openapi as openapi
import pytest
from azure.core.pipeline.transport import RequestsTransport
from azureml_cloud import Cloud, Loop, LoopbackHttp, client_of

from local.azurite import Azurite

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from azure.ai.ml import MLClient

    from local.storage import StorageAccount


@pytest.fixture(scope="session")
def loop() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.close()


@pytest.fixture(scope="session")
def account(loop: Loop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StorageAccount]:
    azurite = Azurite(state=tmp_path_factory.mktemp("azurite"))
    yield loop.run(azurite.start())
    loop.run(azurite.stop())


@pytest.fixture(scope="session")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("environments")


@pytest.fixture(scope="session")
def cloud(
    loop: Loop, account: StorageAccount, environments: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cloud]:
    cloud = Cloud(loop, account, tmp_path_factory.mktemp("azureml"), environments)
    cloud.start()
    yield cloud
    cloud.stop()


@pytest.fixture
def own_cloud(loop: Loop, account: StorageAccount, environments: Path, tmp_path: Path) -> Iterator[Cloud]:
    """One of its own, for tests that stop and start it."""
    cloud = Cloud(loop, account, tmp_path / "azureml", environments)
    yield cloud
    cloud.stop()


@pytest.fixture(scope="session")
def transport() -> Iterator[RequestsTransport]:
    """The SDK opens many clients and closes none: they share their connections, which are closed here."""
    with RequestsTransport() as transport:
        yield transport


@pytest.fixture(scope="session")
def session_policy() -> LoopbackHttp:
    return LoopbackHttp()


@pytest.fixture
def policy(session_policy: LoopbackHttp) -> Iterator[LoopbackHttp]:
    """After the test, every answer that it got must be what the specification says."""
    policy = session_policy
    policy.answers.clear()
    yield policy
    if not openapi.SPECS.is_dir():
        return
    wrong = set()
    for method, url, status, body in policy.answers:
        parts = urlsplit(url)
        version = parse_qs(parts.query).get("api-version", [""])[0]
        for error in openapi.check(method, parts.path, version, status, body) or []:
            wrong.add(f"{method} {parts.path.rsplit('/workspaces/', 1)[-1]} ({version}) -> {status}: {error}")
    assert not wrong, "\n".join(sorted(wrong))


@pytest.fixture(scope="session")
def session_client(
    cloud: Cloud, session_policy: LoopbackHttp, transport: RequestsTransport
) -> Iterator[MLClient]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AZUREML_CURRENT_CLOUD", "")  # the client sets it: taken back afterwards
        yield client_of(cloud.url, session_policy, transport)


@pytest.fixture
def client(session_client: MLClient, policy: LoopbackHttp) -> MLClient:
    assert not policy.answers
    return session_client


@pytest.fixture
def environment(client: MLClient) -> str:
    """The id of a registered environment without packages."""
    from azure.ai.ml.entities import Environment

    name = f"plain-{uuid.uuid4().hex[:6]}"
    made = client.environments.create_or_update(
        Environment(name=name, version="1", image="any", conda_file={"dependencies": ["python"]})
    )
    return f"azureml:{made.name}:{made.version}"
