"""Every event of a first training and release, three times, in any order, some before their time: one of everything."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import flow_docs
import flow_rain
from flow_hostlog import HostLog
from flow_loop import Loop, parquet, settings, write_policy

from cloud.ledger import TableLedger
from cloud.mlclient import ml_client
from cloud.settings import read_settings
from control.names import data_version, job_name
from local.azureml import Home
from local.azureml import events as azureml
from local.storage import StorageAccount
from local.storage_events import Change, Seen
from local.storage_events import event as blob_event
from local.subscriptions import STORAGE_ID

if TYPE_CHECKING:
    from azure.ai.ml import MLClient

MODEL = "doubled"
FOLDERS = ("2013-01/", "2013-02/")
PART, MARKER = "part.parquet", "_SUCCESS"
TIMES = 3
SEED = 183
"""With it, each third of the events says that the job, the model and the deployment are there."""

Sent = tuple[str, dict[str, Any]]
"""The function that the subscription wakes, and the event."""


def test_each_event_three_times_and_shuffled_is_one_of_everything(loop: Loop) -> None:
    body = flow_docs.policy(MODEL)
    body["retrain"] |= {"data": {"train": 2, "evaluate": 1, "fresh": 1}}
    write_policy(loop.folder / "app", MODEL, body)
    etags = {
        folder: _upload(loop, folder + PART, parquet(flow_rain.month(at)))
        for at, folder in enumerate(FOLDERS, 1)
    }
    versions = {folder: data_version([(folder + PART, etag)]) for folder, etag in etags.items()}
    job = _job(loop, versions)
    once = _events(loop, etags, job)
    sent = once * TIMES
    random.Random(SEED).shuffle(sent)
    third = len(sent) // TIMES
    log = HostLog(loop)
    early, middle, late = sent[:third], sent[third : 2 * third], sent[2 * third :]
    for part in (early, middle, late):
        kinds = {event["eventType"].rpartition(".")[2] for _, event in part}
        assert kinds >= {"RunCompleted", "ModelRegistered", "ModelDeployed"}

    _send(loop, early)  # before the batches are complete, let alone the job, the model, the deployment
    for folder in FOLDERS:
        _upload(loop, folder + MARKER, b"")
    loop.until("the job runs", lambda: loop.intent(MODEL).retraining.phase == "running")
    _send(loop, middle)
    loop.until("the candidate is on its way", lambda: loop.intent(MODEL).releasing.candidate)
    _send(loop, late)
    champion = loop.until("a champion", lambda: loop.intent(MODEL).releasing.champion)
    for function, event in once:
        answers = log.answers(function, event["id"])
        assert len(answers) == TIMES
        if all(" took event " in answer for answer in answers):
            log.handled(event["id"], TIMES)
        else:
            assert all("has not ended" in answer for answer in answers)
    ticks = loop.log.count(f"reconcile {MODEL} from timer")
    loop.until(
        "reconcile has nothing to add", lambda: loop.log.count(f"reconcile {MODEL} from timer") > ticks
    )

    ml = ml_client(read_settings(settings(loop.addresses, loop.folder / "app" / "policies")))
    assert [str(one.name) for one in ml.jobs.list() if f"-{MODEL}-" in str(one.name)] == [job]
    assert loop.services.places[None].workspace.job(job).status == "completed"
    assert sorted(str(one.version) for one in ml.data.list(name=f"{MODEL}-data")) == sorted(versions.values())
    assert [str(one.version) for one in ml.models.list(name=MODEL)] == [champion.version] == ["1"]
    _one_release(ml, champion.deployment)
    _one_story(loop, job, versions)
    ledger = loop.services.ledger
    assert isinstance(ledger, TableLedger)
    assert ledger.verify(MODEL) is None


def _upload(loop: Loop, path: str, data: bytes) -> str:
    with loop.blobs() as client:
        answer = client.get_container_client("landing").upload_blob(f"{MODEL}/{path}", data)
        return str(answer.get_blob_properties().etag)


def _job(loop: Loop, versions: dict[str, str]) -> str:
    """The job's name, before there is one: two batches are two pieces of evidence and one content."""
    policy = loop.services.policies.get(MODEL)
    assert policy is not None
    content = {
        "training": tuple(versions[folder] for folder in FOLDERS),
        "evaluation": (),
        "champion": None,
        "policy": policy.digest,
    }
    return job_name(MODEL, len(FOLDERS), content)


def _events(loop: Loop, etags: dict[str, str], job: str) -> list[Sent]:
    """What local Azure sends on the way from the first blob to the champion, made where it makes its own."""
    account = _account(loop.addresses["storage"])
    found: list[Sent] = []
    for number, folder in enumerate(FOLDERS):
        for place, name in enumerate((PART, MARKER)):
            change = Change(
                container="landing",
                name=f"{MODEL}/{folder}{name}",
                api="PutBlob",
                at=datetime.now(UTC),
                seen=Seen(etag=etags[folder] if name == PART else "", type="BlockBlob", content_type=None),
            )
            found.append(("new_data", blob_event(change, account, STORAGE_ID, 2 * number + place)))
    run = {"experimentName": MODEL, "jobType": "Pipeline"}
    found += [
        ("job_finished", azureml.run(Home(), job, run | {"status": status}))
        for status in ("Starting", "Preparing", "Running", "Completed")
    ]
    found.append(("model_registered", azureml.model_registered(Home(), MODEL, "1", {})))
    found.append(("model_deployed", azureml.model_deployed(Home(), MODEL, f"{MODEL}:1", {}, {})))
    return found


def _account(connection: str) -> StorageAccount:
    parts = dict(part.split("=", 1) for part in connection.strip(";").split(";"))
    return StorageAccount(
        name=parts["AccountName"],
        key=parts["AccountKey"],
        blob_endpoint=parts["BlobEndpoint"],
        queue_endpoint=parts["QueueEndpoint"],
        table_endpoint=parts["TableEndpoint"],
    )


def _send(loop: Loop, events: list[Sent]) -> None:
    """Four at a time, as Event Grid delivers without waiting for one another."""
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda sent: loop.event(*sent), events))
    assert answers == [(202, "")] * len(events)


def _one_release(ml: MLClient, deployment: str) -> None:
    assert [str(one.name) for one in ml.online_deployments.list(MODEL)] == [deployment] == ["g001"]
    assert dict(ml.online_endpoints.get(MODEL).traffic) == {deployment: 100}


def _one_story(loop: Loop, job: str, versions: dict[str, str]) -> None:
    """The audit trail: what was decided was decided once, what was done twice was done under one name."""
    once = (
        "retrain",
        "job accepted",
        "job completed",
        "candidate passed",
        "model registered",
        "release proposed",
    )
    for name in (*once, "approved", "promoted"):
        assert len(loop.audit(MODEL, name)) == 1, name
    assert sorted(entry["detail"]["version"] for entry in loop.audit(MODEL, "batch")) == sorted(
        versions.values()
    )
    assert {entry["detail"]["job"] for entry in loop.audit(MODEL, "SubmitJob")} == {job}
    assert {entry["detail"]["version"] for entry in loop.audit(MODEL, "RegisterModel")} == {"1"}
    assert {entry["detail"]["deployment"] for entry in loop.audit(MODEL, "CreateDeployment")} == {"g001"}
    assert not loop.audit(MODEL, "roll back", "retraining failed", "candidate refused")
