"""What the router tells Log Analytics: a row for every request that a deployment answered, and nothing slower for it."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from aiohttp import web

from local.azureml import WORKSPACE_ID as AZUREML
from local.loganalytics.tables import TABLES, TRAFFIC, WORKSPACE_ID
from local.serving.deployment import Deployment
from local.serving.endpoint_log import EndpointLog
from local.serving.router import Endpoint, Router
from local.serving.spec import DeploymentSpec
from local.serving.split import Share, Split

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import Logs, Serve


async def score(request: web.Request) -> web.Response:
    """In place of an inference server: it does what the request says."""
    do = (await request.json())["do"]
    await asyncio.sleep({"sleep": 0.1, "hang": 0.8}.get(do, 0))
    if do == "die":
        assert request.transport is not None
        request.transport.abort()
    status = {"raise": 500, "refuse": 400}.get(do, 200)
    return web.json_response({"agent": request.headers.get("User-Agent")}, status=status)


class Front:
    """A router with deployments `blue` and `green` of `flights`, and its log."""

    def __init__(self, background: Any, logs: Logs, root: Path) -> None:
        self.run = background.run
        self.logs = logs
        self.root = root
        self.url = ""
        self.runners: list[web.AppRunner] = []

    async def start(self) -> None:
        assert self.logs.service is not None
        app = web.Application()
        app.router.add_post("/score", score)
        upstream = await self.listen(app)
        self.session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True, limit=0))
        self.router = Router(self.session, EndpointLog(self.logs.service.add, AZUREML))
        deployments = {name: self.deployment(name, upstream) for name in ("blue", "green")}
        self.router.endpoints["flights"] = Endpoint(keys=("key",), deployments=deployments)
        self.url = await self.listen(self.router.application()) + "/endpoints/flights/score"

    async def listen(self, app: web.Application) -> str:
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.runners.append(runner)
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    def deployment(self, name: str, url: str) -> Deployment:
        spec = DeploymentSpec(
            endpoint="flights", name=name, model_name="m", model_version="1", model_dir=self.root, code_dir=self.root,
            scoring_script="score.py", python=self.root, request_timeout_ms=500,
        )  # fmt: skip
        return Deployment(spec, [SimpleNamespace(url=url, id="i")])  # type: ignore[list-item]

    def traffic(self, traffic: dict[str, int], mirror: dict[str, int] | None = None) -> None:
        endpoint = self.router.endpoints["flights"]
        endpoint.split = Split(traffic)
        endpoint.mirror = {name: Share(percent) for name, percent in (mirror or {}).items()}

    async def stop(self) -> None:
        for runner in reversed(self.runners):
            await runner.cleanup()
        await self.session.close()

    async def _ask(self, do: str, times: int, headers: dict[str, str]) -> list[int]:
        async with aiohttp.ClientSession(headers={"Authorization": "Bearer key", **headers}) as session:

            async def one() -> int:
                async with session.post(self.url, json={"do": do}) as answer:
                    await answer.read()
                    return answer.status

            return [await one() for _ in range(times)]

    def ask(self, do: str, times: int = 1, **headers: str) -> list[int]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        found: list[int] = self.run(self._ask(do, times, named))
        self.run(self.router.settle())
        return found

    def counts(self) -> Counter[tuple[str, int]]:
        rows = self.logs.rows(f"{TRAFFIC} | summarize n = count() by DeploymentName, ResponseCode")
        return Counter({(name, code): n for name, code, n in rows})


@pytest.fixture
def front(background: Any, serve: Serve, tmp_path: Path) -> Iterator[Front]:
    with serve(tmp_path / "logs") as logs:
        front = Front(background, logs, tmp_path)
        background.run(front.start())
        yield front
        background.run(front.stop())


def test_every_answer_has_a_row_also_a_mirrored_one(front: Front) -> None:
    front.traffic({"blue": 90, "green": 10})
    assert set(front.ask("answer", 50)) == {200}
    assert front.counts() == {("blue", 200): 45, ("green", 200): 5}
    front.traffic({"blue": 100}, mirror={"green": 20})
    front.ask("answer", 50)
    assert front.counts() == {("blue", 200): 95, ("green", 200): 15}


def test_failures_of_every_kind_have_a_row(front: Front) -> None:
    front.traffic({"blue": 100}, mirror={"green": 100})
    asked = {"raise": 424, "refuse": 424, "hang": 408, "die": 503, "answer": 200}
    for do, status in asked.items():
        assert front.ask(do) == [status]
    expected = Counter((name, status) for name in ("blue", "green") for status in asked.values())
    assert front.counts() == expected
    rows = front.logs.rows(f"{TRAFFIC} | summarize n = count() by ResponseCode, ModelStatusCode")
    assert sorted((code, str(model), n) for code, model, n in rows) == [
        (200, "200", 2), (408, "None", 2), (424, "400", 2), (424, "500", 2), (503, "None", 2),
    ]  # fmt: skip


def test_what_no_deployment_answered_has_none(front: Front) -> None:
    front.traffic({"blue": 0})
    assert front.ask("answer") == [404]
    assert front.ask("answer", Authorization="Bearer wrong") == [401]
    assert front.counts() == {}


def test_a_row_holds_what_azure_writes(front: Front) -> None:
    front.traffic({"blue": 100})
    before = datetime.now(UTC)
    front.ask("sleep", x_request_id="r1", x_ms_client_request_id="c1", User_Agent="agent/" + "x" * 100)
    [found] = front.logs.client.query_workspace(front.logs.workspace, TRAFFIC, timespan=None)
    [row] = found.rows
    values = dict(zip(found.columns, row, strict=True))
    assert list(values) == list(TABLES[TRAFFIC])
    assert before <= values.pop("TimeGenerated") <= before + timedelta(seconds=5)
    durations = [values.pop(f"{part}DurationMs") for part in ("Request", "Response", "Total")]
    assert durations == sorted(durations)
    assert 100 <= durations[1] <= durations[2] < 5000
    assert values == {
        "TenantId": WORKSPACE_ID, "OperationName": "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/score/action",
        "Method": "POST", "Path": "/endpoints/flights/score", "Location": "local", "AzureMLWorkspaceId": AZUREML,
        "AzureMLWorkspaceName": "local", "EndpointName": "flights", "DeploymentName": "blue", "Protocol": "HTTP/1.1",
        "AuthType": "Key", "IdentityData": "", "ResponseCode": 200, "ResponseCodeReason": "OK", "ModelStatusCode": 200,
        "ModelStatusReason": "OK", "RequestPayloadSize": 15, "ResponsePayloadSize": 119, "UserAgent": "agent/" + "x" * 64,
        "XRequestId": "r1", "XMSClientRequestId": "c1", "RequestThrottlingDelayMs": 0, "ResponseThrottlingDelayMs": 0,
        "SourceSystem": "Azure", "Type": TRAFFIC, "_ResourceId": f"{AZUREML}/onlineEndpoints/flights".lower(),
        "_SubscriptionId": AZUREML.split("/")[2], "_IsBillable": "true", "_BilledSize": None,
    }  # fmt: skip


def test_queries_beside_requests_fail_none_of_them(front: Front) -> None:
    front.traffic({"blue": 100}, mirror={"green": 50})

    async def both() -> list[int]:
        asking = [asyncio.create_task(front._ask("answer", 100, {})) for _ in range(4)]
        query = f"{TRAFFIC} | summarize count() by bin(TimeGenerated, 1s), DeploymentName"
        for _ in range(10):
            await asyncio.to_thread(front.logs.rows, query)
        return [status for some in await asyncio.gather(*asking) for status in some]

    assert Counter(front.run(both())) == {200: 400}
    front.run(front.router.settle())
    assert front.counts() == {("blue", 200): 400, ("green", 200): 200}


def test_a_log_that_cannot_be_written_fails_no_request(front: Front, eventually: Any) -> None:
    """The rows wait, and are there when the disk takes them again."""
    front.traffic({"blue": 100})
    store = front.logs.service._store  # type: ignore[union-attr]
    working, store._insert = store._insert, broken  # type: ignore[method-assign]
    assert front.ask("answer", 20) == [200] * 20
    time.sleep(1.2)  # a write was tried
    store._insert = working  # type: ignore[method-assign]
    eventually(lambda: front.counts() == {("blue", 200): 20})
    assert store.lost_before is None


def broken(_rows: object) -> None:
    import duckdb

    raise duckdb.IOException("no space left on device")
