"""The host's HTTP surface: Event Grid's webhook, HTTP functions, admin."""

from __future__ import annotations

import base64
import contextlib
import json
import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from azure.core.exceptions import ResourceExistsError
from azure.storage.queue import QueueServiceClient
from host_process import HostProcess

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.storage import StorageAccount


@pytest.fixture(scope="module")
def host(azurite: StorageAccount, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostProcess]:
    settings = {
        "SampleStorage": azurite.connection_string,
        "SAMPLE_QUEUE": "http-jobs",
        "SAMPLE_SCHEDULE": "0 0 0 1 1 *",
    }
    with HostProcess(tmp_path_factory.mktemp("host"), settings) as process:
        yield process


@pytest.fixture
def sent(azurite: StorageAccount) -> Iterator[Any]:
    """Messages on the queue that the event function writes to, those that hold a mark."""
    with QueueServiceClient.from_connection_string(azurite.connection_string) as service:
        queue = service.get_queue_client("events")
        with contextlib.suppress(ResourceExistsError):  # the host makes it only at its first message
            queue.create_queue()

        def find(mark: str) -> list[Any]:
            found = [base64.b64decode(each.content).decode() for each in queue.peek_messages(32)]
            return [json.loads(text) for text in found if mark in text]

        yield find
        queue.clear_messages()


def event(mark: str, **data: Any) -> dict[str, Any]:
    return {
        "id": mark,
        "topic": "/t",
        "subject": "s",
        "eventType": "Sample",
        "eventTime": "2024-01-02T03:04:05.1234567Z",
        "data": data,
        "dataVersion": "1",
        "metadataVersion": "1",
    }


@pytest.mark.parametrize("array", [False, True])
def test_one_event(host: HostProcess, sent: Any, *, array: bool) -> None:
    mark = uuid.uuid4().hex
    answer = host.webhook("on_event", [event(mark)] if array else event(mark))
    assert (answer.status_code, answer.content) == (202, b"")
    assert sent(mark) == [{"id": mark, "type": "Sample", "time": "2024-01-02T03:04:05.123456+00:00"}]


def test_a_batch_is_one_invocation_each_at_the_same_time(host: HostProcess, sent: Any) -> None:
    mark, begun = uuid.uuid4().hex, time.monotonic()
    answer = host.webhook("ON_EVENT", [event(f"{mark}-{number}", sleep=0.5) for number in range(4)])
    assert answer.status_code == 202
    assert time.monotonic() - begun < 1.8
    assert len(sent(mark)) == 4


def test_a_cloud_event(host: HostProcess, sent: Any) -> None:
    mark = uuid.uuid4().hex
    body = {"specversion": "1.0", "id": "1", "source": "/s", "type": mark, "data": {"a": 1}}
    assert (
        host.webhook("on_event", body, headers={"Content-Type": "application/cloudevents+json"}).status_code
        == 202
    )
    assert sent(mark) == [{"cloud": mark, "data": {"a": 1}}]


def test_any_failure_fails_the_batch(host: HostProcess, sent: Any) -> None:
    mark = uuid.uuid4().hex
    answer = host.webhook("on_event", [event(mark), event("x", fail="first"), event("y", fail="second")])
    assert (answer.status_code, answer.text) == (500, "ValueError: first")
    assert len(sent(mark)) == 1
    assert "on_event" in host.log
    assert 'raise ValueError(event.get_json()["fail"])' in host.log


def test_validation(host: HostProcess) -> None:
    body = [
        {
            "id": "1",
            "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
            "data": {"validationCode": "c"},
        }
    ]
    answer = host.webhook("on_event", body, "SubscriptionValidation")
    assert (answer.status_code, answer.json()) == (200, {"validationResponse": "c"})


def test_options(host: HostProcess) -> None:
    path = "/runtime/webhooks/EventGrid?functionName=on_event"
    answer = host.request("OPTIONS", path, headers={"WebHook-Request-Origin": "eventgrid.azure.net"})
    assert answer.status_code == 200
    assert answer.headers["Webhook-Allowed-Origin"] == "eventgrid.azure.net"


def test_unsubscribe(host: HostProcess) -> None:
    assert host.webhook("on_event", [], "Unsubscribe").status_code == 202


@pytest.mark.parametrize("kind", [None, "Other"])
def test_a_missing_or_other_event_type(host: HostProcess, kind: str | None) -> None:
    answer = host.webhook("on_event", [event("x")], kind)
    assert (answer.status_code, answer.content) == (400, b"")


@pytest.mark.parametrize("body", [b"{", b"[1]", b'"text"', b""])
def test_a_body_that_is_no_event(host: HostProcess, body: bytes) -> None:
    assert host.webhook("on_event", body).status_code == 400


@pytest.mark.parametrize("name", ["nobody", "echo", ""])
def test_an_unknown_function(host: HostProcess, name: str) -> None:
    answer = host.webhook(name, [event("x")])
    assert (answer.status_code, answer.text) == (404, f"cannot find function: '{name}'")


def test_keys(host: HostProcess) -> None:
    right, master = host.addresses["keys"]["eventgrid"], host.addresses["keys"]["master"]
    path = "/runtime/webhooks/EventGrid?functionName=on_event"
    headers = {"aeg-event-type": "Unsubscribe"}
    assert host.request("POST", f"{path}&code=wrong", headers=headers).status_code == 401
    assert host.request("POST", f"{path}&code={right}", headers=headers).status_code == 202
    assert host.request("POST", f"{path}&code={master}", headers=headers).status_code == 202
    both = {**headers, "x-functions-key": "wrong"}
    assert host.request("POST", f"{path}&code={right}", headers=both).status_code == 401
    functions = host.addresses["keys"]["functions"]
    assert host.request("GET", "/api/echo/a", headers={"x-functions-key": "wrong"}).status_code == 401
    assert host.request("GET", "/api/echo/a", headers={"x-functions-key": functions}).status_code == 201
    assert host.request("GET", "/api/echo/a").status_code == 201
    assert host.request("GET", "/api/plain", headers={"x-functions-key": "wrong"}).status_code == 200


def test_an_http_function(host: HostProcess) -> None:
    answer = host.request(
        "POST", "/api/Echo/a%20b/7?x=1&x=2&y=z", data=b"body \xc3\xa4", headers={"X-Sample": "here"}
    )
    assert answer.status_code == 201
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-Answer"] == "yes"
    assert answer.cookies["a"] == "b"
    assert answer.json() == {
        "method": "POST",
        "route": {"name": "a b", "number": "7"},
        "query": {"x": "1,2", "y": "z"},
        "body": "body ä",
        "header": "here",
        "url": host.addresses["url"] + "/api/Echo/a%20b/7?x=1&x=2&y=z",
    }


def test_an_asynchronous_function_that_returns_text(host: HostProcess) -> None:
    answer = host.request("PUT", "/api/plain?who=you")
    assert (answer.status_code, answer.text) == (200, "hello you")


@pytest.mark.parametrize(
    ("method", "path"),
    [("DELETE", "/api/echo/a"), ("GET", "/api/nothing"), ("GET", "/echo/a"), ("GET", "/api/off")],
)
def test_what_is_not_there(host: HostProcess, method: str, path: str) -> None:
    assert host.request(method, path).status_code == 404


@pytest.mark.parametrize("path", ["/api/broken", "/api/wrong"])
def test_an_error_is_an_empty_500(host: HostProcess, path: str) -> None:
    answer = host.request("POST", path, data=b"no json")
    assert (answer.status_code, answer.content) == (500, b"")


def test_the_list_of_functions(host: HostProcess) -> None:
    found = {each["name"]: each for each in host.request("GET", "/admin/functions").json()}
    assert set(found) >= {"on_event", "echo", "plain", "on_message", "tick", "off"}
    assert found["echo"]["invoke_url_template"] == host.addresses["url"] + "/api/echo/{name}/{number:int?}"
    assert found["off"]["isDisabled"] is True
    [trigger] = [each for each in found["on_message"]["config"]["bindings"] if each["type"] == "queueTrigger"]
    assert trigger["queueName"] == "http-jobs"
    assert host.request("GET", "/admin/functions/echo").json() == found["echo"]


def test_starting_by_hand(host: HostProcess, sent: Any, eventually: Any) -> None:
    mark = uuid.uuid4().hex
    begun = host.request("POST", "/admin/functions/on_event", json={"input": json.dumps(event(mark))})
    assert (begun.status_code, begun.content) == (202, b"")
    eventually(lambda: sent(mark))
    ticks = len(host.notes("tick"))
    assert host.request("POST", "/admin/functions/tick", json={"input": ""}).status_code == 202
    eventually(lambda: len(host.notes("tick")) == ticks + 1)
    failing = {"input": json.dumps(event("x", fail="quietly"))}
    assert host.request("POST", "/admin/functions/on_event", json=failing).status_code == 202


@pytest.mark.parametrize(("path", "body", "status"), [
    ("on_event", b"{}", 400), ("on_event", b"", 400), ("on_event", b"[]", 400), ("nobody", b'{"input": ""}', 404),
])  # fmt: skip
def test_starting_by_hand_wrongly(host: HostProcess, path: str, body: bytes, status: int) -> None:
    assert host.request("POST", f"/admin/functions/{path}", data=body).status_code == status
