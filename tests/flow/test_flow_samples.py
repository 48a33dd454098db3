"""Every public sample event at the Functions host, as it is and as it would be of a model of ours."""

from __future__ import annotations

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import flow_docs
import flow_rain
import flow_samples
import pytest
from flow_hostlog import HostLog
from flow_loop import Loop, settings, write_policy

from cloud.mlclient import ml_client
from cloud.settings import read_settings

FUNCTIONS = ("new_data", "drift_alert", "job_finished", "model_registered", "model_deployed")
NOT_MINE = "is not for this function"
ELSEWHERE = "no policy's data lies there"

TAKEN: dict[str, dict[str, str]] = {
    "storage/BlobCreated.PutBlob.eventgrid.json": {"new_data": ELSEWHERE},
    "storage/BlobCreated.PutBlockList.cloudevent.json": {"new_data": ELSEWHERE},
    "storage/BlobCreated.PutBlockList.eventgrid.json": {"new_data": ELSEWHERE},
    "storage/BlobCreated.quickstart-test-http.cloudevent.json": {"new_data": ELSEWHERE},
    "storage/BlobCreated.worker-e2e.eventgrid.json": {},
    "storage/BlobDeleted.DeleteBlob.eventgrid.json": {},
    "deadletter/BlobCreated.PutBlob.eventgrid.json": {"new_data": ELSEWHERE},
    "machinelearning/DatasetDriftDetected.eventgrid.json": {
        "drift_alert": "no policy names the monitor 'myDriftMonitor'"
    },
    "machinelearning/ModelDeployed.eventgrid.json": {
        "model_deployed": "no policy releases to the endpoint 'my-sklearn-service'"
    },
    "machinelearning/ModelRegistered.eventgrid.json": {
        "model_registered": "no policy manages model 'sklearn_regression_model'"
    },
    "machinelearning/RunCompleted.eventgrid.json": {},
    "machinelearning/RunStatusChanged.eventgrid.json": {},
    "eventgrid/SubscriptionValidationEvent.eventgrid.json": {},
}
"""Which function puts the sample on the queue, and why the worker drops it there: it is of no model of ours."""

REFUSED: dict[tuple[str, str], str] = {
    ("storage/BlobCreated.worker-e2e.eventgrid.json", "new_data"): "has no data.url",
    ("machinelearning/RunCompleted.eventgrid.json", "job_finished"): "is not one of ours",
    ("machinelearning/RunStatusChanged.eventgrid.json", "job_finished"): "is not one of ours",
    ("machinelearning/RunStatusChanged.eventgrid.json", "drift_alert"): "is no model monitor that breached",
}
"""Why the trigger drops the sample; at every other function it is of another function's type."""

ALERTS: dict[str, int] = {
    "azure-monitor/activity-administrative.json": 202,
    "azure-monitor/log-v2.json": 202,
    "azure-monitor/metric-static.json": 202,
    "azure-monitor/real-ApplicationInsights.json": 202,
    "azure-monitor/real-LogAlertsV2.json": 202,
    "azure-monitor/metric-resolved.json": 200,
}
ANSWER = "eventgrid/SubscriptionValidationResponse.json"
DRIFT = "machinelearning/DatasetDriftDetected.eventgrid.json"
STATUS = "machinelearning/RunStatusChanged.eventgrid.json"
COMPLETED = "machinelearning/RunCompleted.eventgrid.json"
REGISTERED = "machinelearning/ModelRegistered.eventgrid.json"
DEPLOYED = "machinelearning/ModelDeployed.eventgrid.json"
BREACHED = "azureml_modelmonitor_threshold_breached"
MODEL = "sampled"

pytestmark = flow_samples.needed


@pytest.fixture
def model(loop: Loop) -> str:
    """A managed model with monitors and alerts, and no good data: evidence is answered without a job."""
    body = flow_docs.policy(MODEL)
    body["monitors"] = ["sampled-monitor"]
    body["alerts"] = [{"rule": "sampled-latency", "do": "notify"}]
    write_policy(loop.folder / "app", MODEL, body)
    return MODEL


def test_every_sample_is_known_here() -> None:
    assert flow_samples.files() == {*TAKEN, *ALERTS, ANSWER}


@pytest.mark.parametrize("name", TAKEN)
def test_a_sample_is_taken_or_dropped_with_its_reason(loop: Loop, name: str) -> None:
    """Byte for byte, at every Event Grid function."""
    body, identity = flow_samples.sample(name), flow_samples.events(name)[0]["id"]
    for function in FUNCTIONS:
        log = HostLog(loop)
        assert loop.event(function, body) == (202, "")
        (said,) = log.answers(function, identity)
        _is_answer(name, function, said)
        if function in TAKEN[name]:
            ((*_, why),) = _reasons(log, identity)
            assert TAKEN[name][function] in why


def test_all_samples_in_one_batch(loop: Loop) -> None:
    """Both schemas in one array, ids of their own: each event has its own fate, and none fails the others."""
    for function in FUNCTIONS:
        batch = {name: flow_samples.event(name) for name in TAKEN}
        log = HostLog(loop)
        assert loop.event(function, list(batch.values())) == (202, "")
        for name, event in batch.items():
            (said,) = log.answers(function, event["id"])
            _is_answer(name, function, said)
            if function in TAKEN[name]:
                ((*_, why),) = _reasons(log, event["id"])
                assert TAKEN[name][function] in why


def _is_answer(name: str, function: str, said: str) -> None:
    if function in TAKEN[name]:
        assert " took event " in said
    else:
        assert " dropped event " in said
        assert REFUSED.get((name, function), NOT_MINE) in said


def _reasons(log: HostLog, mark: str) -> list[list[str]]:
    """Of each message with that mark: why the worker dropped it."""
    return [[line for line in said if " dropped" in line] for said in log.handled(mark)]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_subscription_is_validated(loop: Loop, function: str) -> None:
    status, body = loop.event(
        function,
        flow_samples.sample("eventgrid/SubscriptionValidationEvent.eventgrid.json"),
        "SubscriptionValidation",
    )
    assert status == 200
    assert json.loads(body) == flow_samples.sample(ANSWER)


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_of_nobody_is_answered_and_dropped(loop: Loop, name: str) -> None:
    body = flow_samples.sample(name)
    essentials = body["data"]["essentials"]
    log = HostLog(loop)
    status, answer = loop.post("/api/alert", body)
    assert status == ALERTS[name]
    if status == 202:
        assert json.loads(answer) == {"accepted": True, "rule": essentials["alertRule"]}
        ((*_, why),) = _reasons(log, essentials["alertId"])
        assert f"no policy maps the rule {essentials['alertRule']!r}" in why
    else:
        assert json.loads(answer)["accepted"] is False
        said = [line.message for line in log.lines() if line.logger == "homeostat.intake"]
        assert any(essentials["alertRule"] in line and "resolved" in line for line in said)
        assert not [
            line
            for line in log.lines()
            if line.logger == "homeostat.work" and essentials["alertId"] in line.message
        ]


def test_what_is_no_alert_is_refused_with_what_to_do(loop: Loop) -> None:
    alerts = [flow_samples.sample(name) for name in ALERTS]
    for body, reason in (
        (alerts, "common alert schema"),
        (flow_samples.event(REGISTERED), "common alert schema"),
        ({"schemaId": "azureMonitorCommonAlertSchema", "data": {}}, "data.essentials"),
        (b"{", "not JSON"),
    ):
        log = HostLog(loop)
        status, answer = loop.post("/api/alert", body)
        assert status == 400
        assert reason in json.loads(answer)["error"]
        assert any("alert refused" in line.message and reason in line.message for line in log.lines())


@pytest.mark.parametrize(
    "name", ["azure-monitor/metric-static.json", "azure-monitor/activity-administrative.json"]
)
def test_a_mapped_alert_notifies(loop: Loop, model: str, name: str) -> None:
    key = f"/alerts/{uuid.uuid4()}"
    log = HostLog(loop)
    body = flow_samples.alert(name, alertRule="sampled-latency", alertId=key)
    assert loop.post("/api/alert", body)[0] == 202
    ((*said,),) = log.handled(key)
    assert any(f"notice for the owners of {model}" in line and "sampled-latency" in line for line in said)
    (entry,) = [entry for entry in loop.audit(model, "alert") if key in entry["detail"]["key"]]
    assert entry["kind"] == "event"
    assert entry["detail"]["severity"] == body["data"]["essentials"]["severity"]


def test_an_alert_that_retrains_starts_one_job_however_often_it_comes(loop: Loop) -> None:
    name = "alerted"
    body = flow_docs.policy(name)
    body["gates"]["thresholds"] = [
        {"metric": "roc_auc", "at_least": 1.0}
    ]  # no release: only jobs are counted
    body["alerts"] = [{"rule": "alerted-late-rate", "do": "retrain"}]
    write_policy(loop.folder / "app", name, body)
    loop.land(f"{name}/2013-01/", flow_rain.month(1))
    loop.until("the gate refuses the first candidate", lambda: loop.audit(name, "candidate refused"))
    fired = flow_samples.alert(
        "azure-monitor/metric-static.json", alertRule="alerted-late-rate", alertId=f"/alerts/{uuid.uuid4()}"
    )
    log = HostLog(loop)
    key = fired["data"]["essentials"]["alertId"]
    with ThreadPoolExecutor(3) as pool:
        assert [status for status, _ in pool.map(lambda _: loop.post("/api/alert", fired), range(3))] == [
            202
        ] * 3
    log.handled(key, 3)
    loop.until("the gate refuses the second candidate", lambda: loop.audit(name, "candidate refused")[1:])
    cleared = flow_samples.alert(
        "azure-monitor/metric-resolved.json", alertRule="alerted-late-rate", alertId=key
    )
    assert loop.post("/api/alert", cleared)[0] == 200
    assert loop.post("/api/alert", fired)[0] == 202
    assert any("known already" in line for line in log.handled(key, 4)[3])
    (evidence,) = loop.audit(name, "alert")
    assert key in evidence["detail"]["key"]
    first, second = loop.audit(name, "retrain")
    assert second["detail"]["epoch"] == evidence["detail"]["epoch"] == first["detail"]["epoch"] + 1
    assert _jobs(loop, name) == {first["detail"]["job"], second["detail"]["job"]}


def _jobs(loop: Loop, model: str) -> set[str]:
    ml = ml_client(read_settings(settings(loop.addresses, loop.folder / "app" / "policies")))
    return {str(job.name) for job in ml.jobs.list() if str(job.name).startswith(f"rt-{model}-")}


BREACHES: dict[str, Any] = {
    "Event Grid's schema": lambda run: flow_samples.event(DRIFT, DataDriftName="sampled-monitor", RunId=run),
    "CloudEvents": lambda run: flow_samples.cloud_event(
        flow_samples.event(DRIFT, DataDriftName="sampled-monitor", RunId=run)
    ),
    "camel case": lambda run: flow_samples.event(
        DRIFT, DataDriftName=None, RunId=None, dataDriftName="sampled-monitor", runId=run
    ),
    "the monitor's tag": lambda run: flow_samples.event(
        STATUS,
        runId=run,
        runStatus="completed",
        runTags={BREACHED: "1", "azureml_modelmonitor_name": "sampled-monitor"},
    ),
    "the monitor's experiment": lambda run: flow_samples.event(
        STATUS, runId=run, experimentName="sampled-monitor", runTags={BREACHED: "feature_a"}
    ),
}


@pytest.mark.parametrize("form", BREACHES)
def test_a_breach_of_a_named_monitor_is_evidence_once(loop: Loop, model: str, form: str) -> None:
    run = f"monitor_{uuid.uuid4()}"
    event = BREACHES[form](run)
    log = HostLog(loop)
    assert loop.event("drift_alert", [event] * 3) == (202, "")
    log.handled(event["id"], 3)
    evidence = [one for one in loop.audit(model, "monitor breached") if run in one["detail"]["key"]]
    assert [event["id"] in one["detail"]["source"] for one in evidence] == [True]
    epoch = evidence[0]["detail"]["epoch"]
    answered = loop.until(
        "the evidence is answered",
        lambda: [one for one in loop.audit(model, "no retraining") if one["detail"]["epoch"] >= epoch],
    )
    assert "waiting for data: 0 of 1" in answered[0]["detail"]["reason"]


TIMES = [
    "2017-06-26T18:41:00.9584103Z",
    "2018-01-01T00:00:00.000000123Z",
    "2017-06-26T18:41:00Z",
    "2017-06-26T18:41:00.123456",
    "2017-06-26T18:41:00.9584103+00:00",
]


@pytest.mark.parametrize("time", TIMES)
def test_a_registered_model_of_ours_wakes_it_whatever_its_time_looks_like(
    loop: Loop, model: str, time: str
) -> None:
    """PascalCase with the version as a number, and the CloudEvents form beside it."""
    event = flow_samples.event(REGISTERED, envelope={"eventTime": time}, ModelName=model, ModelVersion=7)
    also = flow_samples.cloud_event(
        flow_samples.event(REGISTERED, envelope={"eventTime": time}, ModelName=model)
    )
    log = HostLog(loop)
    assert loop.event("model_registered", [event, also]) == (202, "")
    for one in (event, also):
        (said,) = log.handled(one["id"])
        assert any(f"model_registered {model} from " in line for line in said)
        assert not [line for line in said if "dropped" in line]


@pytest.mark.parametrize(
    ("function", "name", "missing"),
    [
        ("model_registered", REGISTERED, "ModelName"),
        ("model_registered", REGISTERED, "ModelVersion"),
        ("model_deployed", DEPLOYED, "ServiceName"),
        ("job_finished", COMPLETED, "runId"),
        ("drift_alert", DRIFT, "DataDriftName"),
        ("drift_alert", DRIFT, "RunId"),
    ],
)
def test_a_name_that_is_missing_is_a_reason(loop: Loop, function: str, name: str, missing: str) -> None:
    absent, empty = flow_samples.event(name, **{missing: None}), flow_samples.event(name, **{missing: ""})
    log = HostLog(loop)
    assert loop.event(function, [absent, empty]) == (202, "")
    for event in (absent, empty):
        (said,) = log.answers(function, event["id"])
        assert f"has no data.{missing}".lower() in said.lower()


def test_a_breach_without_the_monitors_name_is_a_reason(loop: Loop) -> None:
    event = flow_samples.event(STATUS, experimentName=None, runTags={BREACHED: "1"})
    log = HostLog(loop)
    assert loop.event("drift_alert", event) == (202, "")
    (said,) = log.answers("drift_alert", event["id"])
    assert "does not name its monitor" in said


@pytest.mark.parametrize("data", [None, [], "text", 7, {}, {"ModelName": ["a"], "ModelVersion": {}}])
def test_data_of_no_shape_is_dropped_and_never_comes_again(loop: Loop, data: Any) -> None:
    """A failure would make Event Grid send the event for a day."""
    event = flow_samples.event(REGISTERED) | {"data": data}
    log = HostLog(loop)
    assert loop.event("model_registered", event) == (202, "")
    (said,) = log.answers("model_registered", event["id"])
    assert "has no data.modelName" in said


def test_a_cloud_event_that_forgot_its_version_is_dropped(loop: Loop) -> None:
    event = flow_samples.cloud_event(flow_samples.event(REGISTERED))
    del event["specversion"]
    log = HostLog(loop)
    assert loop.event("model_registered", event) == (202, "")
    (said,) = log.answers("model_registered", event["id"])
    assert "event type '' is not for this function" in said


@pytest.mark.parametrize("schema", ["eventgrid", "cloudevent"])
def test_a_blob_of_ours_is_looked_at(loop: Loop, model: str, schema: str) -> None:
    """The sample's event about a batch of ours, which is no Parquet: taken once, judged, not used."""
    folder = f"{schema}/"
    loop.land(f"{model}/{folder}", b"no parquet")
    with loop.blobs() as client:
        url = client.get_blob_client("landing", f"{model}/{folder}_SUCCESS").url
    event = flow_samples.event(f"storage/BlobCreated.PutBlockList.{schema}.json", url=url)
    log = HostLog(loop)
    assert loop.event("new_data", [event] * 3) == (202, "")
    for said in log.handled(event["id"], 3):
        assert not [line for line in said if "dropped" in line]
    (batch,) = [one for one in loop.audit(model, "batch") if one["detail"]["path"] == folder]
    assert batch["detail"]["quality"] == "fail"
    assert "Parquet" in batch["detail"]["reason"]
