"""Events as they really come: in any case, with numbers for strings, foreign, half."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from control.errors import BadInput
from control.events import (
    MONITOR_BREACH,
    Event,
    alert,
    drift_alert,
    job_finished,
    model_deployed,
    model_registered,
    new_data,
)
from control.messages import Message
from control.names import workspace_id
from control.retraining import happening
from control.state import Intent

ML = "Microsoft.MachineLearningServices."
HERE = "/subscriptions/S/resourceGroups/G/providers/Microsoft.MachineLearningServices/workspaces/W"


def event(type_: str, **data: object) -> Event:
    return Event(id="1", type=type_, subject="s", source=HERE, data=data)


@pytest.mark.parametrize(
    ("read", "kind", "data"),
    [
        (model_registered, "ModelRegistered", {"modelName": "m", "modelVersion": "1"}),
        (model_deployed, "ModelDeployed", {"serviceName": "e"}),
        (job_finished, "RunCompleted", {"runId": "rt-m-1-0123abcd"}),
        (drift_alert, "DatasetDriftDetected", {"dataDriftName": "d", "runId": "r"}),
        (
            drift_alert,
            "RunStatusChanged",
            {"runId": "r", "experimentName": "e", "runTags": {MONITOR_BREACH: "x"}},
        ),
    ],
)
def test_an_event_of_azure_ml_says_which_workspace_it_comes_from(
    read: Callable[[Event], Message], kind: str, data: dict[str, object]
) -> None:
    one = event(ML + kind, **data)
    assert read(one).workspace == workspace_id("s", "g", "w") == HERE.lower()
    for source in ("", "t", f"{HERE}/", f"x{HERE}", HERE.replace("workspaces/W", "registries/W")):
        with pytest.raises(BadInput, match="does not come from an Azure ML workspace"):
            read(replace(one, source=source))
    assert drift_alert(event("Homeostat.DriftDetected", model="m")).workspace is None, "the app's own topic"


def test_names_are_read_in_any_case_and_versions_as_text() -> None:
    for data in ({"ModelName": "m", "ModelVersion": 20}, {"modelName": "m", "modelVersion": "20"}):
        assert model_registered(event(ML + "ModelRegistered", **data)).detail == {
            "name": "m",
            "version": "20",
        }


@pytest.mark.parametrize(
    "data", [{}, {"ModelName": ""}, {"ModelName": None}, {"ModelName": True}, {"ModelName": "m"}]
)
def test_an_absent_name_is_never_unknown(data: dict[str, object]) -> None:
    with pytest.raises(BadInput, match="no data"):
        model_registered(event(ML + "ModelRegistered", **data))


def test_only_our_jobs_that_ended_count() -> None:
    ours = "rt-flight-delay-12-0123abcd"
    message = job_finished(event(ML + "RunStatusChanged", runId=ours, runStatus="failed"))
    assert (message.model, message.detail["status"]) == ("flight-delay", "failed")
    assert job_finished(event(ML + "RunCompleted", runId=ours)).detail["status"] == "completed"
    with pytest.raises(BadInput, match="has not ended"):
        job_finished(event(ML + "RunStatusChanged", runId=ours, runStatus="Running"))
    with pytest.raises(BadInput, match="not one of ours"):
        job_finished(event(ML + "RunCompleted", runId="AutoML_1"))


def test_a_blob_that_is_only_created_is_no_data_yet() -> None:
    with pytest.raises(BadInput, match="CreateFile"):
        new_data(event("Microsoft.Storage.BlobCreated", api="CreateFile", url="https://a/b"))
    with pytest.raises(BadInput, match=r"data\.url"):
        new_data(event("Microsoft.Storage.BlobCreated", api="PutBlob", ur1="foo"))
    with pytest.raises(BadInput, match="not for this function"):
        new_data(event("Microsoft.Storage.BlobDeleted", url="https://a/b"))


def test_drift_is_announced_in_three_ways() -> None:
    assert drift_alert(event("Homeostat.DriftDetected", model="m")).model == "m"
    old = drift_alert(event(ML + "DatasetDriftDetected", DataDriftName="mine", RunId="r1"))
    assert old.detail == {"monitor": "mine", "key": "r1"}
    tags = {"azureml_modelmonitor_threshold_breached": "x", "azureml_modelmonitor_name": "mon"}
    new = drift_alert(event(ML + "RunStatusChanged", runId="r2", runTags=tags))
    assert new.detail == {"monitor": "mon", "key": "r2"}
    with pytest.raises(BadInput, match="no model monitor"):
        drift_alert(event(ML + "RunStatusChanged", runId="r2", runTags={}))


def test_a_deployed_service_names_its_endpoint() -> None:
    message = model_deployed(event(ML + "ModelDeployed", ServiceName="e", ModelIds="m:1,m:2"))
    assert message.detail == {"endpoint": "e", "models": "m:1,m:2"}


def test_resolved_starts_nothing_and_a_foreign_body_is_refused() -> None:
    def body(condition: str) -> dict[str, object]:
        essentials = {"alertId": "a", "alertRule": "r", "monitorCondition": condition, "severity": None}
        return {"schemaId": "azureMonitorCommonAlertSchema", "data": {"essentials": essentials}}

    assert alert(body("Resolved")) is None
    fired = alert(body("Fired"))
    assert fired is not None
    assert fired.detail["key"] == "a"
    for wrong in ({}, [], "x", {"schemaId": "azureMonitorCommonAlertSchema"}, body("Burning")):
        with pytest.raises(BadInput):
            alert(wrong)


def test_an_alert_that_fires_again_is_another_one() -> None:
    """As activity log alerts do: their alertId is the rule's own."""

    def key(fired: str) -> object:
        essentials = {
            "alertId": "rule", "alertRule": "r", "monitorCondition": "Fired", "firedDateTime": fired,
        }  # fmt: skip
        message = alert({"schemaId": "azureMonitorCommonAlertSchema", "data": {"essentials": essentials}})
        assert message is not None
        return message.detail["key"]

    assert key("2025-04-15T11:26:21.386Z") == key("2025-04-15T11:26:21.386Z")
    assert key("2025-04-15T11:26:21.386Z") != key("2025-04-16T11:26:21.386Z")


def test_what_happened_is_noted_once_and_asks_for_nothing() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    intent, notes = happening(Intent(model="m"), now, "alert a", "alert", rule="r")
    assert [(note.kind, note.detail) for note in notes] == [("event", {"rule": "r", "key": "alert a"})]
    assert intent.retraining.wanted == 0
    assert happening(intent, now, "alert a", "alert", rule="r") == (intent, ())
