"""The harness itself, on a sample app: what Microsoft's worker does with each kind of trigger."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from worker_process import event_invocation, needs_worker, queue_messages, run_worker

SAMPLE = Path(__file__).with_name("sample_app")

EVENT = {
    "id": "1",
    "topic": "/t",
    "subject": "/s",
    "eventType": "T",
    "eventTime": "2018-01-01T00:00:00.123456789Z",
    "data": {"a": 1},
    "dataVersion": "",
    "metadataVersion": "1",
}
CLOUD_EVENT = {
    "id": "2",
    "source": "/t",
    "subject": "/s",
    "type": "T",
    "time": "2018-01-01T00:00:00.1234567Z",
    "data": {"a": 2},
    "specversion": "1.0",
}
TICK = {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": None, "IsPastDue": True}


@pytest.fixture(scope="module")
def answer() -> dict[str, Any]:
    invocations = [
        event_invocation("on_event", EVENT),
        event_invocation("on_event", CLOUD_EVENT),
        event_invocation("on_event", EVENT | {"subject": "raise"}),
        {
            "function": "on_http",
            "data": {
                "http": {
                    "method": "POST",
                    "url": "http://127.0.0.1/api/hook?q=1",
                    "query": {"q": "1"},
                    "headers": {"content-type": "text/plain"},
                    "body": {"bytes": "hello"},
                }
            },
        },
        {"function": "on_tick", "data": {"json": json.dumps(TICK)}},
        {
            "function": "on_message",
            "data": {"string": "a message"},
            "metadata": {"Id": {"string": "m"}, "DequeueCount": {"json": "3"}},
        },
    ]
    return run_worker(SAMPLE, invocations)


pytestmark = needs_worker


def test_it_indexes_the_sample(answer: dict[str, Any]) -> None:
    assert answer["load"]["ok"], answer["load"]
    assert Path(answer["file"]) == SAMPLE / "function_app.py"
    assert set(answer["functions"]) == {"on_event", "on_http", "on_tick", "on_message"}
    assert all(function["load"]["ok"] for function in answer["functions"].values())


def test_events_of_both_schemas(answer: dict[str, Any]) -> None:
    plain, cloud, failed, *_ = answer["answers"]
    assert json.loads(queue_messages(plain)[0]) == {
        "class": "EventGridEvent",
        "id": "1",
        "subject": "/s",
        "data": {"a": 1},
        "time": "2018-01-01T00:00:00.123456+00:00",
    }
    told = json.loads(queue_messages(cloud)[0])
    assert (told["class"], told["id"], told["data"]) == ("CloudEvent", "2", {"a": 2})
    assert not failed["ok"]
    assert failed["error"] == "ValueError: asked for it"
    assert queue_messages(failed) == []


def test_http(answer: dict[str, Any]) -> None:
    http = answer["answers"][3]
    assert http["ok"], http
    assert queue_messages(http) == ["hello"]
    assert http["returned"]["http"]["status_code"] == "202"
    assert json.loads(http["returned"]["http"]["body"]["bytes"]) == {"q": "1"}


def test_timer_and_queue(answer: dict[str, Any]) -> None:
    tick, message = answer["answers"][4:]
    assert queue_messages(tick) == ["past due", "second"]
    assert message["ok"], message
    assert "got a message, time 3" in answer["log"]


def test_an_app_that_cannot_be_imported_fails_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "function_app.py").write_text("import no_such_module\n", encoding="utf-8")
    answer = run_worker(tmp_path)
    assert not answer["load"]["ok"]
    assert "no_such_module" in answer["load"]["error"]
    assert answer["functions"] == {}
