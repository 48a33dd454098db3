"""Online endpoints: real inference servers behind the router, with real collectors in the scoring script."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from local.serving import DeploymentFailed, DeploymentSpec, Serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.storage import StorageAccount

WORKSPACE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"
SCORE = """
import json, os, time
from pathlib import Path
import pandas as pd
from azureml.ai.monitoring import Collector
from azureml.ai.monitoring.context import BasicCorrelationContext
from azureml_inference_server_http.api.aml_response import AMLResponse

def init():
    global inputs, outputs, model
    model = (Path(os.environ["AZUREML_MODEL_DIR"]) / "trained" / "name.txt").read_text()
    print("loaded", model)
    inputs = Collector(name="model_inputs", on_error=print)
    outputs = Collector(name="model_outputs", on_error=print)

def run(data, request_headers):
    rows = json.loads(data)["rows"]
    if "fail" in rows:
        raise ValueError("asked to fail")
    if "refuse" in rows:
        return AMLResponse({"error": "refused"}, 400, json_str=True)
    if "slow" in rows:
        time.sleep(0.4)
    known = BasicCorrelationContext(id=request_headers["X-Request-Id"])
    known = inputs.collect(pd.DataFrame({"row": rows}), known)
    outputs.collect(pd.DataFrame({"seen": [len(rows)] * len(rows)}), known)
    if "die" in rows:
        os.kill(os.getppid(), 9)  # gunicorn's master
    return {"model": model, "rows": len(rows), "secret": os.environ.get("PYTEST_CURRENT_TEST"),
            "master": os.getppid(), "worker": os.getpid(),
            "setting": os.environ.get("SETTING")}
"""


class Endpoint:
    """A Serving with two deployments, asked from synchronous tests."""

    def __init__(self, background: Any, serving: Serving, spec: DeploymentSpec) -> None:
        self.run = background.run
        self.serving = serving
        self.spec = spec
        self.rows: list[tuple[str, dict[str, Any]]] = []

    def logged(self, table: str, deployment: str) -> list[dict[str, Any]]:
        """Rows of the endpoint's log."""
        name = f"AmlOnlineEndpoint{table}Log"
        return [row for kind, row in self.rows if kind == name and row["DeploymentName"] == deployment]

    def traffic(self, traffic: dict[str, int], mirror: dict[str, int] | None = None) -> None:
        self.serving.set_endpoint(
            self.spec.endpoint, keys=("first", "second"), traffic=traffic, mirror=mirror or {}
        )

    async def ask(
        self, rows: list[str], *, times: int = 1, key: str = "first", deployment: str | None = None
    ) -> list[tuple[int, dict[str, str], Any]]:
        headers = {"Authorization": f"Bearer {key}"}
        if deployment:
            headers["azureml-model-deployment"] = deployment
        answers = []
        async with aiohttp.ClientSession(headers=headers) as session:
            for _ in range(times):
                url = self.serving.scoring_url(self.spec.endpoint)
                async with session.post(url, json={"rows": rows}) as answer:
                    body = await answer.read()
                    answers.append((answer.status, dict(answer.headers), json.loads(body)))
        return answers


@pytest.fixture(scope="module")
def endpoint(
    background: Any, azurite: StorageAccount, job_python: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Endpoint]:
    """Deployments `blue` and `green` of one endpoint."""
    root = tmp_path_factory.mktemp("serving")
    code = root / "code"
    code.mkdir()
    (code / "score.py").write_text(SCORE)
    specs = {}
    for name in ("blue", "green"):
        model = root / name / "trained"
        model.mkdir(parents=True)
        (model / "name.txt").write_text(name)
        specs[name] = DeploymentSpec(
            endpoint="flights",
            name=name,
            model_name="flight-delay",
            model_version="3",
            model_dir=model,
            code_dir=code,
            scoring_script="score.py",
            python=job_python,
            environment_variables={"SETTING": name},
            collections=("model_inputs", "model_outputs"),
            request_timeout_ms=20_000,
        )
    rows: list[tuple[str, dict[str, Any]]] = []

    def add(table: str, row: dict[str, Any]) -> None:
        rows.append((table, row))

    serving = Serving(state=root / "state", account=azurite, workspace=WORKSPACE, add=add)
    background.run(serving.start())

    async def create() -> None:
        await asyncio.gather(*(serving.create(spec) for spec in specs.values()))

    try:
        background.run(create(), 120)
        made = Endpoint(background, serving, specs["blue"])
        made.rows = rows
        made.traffic({"blue": 100})
        yield made
    finally:
        background.run(serving.stop(), 30)


def collected(account: StorageAccount, deployment: str, collection: str) -> list[dict[str, Any]]:
    from azure.storage.blob import ContainerClient

    with ContainerClient.from_connection_string(account.connection_string, "modeldatacollector") as container:
        prefix = f"flights/{deployment}/{collection}/"
        blobs = [blob.name for blob in container.list_blobs(name_starts_with=prefix)]
        lines = [line for blob in blobs for line in container.download_blob(blob).readall().splitlines()]
    return [json.loads(line) for line in lines]


def test_an_answer_names_its_deployment_and_request(endpoint: Endpoint) -> None:
    """Also: the model lies inside AZUREML_MODEL_DIR, and our own environment does not leak into the server."""
    endpoint.traffic({"blue": 100})
    [(status, headers, body)] = endpoint.run(endpoint.ask(["a", "b"]))
    assert status == 200
    assert (body["model"], body["rows"], body["secret"], body["setting"]) == ("blue", 2, None, "blue")
    assert headers["azureml-model-deployment"] == "blue"
    assert headers["azureml-model-session"].startswith("blue")
    assert headers["x-ms-request-id"]


def test_either_key_opens_and_no_other(endpoint: Endpoint) -> None:
    endpoint.traffic({"blue": 100})
    assert [endpoint.run(endpoint.ask(["a"], key=key))[0][0] for key in ("first", "second", "third", "")] == [
        200,
        200,
        401,
        401,
    ]


def test_traffic_is_split_by_weight(endpoint: Endpoint) -> None:
    endpoint.traffic({"blue": 90, "green": 10})
    before = [len(endpoint.logged("Traffic", name)) for name in ("blue", "green")]
    answers = endpoint.run(endpoint.ask(["a"], times=50))
    assert Counter(body["model"] for _, _, body in answers) == {"blue": 45, "green": 5}
    after = [len(endpoint.logged("Traffic", name)) for name in ("blue", "green")]
    assert after == [before[0] + 45, before[1] + 5]


def test_the_header_picks_a_deployment_without_traffic(endpoint: Endpoint) -> None:
    endpoint.traffic({"blue": 100, "green": 0})
    [(status, headers, body)] = endpoint.run(endpoint.ask(["a"], deployment="green"))
    assert (status, body["model"], headers["azureml-model-deployment"]) == (200, "green", "green")
    assert endpoint.run(endpoint.ask(["a"], deployment="red"))[0][0] == 404


def test_no_traffic_is_404(endpoint: Endpoint) -> None:
    endpoint.traffic({"blue": 0})
    assert endpoint.run(endpoint.ask(["a"]))[0][0] == 404


@pytest.mark.parametrize(("row", "upstream"), [("fail", "500"), ("refuse", "400")])
def test_the_models_own_errors_are_424(endpoint: Endpoint, row: str, upstream: str) -> None:
    endpoint.traffic({"blue": 100})
    [(status, headers, _)] = endpoint.run(endpoint.ask([row]))
    assert status == 424
    assert headers["ms-azureml-model-error-statuscode"] == upstream


def test_inputs_and_outputs_are_laid_down_and_correlate(endpoint: Endpoint, azurite: StorageAccount) -> None:
    endpoint.traffic({"blue": 100})
    answers = endpoint.run(endpoint.ask(["x", "y"], times=5))
    wanted = {headers["x-ms-request-id"] for _, headers, _ in answers}

    async def settle() -> None:
        await asyncio.sleep(0.5)
        await endpoint.serving.flush()

    endpoint.run(settle())
    inputs = [
        record for record in collected(azurite, "blue", "model_inputs") if record["correlationid"] in wanted
    ]
    outputs = [
        record for record in collected(azurite, "blue", "model_outputs") if record["correlationid"] in wanted
    ]
    assert {record["correlationid"] for record in inputs} == wanted
    assert {record["correlationid"] for record in outputs} == wanted
    assert all(record["data"] == [{"row": "x"}, {"row": "y"}] for record in inputs)
    assert all(record["data"] == [{"seen": 2}, {"seen": 2}] for record in outputs)
    assert {record["source"] for record in inputs} == {
        f"{WORKSPACE}/onlineEndpoints/flights/deployments/blue"
    }
    assert {record["type"] for record in outputs} == {"azureml.inference.model_outputs"}


def test_the_mirror_sees_copies_and_the_caller_does_not_wait(
    endpoint: Endpoint, azurite: StorageAccount
) -> None:
    endpoint.traffic({"blue": 100}, mirror={"green": 50})
    answers = endpoint.run(endpoint.ask(["mirrored"], times=10))
    assert {body["model"] for _, _, body in answers} == {"blue"}

    async def settle() -> None:
        await endpoint.serving.flush()
        await asyncio.sleep(0.5)
        await endpoint.serving.flush()

    endpoint.run(settle())
    asked = {headers["x-ms-request-id"] for _, headers, _ in answers}
    copies = [r for r in collected(azurite, "green", "model_inputs") if r["data"] == [{"row": "mirrored"}]]
    assert len(copies) == 5
    logged = {row["XRequestId"] for row in endpoint.logged("Traffic", "green")}
    assert {record["correlationid"] for record in copies} <= logged
    assert {record["correlationid"] for record in copies} < asked


def test_a_deployment_is_replaced_and_deleted_without_a_failed_request(endpoint: Endpoint) -> None:
    """Requests flow all the time, some of them slow, while traffic moves, `red` is replaced, and then deleted."""
    endpoint.traffic({"blue": 100})
    red = replace(endpoint.spec, name="red", environment_variables={"SETTING": "one"})

    async def change(done: asyncio.Event) -> None:
        await endpoint.serving.create(red)
        endpoint.traffic({"red": 100})
        await asyncio.sleep(0.5)
        await endpoint.serving.create(replace(red, environment_variables={"SETTING": "two"}))
        await asyncio.sleep(0.5)
        endpoint.traffic({"blue": 100})
        await endpoint.serving.delete("flights", "red")
        done.set()

    async def ask(done: asyncio.Event, row: str) -> list[tuple[int, dict[str, str], Any]]:
        answers = []
        while not done.is_set():
            answers += await endpoint.ask([row])
            await asyncio.sleep(0.02)
        return answers

    async def both() -> list[tuple[int, dict[str, str], Any]]:
        done = asyncio.Event()
        rows = (
            "slow",
            "slow",
            "slow",
            "slow",
            "a",
        )  # a server answers one at a time: the others wait in line
        changing = asyncio.create_task(change(done))
        answers = await asyncio.gather(*(ask(done, row) for row in rows))
        await changing
        return [answer for some in answers for answer in some]

    answers = endpoint.run(both(), 90)
    assert Counter(status for status, _, _ in answers) == {200: len(answers)}
    assert {body["setting"] for _, _, body in answers} == {"blue", "one", "two"}
    assert endpoint.run(endpoint.ask(["a"], deployment="red"))[0][0] == 404


def test_a_deployment_grows_and_shrinks_without_a_failed_request(endpoint: Endpoint) -> None:
    """From one server to two and back while slow requests flow; every server answers."""
    lone = replace(endpoint.spec, name="lone-one")
    endpoint.run(endpoint.serving.create(lone), 60)

    async def ask(done: asyncio.Event) -> list[tuple[int, dict[str, str], Any]]:
        answers = []
        while not done.is_set():
            answers += await endpoint.ask(["slow"], deployment="lone-one")
        return answers

    async def change(done: asyncio.Event) -> None:
        await endpoint.serving.scale("flights", "lone-one", 2)
        await asyncio.sleep(1)
        await endpoint.serving.scale("flights", "lone-one", 1)
        done.set()

    async def both() -> list[tuple[int, dict[str, str], Any]]:
        done = asyncio.Event()
        changing = asyncio.create_task(change(done))
        answers = await asyncio.gather(*(ask(done) for _ in range(3)))
        await changing
        return [answer for some in answers for answer in some]

    answers = endpoint.run(both(), 60)
    assert Counter(status for status, _, _ in answers) == {200: len(answers)}
    assert len({body["master"] for _, _, body in answers}) == 2
    left = {endpoint.run(endpoint.ask(["a"], deployment="lone-one"))[0][2]["master"] for _ in range(3)}
    assert len(left) == 1
    endpoint.run(endpoint.serving.delete("flights", "lone-one"))


def test_a_failing_init_is_reported_with_the_log(endpoint: Endpoint, tmp_path: Path) -> None:
    (tmp_path / "score.py").write_text(
        "def init():\n    raise RuntimeError('no such weights')\ndef run(data):\n    pass\n"
    )
    broken = replace(endpoint.spec, name="broken", code_dir=tmp_path)
    with pytest.raises(DeploymentFailed, match="no such weights"):
        endpoint.run(endpoint.serving.create(broken), 60)
    assert "no such weights" in endpoint.serving.logs("flights", "broken")
    assert endpoint.run(endpoint.ask(["a"], deployment="broken"))[0][0] == 404


def test_an_init_that_never_ends_is_given_up(endpoint: Endpoint, tmp_path: Path) -> None:
    (tmp_path / "score.py").write_text(
        "import time\ndef init():\n    time.sleep(600)\ndef run(data):\n    pass\n"
    )
    stuck = replace(endpoint.spec, name="stuck", code_dir=tmp_path, ready_timeout=2)
    with pytest.raises(DeploymentFailed, match="Not healthy after 2 s"):
        endpoint.run(endpoint.serving.create(stuck), 60)


def test_a_slow_model_is_408(endpoint: Endpoint) -> None:
    hasty = replace(endpoint.spec, name="hasty", request_timeout_ms=200)
    endpoint.run(endpoint.serving.create(hasty), 60)
    try:
        assert endpoint.run(endpoint.ask(["slow"], deployment="hasty"))[0][0] == 408
        [row] = endpoint.logged("Traffic", "hasty")
        assert (row["ResponseCode"], row["ModelStatusCode"]) == (408, None)
        assert row["TotalDurationMs"] >= 200
    finally:
        endpoint.run(endpoint.serving.delete("flights", "hasty"))


def test_a_server_that_dies_is_started_again(endpoint: Endpoint, eventually: Any) -> None:
    mortal = replace(endpoint.spec, name="mortal")
    endpoint.run(endpoint.serving.create(mortal), 60)
    try:
        endpoint.run(endpoint.ask(["die"], deployment="mortal"))
        eventually(lambda: endpoint.run(endpoint.ask(["a"], deployment="mortal"))[0][0] == 503)
        eventually(lambda: endpoint.run(endpoint.ask(["a"], deployment="mortal"))[0][0] == 200, seconds=60)
    finally:
        endpoint.run(endpoint.serving.delete("flights", "mortal"))
    names = [row["Name"] for row in endpoint.logged("Event", "mortal")]
    assert (names[:3], names[-1]) == (["Started", "BackOff", "Started"], "Killing")
    codes = {row["ResponseCode"] for row in endpoint.logged("Traffic", "mortal")}
    assert codes == {200, 503}


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's word of a parent's death is Linux's own")
def test_a_worker_does_not_outlive_a_killed_launcher(endpoint: Endpoint, eventually: Any) -> None:
    """The leash ends the master then, and nobody is left who would end the worker."""
    lone = replace(endpoint.spec, name="lone")
    endpoint.run(endpoint.serving.create(lone), 60)
    try:
        [(_, _, body)] = endpoint.run(endpoint.ask(["a"], deployment="lone"))
        about_master = Path(f"/proc/{body['master']}/status").read_text()
        os.kill(int(about_master.partition("PPid:")[2].split()[0]), signal.SIGKILL)
        eventually(lambda: not Path(f"/proc/{body['worker']}").exists(), seconds=5)
    finally:
        endpoint.run(endpoint.serving.delete("flights", "lone"))


def test_logs_hold_what_the_scoring_script_printed(endpoint: Endpoint, eventually: Any) -> None:
    assert "loaded blue" in endpoint.serving.logs("flights", "blue")
    eventually(lambda: any("loaded blue" in row["Message"] for row in endpoint.logged("Console", "blue")))
    [row] = [row for row in endpoint.logged("Console", "blue") if "loaded blue" in row["Message"]]
    assert row["InstanceId"] in endpoint.serving.logs("flights", "blue")
    assert row["_ResourceId"] == f"{WORKSPACE}/onlineEndpoints/flights".lower()
