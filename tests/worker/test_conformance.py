"""The Functions host of local Azure gives what Microsoft's worker gives, for the same events.

The sample app puts what it was given on the queue, so equal messages mean equal decoded values.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from worker_process import (
    ROOT,
    event_invocation,
    needs_events,
    needs_worker,
    queue_messages,
    run_host,
    run_worker,
    sample_events,
)

pytestmark = needs_worker

SAMPLE = Path(__file__).with_name("sample_app")
SETTINGS = {"TICK": "0 0 3 * * *", "Storage": "UseDevelopmentStorage=true"}
APP_SETTINGS = {
    "HOMEOSTAT_DRIFT_CHECK_SCHEDULE": "0 0 3 * * *",
    "HOMEOSTAT_RECONCILE_SCHEDULE": "0 */5 * * * *",
    "HOMEOSTAT_POLICIES": str(ROOT / "policies"),
}
FOLDERS = ("storage", "machinelearning", "eventgrid", "deadletter")
EVENT_FUNCTIONS = ("new_data", "drift_alert", "job_finished", "model_registered", "model_deployed")

EVENT = {
    "id": "1",
    "topic": "/t",
    "subject": "/s",
    "eventType": "T",
    "eventTime": "2018-01-01T00:00:00Z",
    "data": {"a": 1},
    "dataVersion": "",
    "metadataVersion": "1",
}
ODD = [
    EVENT,
    EVENT | {"subject": "raise"},
    EVENT | {"eventTime": "2018-01-01T00:00:00.1234567"},
    EVENT | {"eventTime": "yesterday"},
    EVENT | {"data": [1, 2]},
    EVENT | {"data": "text"},
    EVENT | {"data": None},
    {name: value for name, value in EVENT.items() if name != "data"},
    EVENT | {"subject": "Zürich ✈"},
    {"id": "2", "source": "/t", "subject": "/s", "type": "T", "data": {"a": 2}},
    {"id": "2", "source": "/t", "subject": "/s", "type": "T", "data": {"a": 2}, "specversion": "1.0"},
    {"id": "2", "source": "/t", "type": "T", "specversion": "1.0", "comexample": "x"},
    {},
]


def http(function: str, method: str, route: str, body: str, query: dict[str, str]) -> dict[str, Any]:
    content = {
        "method": method,
        "url": f"http://127.0.0.1/api/{route}",
        "query": query,
        "headers": {"content-type": "application/json"},
        "body": {"bytes": body},
    }
    return {"function": function, "data": {"http": content}}


def comparable(answer: dict[str, Any]) -> dict[str, Any]:
    """What the world outside sees of an invocation."""
    seen: dict[str, Any] = {
        "function": answer["function"],
        "ok": answer["ok"],
        "error": answer["error"],
        "queue": queue_messages(answer),
    }
    if answer["returned"]:
        response = answer["returned"]["http"]
        seen["status"] = response["status_code"]
        seen["body"] = response["body"]["bytes"]
        seen["type"] = response["headers"]["content-type"].partition(";")[0]
    return seen


def compare(app: Path, invocations: list[dict[str, Any]], settings: dict[str, str]) -> list[dict[str, Any]]:
    worker, host = run_worker(app, invocations, settings), run_host(app, invocations, settings)
    assert worker["load"]["ok"], worker["load"]
    assert host["load"]["ok"], host["load"]
    assert worker["functions"].keys() == host["functions"].keys()
    by_worker, by_host = (list(map(comparable, side["answers"])) for side in (worker, host))
    assert len(by_worker) == len(invocations)
    for asked, one, other in zip(invocations, by_worker, by_host, strict=True):
        assert one == other, asked
    return by_worker


@needs_events
def test_every_sample_event_is_decoded_alike() -> None:
    events = [event for _, event in sample_events(*FOLDERS)]
    answers = compare(SAMPLE, [event_invocation("on_event", event) for event in events], SETTINGS)
    told = [json.loads(message) for answer in answers for message in answer["queue"]]
    assert {each["class"] for each in told} == {"EventGridEvent", "CloudEvent"}


def test_odd_events_are_decoded_or_refused_alike() -> None:
    answers = compare(SAMPLE, [event_invocation("on_event", event) for event in ODD], SETTINGS)
    assert {answer["ok"] for answer in answers} == {True, False}


def test_other_triggers_are_decoded_alike() -> None:
    ticks = [
        {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": None, "IsPastDue": past}
        for past in (True, False)
    ]
    metadata = {"Id": {"string": "m"}, "DequeueCount": {"json": "3"}}
    answers = compare(
        SAMPLE,
        [
            http("on_http", "POST", "hook", '{"a": "ä"}', {"q": "1", "r": "two words"}),
            http("on_http", "POST", "hook", "", {}),
            *({"function": "on_tick", "data": {"json": json.dumps(tick)}} for tick in ticks),
            {"function": "on_message", "data": {"string": "a message"}, "metadata": metadata},
        ],
        SETTINGS,
    )
    assert [answer["ok"] for answer in answers] == [True] * 5
    assert answers[2]["queue"] == ["past due", "second"]


@needs_events
def test_the_app_does_alike() -> None:
    events = [event for _, event in sample_events(*FOLDERS)]
    invocations = [event_invocation(function, event) for function in EVENT_FUNCTIONS for event in events]
    invocations += [
        http("alert", "POST", "alert", json.dumps(body), {}) for _, body in sample_events("azure-monitor")
    ]
    invocations += [http("alert", "POST", "alert", body, {}) for body in ("", "{", "[]")]
    invocations += [
        {"function": name, "data": {"json": json.dumps({"IsPastDue": False})}}
        for name in ("drift_check", "reconcile")
    ]
    answers = compare(ROOT, invocations, APP_SETTINGS)
    assert sum(len(answer["queue"]) for answer in answers) > 10


TRIGGER = '@app.event_grid_trigger(arg_name="event")\n'
OUTPUT = '@app.queue_output(arg_name="out", queue_name="q", connection="Storage")\n'
REFUSED = {
    "a list without typing": TRIGGER
    + OUTPUT
    + "def f(event: func.EventGridEvent, out: func.Out[list[str]]): ...",
    "an event as a dict": TRIGGER + "def f(event: dict): ...",
    "an output without Out": TRIGGER + OUTPUT + "def f(event: func.EventGridEvent, out: str): ...",
    "a binding without a parameter": TRIGGER + OUTPUT + "def f(event: func.EventGridEvent): ...",
    "an import that fails": "import no_such_module",
}
TAKEN = {
    "bare, typing, context, coroutine": "import typing\n"
    + TRIGGER
    + "def a(event): ...\n"
    + TRIGGER
    + OUTPUT
    + "def b(event: func.EventGridEvent, out: func.Out[typing.List[str]]): ...\n"
    + TRIGGER
    + "def c(event: func.EventGridEvent, context: func.Context): ...\n"
    + TRIGGER
    + "async def d(event: func.EventGridEvent): ...\n"
}


@pytest.mark.parametrize("what", [*REFUSED, *TAKEN])
def test_the_same_apps_are_refused(what: str, tmp_path: Path) -> None:
    code = (REFUSED | TAKEN)[what]
    (tmp_path / "function_app.py").write_text(
        f"import azure.functions as func\n\napp = func.FunctionApp()\n\n\n{code}\n", encoding="utf-8"
    )
    worker, host = run_worker(tmp_path, settings=SETTINGS), run_host(tmp_path, settings=SETTINGS)
    assert worker["load"]["ok"] is (what in TAKEN), worker["load"]["error"]
    assert host["load"]["ok"] is (what in TAKEN), host["load"]["error"]
