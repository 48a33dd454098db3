"""The deployed app inside Microsoft's worker: every function indexed, every trigger invoked with real events."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from worker_process import (
    EVENTS,
    ROOT,
    event_invocation,
    needs_events,
    needs_worker,
    queue_messages,
    run_worker,
    sample_events,
)

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = needs_worker

EVENT_FUNCTIONS = ("new_data", "drift_alert", "job_finished", "model_registered", "model_deployed")
WEBHOOKS = ("alert", "code_changed")
TIMERS = ("drift_check", "reconcile")
FOLDERS = ("storage", "machinelearning", "eventgrid", "deadletter")
TICK = {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": None, "IsPastDue": False}
JOB = "rt-flight-delay-7-0123abcd"
ENDED = {
    "machinelearning/RunCompleted.eventgrid.json": "completed",
    "machinelearning/RunStatusChanged.eventgrid.json": "failed",
}
NO_ALERTS = ("", "{", "[]", "{}", '{"schemaId": "azureMonitorCommonAlertSchema", "data": {}}')
APPROVALS = [(method, token) for method in ("GET", "POST") for token in ("", "v1.eyJ9.AAAA", "x" * 5000)]
BREACH = {
    "id": "7",
    "topic": "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w",
    "subject": "experiments/e/runs/r",
    "eventType": "Microsoft.MachineLearningServices.RunStatusChanged",
    "eventTime": "2026-01-01T00:00:00.1234567",
    "data": {
        "runId": "r",
        "runStatus": "Completed",
        "runTags": {
            "azureml_modelmonitor_name": "flights",
            "azureml_modelmonitor_threshold_breached": "data_drift",
        },
    },
    "dataVersion": "",
    "metadataVersion": "1",
}


def settings(tmp_path: Path) -> dict[str, str]:
    """As in Azure: managed identity, nothing that could be reached from here."""
    policies = tmp_path / "policies"
    policies.mkdir(exist_ok=True)
    for name in ("second", "first"):
        (policies / f"{name}.yaml").write_text("name: only its file's name counts here\n", encoding="utf-8")
    return {
        "HOMEOSTAT_POLICIES": str(policies),
        "HOMEOSTAT_SUBSCRIPTION_ID": "00000000-0000-0000-0000-000000000000",
        "HOMEOSTAT_RESOURCE_GROUP": "rg",
        "HOMEOSTAT_WORKSPACE": "ws",
        "HOMEOSTAT_TOPIC_ENDPOINT": "https://nowhere.invalid/api/events",
        "HOMEOSTAT_APPROVAL_KEY": "k" * 40,
        "HomeostatStorage__blobServiceUri": "https://nowhere.invalid/",
        "HomeostatStorage__queueServiceUri": "https://nowhere.invalid/",
        "HomeostatStorage__tableServiceUri": "https://nowhere.invalid/",
    }


def read(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """The messages on `work`; the invocation must have succeeded."""
    assert answer["ok"], answer["trace"]
    return [json.loads(message) for message in queue_messages(answer)]


def alert_invocation(body: str, function: str = "alert") -> dict[str, Any]:
    http = {
        "method": "POST",
        "url": f"http://127.0.0.1/api/{function}",
        "headers": {"content-type": "application/json; charset=utf-8"},
        "body": {"bytes": body},
    }
    return {"function": function, "data": {"http": http}}


HOOKS = {
    "push": {
        "id": "03c164c2-8912-4d5e-8009-3707d5f83734",
        "eventType": "git.push",
        "resource": {
            "refUpdates": [
                {"name": "refs/heads/main", "newObjectId": "33b55f7cb7e7e245323987634f960cf4a6e6bc74"}
            ],
            "repository": {"name": "models"},
        },
    },
    "failed build": {
        "id": "4a5d99d6",
        "eventType": "build.complete",
        "resource": {"buildNumber": "1", "result": "failed", "definition": {"name": "register"}},
    },
    "work item": {"id": "1", "eventType": "workitem.created", "resource": {}},
}


def approval_invocation(method: str, token: str) -> dict[str, Any]:
    http = {
        "method": method,
        "url": f"http://127.0.0.1/api/approval?token={token}",
        "headers": {"content-type": "application/json", "accept": "text/html"},
        "query": {"token": token},
        "body": {"bytes": json.dumps({"verdict": "approve", "reason": "r"}) if method == "POST" else ""},
    }
    return {"function": "approval", "data": {"http": http}}


class Served:
    """One worker process that makes every invocation of this module; answers by what was asked."""

    def __init__(self, answer: dict[str, Any], names: list[Any]) -> None:
        self.answer = answer
        self._named = dict(zip(names, answer["answers"], strict=True))

    def __getitem__(self, name: Any) -> dict[str, Any]:
        return self._named[name]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Served:
    asked: dict[Any, dict[str, Any]] = {}
    for function in EVENT_FUNCTIONS:
        for file, event in sample_events(*FOLDERS):
            asked[function, file] = event_invocation(function, event)
    for file, event in sample_events("machinelearning"):
        if file in ENDED:
            ours = event | {"data": event["data"] | {"runId": JOB}}
            asked["ours", file] = event_invocation("job_finished", ours)
    asked["breach"] = event_invocation("drift_alert", BREACH)
    for file, body in sample_events("azure-monitor"):
        asked["alert", file] = alert_invocation(json.dumps(body))
    for body in NO_ALERTS:
        asked["no alert", body] = alert_invocation(body)
    for name, body in HOOKS.items():
        asked["hook", name] = alert_invocation(json.dumps(body), "code_changed")
    for name in TIMERS:
        asked[name] = {"function": name, "data": {"json": json.dumps(TICK)}}
    for method, token in APPROVALS:
        asked["approval", method, token] = approval_invocation(method, token)
    asked["work"] = {
        "function": "work",
        "data": {
            "string": json.dumps({"kind": "reconcile", "model": "nobody", "detail": {}, "source": "a test"})
        },
        "metadata": {"Id": {"string": "m"}, "DequeueCount": {"json": "1"}, "PopReceipt": {"string": "r"}},
    }
    answer = run_worker(ROOT, list(asked.values()), settings(tmp_path_factory.mktemp("app")))
    assert answer["load"]["ok"], answer["load"]
    return Served(answer, list(asked))


def test_every_function_is_indexed(served: Served) -> None:
    answer = served.answer
    assert answer["load"]["ok"], answer["load"]
    functions = answer["functions"]
    assert functions.keys() >= {*EVENT_FUNCTIONS, *TIMERS, *WEBHOOKS, "approval", "work"}
    for name, function in functions.items():
        assert function["load"]["ok"], name
        is_http = name in {*WEBHOOKS, "approval"}
        trigger, *others = reversed(function["bindings"]) if is_http else function["bindings"]
        kinds = sorted((binding["type"], binding["direction"]) for binding in function["bindings"])
        if name == "work":
            assert (trigger["type"], trigger["queueName"]) == ("queueTrigger", "work")
            assert trigger["connection"] == "HomeostatStorage"
            assert others == []
            continue
        assert ("queue", "OUT") in kinds, f"{name} hands on to the queue"
        queue = next(binding for binding in function["bindings"] if binding["type"] == "queue")
        assert (queue["queueName"], queue["connection"]) == ("work", "HomeostatStorage")
        if name in EVENT_FUNCTIONS:
            assert ("eventGridTrigger", "IN") in kinds
        if name in TIMERS:
            timer = next(binding for binding in function["bindings"] if binding["type"] == "timerTrigger")
            assert timer["schedule"].startswith("%HOMEOSTAT_"), "the schedule is a setting"
        if name == "approval":
            http = next(binding for binding in function["bindings"] if binding["type"] == "httpTrigger")
            assert (http["authLevel"], http["methods"]) == ("ANONYMOUS", ["GET", "POST"])
            assert http["route"] == "approval"
        if name in WEBHOOKS:
            http = next(binding for binding in function["bindings"] if binding["type"] == "httpTrigger")
            assert (http["authLevel"], http["methods"], http["route"]) == ("FUNCTION", ["POST"], name)


EXPECTED: dict[tuple[str, str], dict[str, Any]] = {
    ("new_data", "storage/BlobCreated.PutBlob.eventgrid.json"): {"kind": "new_data"},
    ("new_data", "deadletter/BlobCreated.PutBlob.eventgrid.json"): {"kind": "new_data"},
    ("new_data", "storage/BlobCreated.PutBlockList.eventgrid.json"): {"kind": "new_data"},
    ("new_data", "storage/BlobCreated.PutBlockList.cloudevent.json"): {"kind": "new_data"},
    ("new_data", "storage/BlobCreated.quickstart-test-http.cloudevent.json"): {"kind": "new_data"},
    ("model_registered", "machinelearning/ModelRegistered.eventgrid.json"): {
        "kind": "model_registered",
        "model": "sklearn_regression_model",
        "detail": {"name": "sklearn_regression_model", "version": "20"},
    },
    ("model_deployed", "machinelearning/ModelDeployed.eventgrid.json"): {
        "kind": "model_deployed",
        "detail": {
            "endpoint": "my-sklearn-service",
            "models": "sklearn_regression_model:1,sklearn_regression_model:2",
        },
    },
    ("drift_alert", "machinelearning/DatasetDriftDetected.eventgrid.json"): {
        "kind": "drift_alert",
        "detail": {"monitor": "myDriftMonitor", "key": "01d29aa4-e6a4-470a-9ef3-66660d21f8ef_1571590300380"},
    },
}
"""Which sample means something to which function. All others are dropped, with a reason in the log."""


@needs_events
def test_every_sample_event_at_every_function(served: Served) -> None:
    dropped = 0
    for function in EVENT_FUNCTIONS:
        for file, event in sample_events(*FOLDERS):
            messages = read(served[function, file])
            expected = EXPECTED.get((function, file))
            if expected is None:
                assert messages == [], (function, file)
                assert f"{function} dropped event {event.get('id', '')} " in served.answer["log"]
                dropped += 1
                continue
            (message,) = messages
            assert message == message | expected
            assert event["id"] in message["source"]
            if function == "new_data":
                assert message["detail"]["url"] == event["data"]["url"]
                assert message["detail"]["etag"] == event["data"]["eTag"].strip('"')
                assert message["detail"]["size"] == event["data"]["contentLength"]
    assert served.answer["log"].count(" dropped event ") == dropped, "and nothing else is dropped"


def test_every_sample_that_means_something_is_there() -> None:
    if not EVENTS.is_dir():
        pytest.skip("the sample events are not beside the repository")
    files = [file for file, _ in sample_events(*FOLDERS)]
    assert {file for _, file in EXPECTED} <= set(files)
    assert len(files) == len(set(files)), "one event a file: they are told apart by the file"


@needs_events
@pytest.mark.parametrize("file", ENDED)
def test_a_job_of_ours_that_ended(served: Served, file: str) -> None:
    (message,) = read(served["ours", file])
    assert (message["kind"], message["model"]) == ("job_finished", "flight-delay")
    assert message["detail"] == {"job": JOB, "status": ENDED[file]}


def test_a_breach_of_azure_ml_s_model_monitor(served: Served) -> None:
    (message,) = read(served["breach"])
    assert (message["kind"], message["detail"]) == ("drift_alert", {"monitor": "flights", "key": "r"})


@needs_events
def test_alerts_of_azure_monitor(served: Served) -> None:
    samples = dict(sample_events("azure-monitor"))
    assert len(samples) >= 6
    for file, body in samples.items():
        answer = served["alert", file]
        http = answer["returned"]["http"]
        messages = read(answer)
        assert http["headers"]["content-type"].startswith("application/json")
        if file == "azure-monitor/metric-resolved.json":
            assert (http["status_code"], messages) == ("200", [])
            continue
        essentials = body["data"]["essentials"]
        (message,) = messages
        assert http["status_code"] == "202"
        assert message["kind"] == "alert"
        assert message["detail"]["rule"] == essentials["alertRule"]
        assert message["detail"]["key"] == f"{essentials['alertId']} {essentials['firedDateTime']}"


@pytest.mark.parametrize("body", NO_ALERTS)
def test_an_alert_that_is_none_is_refused_in_words(served: Served, body: str) -> None:
    answer = served["no alert", body]
    assert read(answer) == []
    http = answer["returned"]["http"]
    assert http["status_code"] == "400"
    assert json.loads(http["body"]["bytes"])["error"]


@pytest.mark.parametrize(("method", "token"), APPROVALS)
def test_an_answer_without_a_link_of_ours_is_refused(served: Served, method: str, token: str) -> None:
    answer = served["approval", method, token]
    assert read(answer) == []
    http = answer["returned"]["http"]
    assert http["status_code"] == ("403" if token.startswith("v1") else "400")
    headers = [(name.lower(), value) for name, value in http["headers"].items()]
    assert ("cache-control", "no-store") in headers
    kinds = [value for name, value in headers if name == "content-type"]
    assert kinds == ["application/json"]
    assert json.loads(http["body"]["bytes"])["kind"] in {"malformed", "forged"}


def test_a_push_is_one_message_and_what_brings_no_code_is_none(served: Served) -> None:
    (message,) = read(served["hook", "push"])
    assert (message["kind"], message["model"]) == ("code_changed", None)
    assert message["detail"]["branch"] == "refs/heads/main"
    assert served["hook", "push"]["returned"]["http"]["status_code"] == "202"
    for name, status in {"failed build": "200", "work item": "400"}.items():
        answer = served["hook", name]
        assert read(answer) == []
        http = answer["returned"]["http"]
        assert (http["status_code"], http["headers"]["content-type"]) == (
            status,
            "application/json",
        )
        said = json.loads(http["body"]["bytes"])
        assert said.get("reason") or said["error"]


@pytest.mark.parametrize("name", TIMERS)
def test_timers_wake_every_model(served: Served, name: str) -> None:
    woken = [(message["kind"], message["model"]) for message in read(served[name])]
    assert woken == [(name, "first"), (name, "second")]


def test_work_about_a_model_that_nobody_manages_is_dropped_with_its_reason(served: Served) -> None:
    assert read(served["work"]) == []
    assert "no policy manages model 'nobody'" in served.answer["log"]
