"""Events, messages and alerts that are not for us: dropped with a reason, and nothing else happens."""

from __future__ import annotations

import json
import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import flow_rain
import flow_steady
import pytest
from azure.core.exceptions import ResourceExistsError
from azure.storage.queue import BinaryBase64EncodePolicy, QueueClient
from flow_loop import Loop, write_policy

from cloud.mlclient import ml_client
from cloud.settings import read_settings
from local.azureml import WORKSPACE_ID

NAME = "bystander"
OUTSIDER = "outsider"
GARBAGE = {
    b"not JSON at all": "work message is not a Homeostat message: JSONDecodeError",
    b'["a", "list"]': "work message is not a Homeostat message: TypeError",
    b'{"kind": "explode", "model": "bystander"}': "work message of unknown kind 'explode'; known: new_data, ",
    b"\xff\xfe\x00": "work message is not a Homeostat message: UnicodeDecodeError",
}


@pytest.fixture(scope="module", autouse=True)
def sent(loop: Loop) -> Iterator[None]:
    """A managed model, and garbage on the queue: five tries take their time, the tests run meanwhile."""
    for name in (NAME, OUTSIDER):
        write_policy(loop.folder / "app", name, flow_steady.policy(name, retrain={"data": {"train": 9}}))
    queue = QueueClient.from_connection_string(
        loop.addresses["storage"], "work", message_encode_policy=BinaryBase64EncodePolicy()
    )
    with queue:
        with suppress(ResourceExistsError):
            queue.create_queue()
        for body in GARBAGE:
            queue.send_message(body)
    plain = QueueClient.from_connection_string(loop.addresses["storage"], "work")
    with plain:
        plain.send_message("this is not base64")
    yield
    for name in (NAME, OUTSIDER):
        (loop.folder / "app" / "policies" / f"{name}.yaml").unlink()


class Trap:
    """A server that must not be asked for anything."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.callers = 0
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            try:
                caller, _ = self._listening.accept()
            except OSError:
                return
            self.callers += 1
            caller.close()

    def close(self) -> None:
        """Stop."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(5)


@pytest.fixture
def trap() -> Iterator[Trap]:
    """It listens as long as the test runs."""
    listening = Trap()
    yield listening
    listening.close()


def _event(kind: str, subject: str, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": str(uuid.uuid4()),
        "topic": WORKSPACE_ID,
        "subject": subject,
        "eventType": kind,
        "eventTime": "2026-11-22T10:00:00.000Z",
        "dataVersion": "1.0",
        "metadataVersion": "1",
        "data": data,
    }


UNKNOWN = {
    "model_registered": _event(
        "Microsoft.MachineLearningServices.ModelRegistered",
        "models/nobody:1",
        {"modelName": "nobody", "modelVersion": "1", "modelTags": {}, "modelProperties": {}},
    ),
    "job_finished": _event(
        "Microsoft.MachineLearningServices.RunCompleted",
        "experiments/e/runs/rt-unknown-1-01234567",
        {"experimentId": "e", "experimentName": "unknown", "runId": "rt-unknown-1-01234567", "runType": "r"},
    ),
    "drift_alert": _event(
        "Homeostat.DriftDetected",
        "models/stranger/production",
        {"model": "stranger", "reason": "somebody says so"},
    ),
}
MODELS = {"model_registered": "nobody", "job_finished": "unknown", "drift_alert": "stranger"}


@pytest.mark.parametrize("function", UNKNOWN)
def test_an_event_for_an_unknown_model(loop: Loop, function: str) -> None:
    model = MODELS[function]
    assert loop.event(function, [UNKNOWN[function]])[0] == 202
    told = f"{function} dropped: no policy manages model {model!r} (managed: "
    line = loop.until(
        "the reason", lambda: [each for each in loop.log.splitlines() if told in each], patience=60
    )[0]
    assert NAME in line.partition(told)[2].rstrip(")").split(", ")
    assert loop.services.ledger.load(model)[1] == "", "no intent was written"
    assert not loop.audit(model)
    ml = ml_client(read_settings(flow_steady.settings(loop)))
    assert not [job for job in ml.jobs.list() if job.name.startswith(f"rt-{model}-")]
    assert not [each for each in flow_steady.poisoned(loop) if model.encode() in each]


def _urls(storage: str, port: int) -> list[str]:
    """Addresses outside the policy's storage, or that try to look as if they were inside."""
    host, account = storage.rsplit("/", 1)
    name = host.removeprefix("http://")
    inside = f"{OUTSIDER}/2013-01/part.parquet"
    return [
        f"{storage}/elsewhere/{inside}",
        f"https://evil.blob.core.windows.net/landing/{inside}",
        f"https://evil.blob.core.windows.net/{account}/landing/{inside}",
        "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01",
        f"http://127.0.0.1:{port}/{account}/landing/{inside}",
        f"http://{name}@127.0.0.1:{port}/{account}/landing/{inside}",
        f"http://127.0.0.1:{port}#@{name}/{account}/landing/{inside}",
        f"{host}/otheraccount/landing/{inside}",
        f"{storage}/landing/{OUTSIDER}/../other/part.parquet",
        f"{storage}/landing/{OUTSIDER}/%2e%2e/other/part.parquet",
        f"{storage}/landing/{OUTSIDER}/%252e%252e%252fother/part.parquet",
        f"{storage}/landing/{OUTSIDER}/..%5cother/part.parquet",
        f"{storage}/landing/../elsewhere/{inside}",
        f"{storage}/landing/{OUTSIDER}//part.parquet",
        f"{storage}/landing/{inside}?sv=2020&sig=abc",
        f"{storage}/landing/{inside}\n2026-11-22 INFO homeostat.work: all is well",
        f"file:///{inside}",
        "not an address",
    ]


def test_a_blob_outside_the_policys_storage(loop: Loop, trap: Trap) -> None:
    with loop.blobs() as client:
        storage = client.url.rstrip("/")
        elsewhere = client.create_container("elsewhere")
        elsewhere.upload_blob(f"{OUTSIDER}/2013-01/part.parquet", b"another's")
    urls = _urls(storage, trap.port)
    events = [
        _event(
            "Microsoft.Storage.BlobCreated",
            f"/blobServices/default/containers/landing/blobs/{number}",
            {"api": "PutBlob", "url": url, "eTag": "0x1", "contentLength": 9, "blobType": "BlockBlob"},
        )
        for number, url in enumerate(urls)
    ]
    assert loop.event("new_data", events)[0] == 202
    for url in urls:
        told = f"new_data dropped {url!r}: no policy's data lies there"
        if not url.isprintable():  # refused at the door
            told = f"data.url holds characters that do not print: {url[:80]!r}"
        loop.until(f"the reason for {url}", lambda told=told: told in loop.log, patience=60)
    assert trap.callers == 0, "nothing was fetched"
    assert not loop.services.ledger.batches(OUTSIDER)
    assert not loop.audit(OUTSIDER)
    assert "\n2026-11-22 INFO homeostat.work: all is well" not in loop.log, "the log cannot be forged"
    assert not [each for each in flow_steady.poisoned(loop) if b"new_data" in each]


def test_a_message_that_is_not_ours(loop: Loop) -> None:
    def all_given_up() -> bool:
        given_up = flow_steady.poisoned(loop)
        return all(body in given_up for body in GARBAGE)

    loop.until("garbage ends in work-poison", all_given_up, patience=150)
    lines = loop.log.splitlines()
    for reason in GARBAGE.values():
        assert any(reason in line for line in lines), reason
    tries = [line for line in lines if "work message of unknown kind 'explode'" in line]
    assert len(tries) == 5
    assert any("is not base64, as messageEncoding asks" in line for line in lines)
    # The app goes on.
    loop.land(f"{NAME}/2013-01/", flow_rain.month(1))
    loop.until("a batch is taken", lambda: loop.services.ledger.batches(NAME), patience=60)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "the body is not JSON"),
        (b'{"schemaId": ', "the body is not JSON"),
        (b"\xff\xfe", "the body is not JSON"),
        (b"[" * 100_000, "the body is not JSON"),
        ({"schemaId": "AzureMonitorMetricAlert", "data": {}}, "turn on 'Enable the common alert schema'"),
        (["azureMonitorCommonAlertSchema"], "turn on 'Enable the common alert schema'"),
        ({"schemaId": "azureMonitorCommonAlertSchema"}, "the alert has no data.essentials"),
        (
            {"schemaId": "azureMonitorCommonAlertSchema", "data": {"essentials": {"alertRule": 7}}},
            "the alert has no data.essentials.alertRule",
        ),
    ],
    ids=["empty", "cut off", "not text", "too deep", "another schema", "a list", "no data", "no rule"],
)
def test_an_alert_that_cannot_be_understood(loop: Loop, body: Any, reason: str) -> None:
    status, answer = loop.post("/api/alert", body)
    assert status == 400
    assert reason in json.loads(answer)["error"]


def test_an_alert_of_a_rule_that_no_policy_maps(loop: Loop) -> None:
    rule = f"nobody-maps-{uuid.uuid4()}"
    status, answer = loop.post("/api/alert", flow_steady.alert(rule))
    assert (status, json.loads(answer)) == (202, {"accepted": True, "rule": rule})
    told = f"alert dropped: no policy maps the rule {rule!r}"
    loop.until("the reason", lambda: told in loop.log, patience=60)
