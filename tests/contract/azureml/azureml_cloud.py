"""What the tests of local Azure ML share: an event loop, local Azure ML in it, and the unmodified MLClient."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from azure.core.credentials import AccessToken
from azure.core.pipeline.policies import SansIOHTTPPolicy

from local.azureml import RESOURCE_GROUP, SUBSCRIPTION, WORKSPACE, AzureML
from local.serving import DeploymentFailed, DeploymentSpec

if TYPE_CHECKING:
    from azure.ai.ml import MLClient
    from azure.core.pipeline.transport import RequestsTransport

    from local.storage import StorageAccount

CONDA = "dependencies: [python]\n"
"""An environment without packages: it builds in a moment."""


T = TypeVar("T")


class Loop:
    """An event loop in a thread of its own, so that blocking clients can talk to what runs in it."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T], timeout: float = 60) -> T:
        future: Future[T] = asyncio.run_coroutine_threadsafe(work, self._loop)
        return future.result(timeout)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


class Servers:
    """In place of local.serving.Serving, whose servers have tests of their own: it keeps what it is told."""

    def __init__(self) -> None:
        self.specs: dict[tuple[str, str], DeploymentSpec] = {}
        self.splits: dict[str, tuple[dict[str, int], dict[str, int]]] = {}
        self.created: list[tuple[str, str]] = []
        self.counts: dict[tuple[str, str], int] = {}
        self.hold = 0.0

    async def create(self, spec: DeploymentSpec) -> None:
        await asyncio.sleep(self.hold)
        if "raise" in (spec.code_dir / spec.scoring_script).read_text():
            raise DeploymentFailed(f"The server of {spec.name} ended: raise")
        self.created.append((spec.endpoint, spec.name))
        self.specs[spec.endpoint, spec.name] = spec

    async def scale(self, endpoint: str, name: str, count: int) -> None:
        self.counts[endpoint, name] = count

    async def delete(self, endpoint: str, name: str) -> None:
        self.specs.pop((endpoint, name), None)

    def set_endpoint(
        self, endpoint: str, *, keys: tuple[str, str], traffic: dict[str, int], mirror: dict[str, int]
    ) -> None:
        assert len(set(keys)) == 2
        self.splits[endpoint] = traffic, mirror

    def remove_endpoint(self, endpoint: str) -> None:
        self.splits.pop(endpoint, None)

    def scoring_url(self, endpoint: str) -> str:
        return f"http://127.0.0.1:1/endpoints/{endpoint}/score"

    def logs(self, endpoint: str, name: str) -> str:
        return f"log of {endpoint}/{name}\n"


@dataclass
class Cloud:
    """What a test sees of local Azure ML."""

    loop: Loop
    account: StorageAccount
    state: Path
    environments: Path
    serving: Servers = field(default_factory=Servers)
    events: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""
    _service: AzureML | None = None

    async def _publish(self, topic: str, events: list[dict[str, Any]]) -> None:
        assert topic == "azureml"
        self.events += events

    def start(self, seconds: float = 0.05) -> str:
        async def begin() -> str:
            self._service = AzureML(
                state=self.state, account=self.account, publish=self._publish, environments=self.environments,
                serving=self.serving, operation_seconds=seconds,  # type: ignore[arg-type]
            )  # fmt: skip
            return await self._service.start()

        self.url = self.loop.run(begin())
        return self.url

    def stop(self) -> None:
        if self._service:
            self.loop.run(self._service.stop())
            self._service = None

    def events_of(self, kind: str, **data: Any) -> list[dict[str, Any]]:
        return [
            e
            for e in self.events
            if e["eventType"].endswith(f".{kind}") and all(e["data"].get(k) == v for k, v in data.items())
        ]

    def upload(self, container: str, name: str, content: bytes) -> None:
        from azure.storage.blob import BlobClient

        with BlobClient.from_connection_string(self.account.connection_string, container, name) as blob:
            blob.upload_blob(content, overwrite=True)

    def download(self, container: str, name: str) -> bytes:
        from azure.storage.blob import BlobClient

        with BlobClient.from_connection_string(self.account.connection_string, container, name) as blob:
            content: bytes = blob.download_blob().readall()
            return content


class LoopbackHttp(SansIOHTTPPolicy[Any, Any]):  # type: ignore[misc]
    """Plain http on loopback; and every answer is kept, to be held against the specification."""

    def __init__(self) -> None:
        self.answers: list[tuple[str, str, int, Any]] = []

    def on_request(self, request: Any) -> None:
        request.context.options.setdefault("enforce_https", False)

    def on_response(self, request: Any, response: Any) -> None:
        answer = response.http_response
        answer.read()
        text = answer.text() or ""
        self.answers.append(
            (
                request.http_request.method,
                request.http_request.url,
                answer.status_code,
                json.loads(text) if text else None,
            )
        )


class Token:
    """A credential; pipeline jobs decode the token, so it is a JWT."""

    def get_token(self, *_scopes: str, **_options: Any) -> AccessToken:
        def part(value: dict[str, Any]) -> str:
            return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

        claims = {"aud": "https://ml.azure.com", "exp": 4102444800}
        return AccessToken(f"{part({'alg': 'none'})}.{part(claims)}.{part({})}", 4102444800)


def client_of(url: str, policy: LoopbackHttp, transport: RequestsTransport) -> MLClient:
    from azure.ai.ml import MLClient

    return MLClient(
        Token(), SUBSCRIPTION, RESOURCE_GROUP, WORKSPACE,
        cloud=f"local-{url.rsplit(':', 1)[-1]}",
        cloud_metadata={
            "azure_portal": url, "resource_manager": url, "active_directory": url, "storage_endpoint": "core.windows.net",
            "aml_resource_id": "https://ml.azure.com", "registry_discovery_endpoint": f"{url}/",
        },
        per_call_policies=[policy], enable_telemetry=False, show_progress=False, polling_interval=0.05,
        transport=transport,
    )  # fmt: skip


def wait_for(job: str, client: MLClient, *statuses: str, within: float = 30) -> str:
    """Until the job has one of the statuses (by default: until it has ended)."""
    wanted = statuses or ("Completed", "Failed", "Canceled")
    deadline = time.monotonic() + within
    while (status := str(getattr(found := client.jobs.get(job).status, "value", found))) not in wanted:
        assert time.monotonic() < deadline, f"{job} is still {status}"
        time.sleep(0.05)
    return status


def until(condition: Callable[[], Any], within: float = 20) -> Any:
    deadline = time.monotonic() + within
    while not (value := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.03)
    return value
