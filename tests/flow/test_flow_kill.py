"""kill -9 in the middle of the loop: of the Functions host, and of all of local Azure. It ends as if nothing had happened."""

from __future__ import annotations

import base64
import binascii
import json
import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import flow_docs
import flow_rain
import psutil
import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import QueueServiceClient
from flow_loop import Loop, settings, write_policy
from flow_start import running, write_pipeline

from cloud.ledger import TableLedger
from cloud.mlclient import ml_client
from cloud.settings import read_settings

MOMENTS = {
    "retrain": "a retraining was decided, its job is perhaps not there yet",
    "job accepted": "the job runs",
    "approved": "the endpoint and the deployment are being made",
    "traffic step": "the traffic is being moved",
}
"""Entries of the audit trail right after which the host is killed."""


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Loop]:
    """One of this test's own: what other tests left for later on its queue would count as lost."""
    with running(tmp_path) as loop:
        yield loop


def test_the_host_is_killed_at_every_turn(loop: Loop) -> None:
    model = "killed"
    write_policy(loop.folder / "app", model, flow_docs.policy(model))
    loop.land(f"{model}/2013-01/", flow_rain.month(1))
    victims = [_kill_host(loop, model, moment) for moment in MOMENTS]
    assert len(set(victims)) == len(MOMENTS)
    champion = loop.until("a champion", lambda: loop.intent(model).releasing.champion)
    job = _one_of_everything(loop, model, champion.deployment)
    (decided,) = loop.audit(model, "retrain")
    assert decided["detail"]["job"] == job
    assert loop.audit(model, "retraining failed", "roll back") == []
    assert loop.log.count("the Functions host is back") >= len(MOMENTS)
    _nothing_lost(loop, model)


def _kill_host(loop: Loop, model: str, moment: str) -> int:
    """Kill it as soon as the trail has that entry, and wait until `homeostat up` has started another."""
    loop.until(f"{model}: {moment}", lambda: loop.audit(model, moment), every=0.05)
    pid = _host(loop)
    os.kill(pid, signal.SIGKILL)
    loop.until("another host", lambda: _host(loop) not in {0, pid})
    return pid


def _host(loop: Loop) -> int:
    """The host's process, 0 while there is none."""
    told = loop.folder / "state" / "host" / "host.json"
    try:
        pid = int(json.loads(told.read_text())["pid"])
    except FileNotFoundError:
        return 0
    return pid if psutil.pid_exists(pid) else 0


def _one_of_everything(loop: Loop, model: str, deployment: str) -> str:
    """One job that completed, one version, one deployment with all the traffic; the job's name."""
    ml = ml_client(read_settings(settings(loop.addresses, loop.folder / "app" / "policies")))
    jobs = [str(job.name) for job in ml.jobs.list() if str(job.name).startswith(f"rt-{model}-")]
    completed = [job for job in jobs if loop.services.places[None].workspace.job(job).status == "completed"]
    assert len(completed) == 1
    assert len(jobs) == len(loop.audit(model, "retrain"))
    assert [str(version.version) for version in ml.models.list(name=model)] == ["1"]
    assert len(list(ml.data.list(name=f"{model}-data"))) == 1
    assert [str(one.name) for one in ml.online_deployments.list(model)] == [deployment]
    assert dict(ml.online_endpoints.get(model).traffic) == {deployment: 100}
    (promoted,) = loop.audit(model, "promoted")
    assert promoted["detail"]["deployment"] == deployment
    return completed[0]


def _nothing_lost(loop: Loop, model: str) -> None:
    """Every event was delivered, every message was handled, and the trail is whole."""
    outbox = loop.folder / "state" / "eventgrid" / "eventgrid.sqlite"

    def owed() -> int:
        with closing(sqlite3.connect(f"file:{outbox}?mode=ro", uri=True)) as db:
            return int(db.execute("SELECT count(*) FROM deliveries").fetchone()[0])

    loop.until("every event is delivered", lambda: owed() == 0)
    with QueueServiceClient.from_connection_string(loop.addresses["storage"]) as queues:
        work, poison = queues.get_queue_client("work"), queues.get_queue_client("work-poison")
        loop.until("every message is handled", lambda: _waiting(work) == 0)
        assert [text for text in _texts(poison) if model in text] == []
    ledger = loop.services.ledger
    assert isinstance(ledger, TableLedger)
    assert ledger.verify(model) is None


def _texts(queue: Any) -> list[str]:
    """What lies on the queue."""
    try:
        return [_text(str(each.content)) for each in queue.peek_messages(32)]
    except ResourceNotFoundError:
        return []


def _text(content: str) -> str:
    try:
        return base64.b64decode(content).decode(errors="replace")
    except binascii.Error:
        return content


def _waiting(queue: Any) -> int:
    """How many messages are there, hidden ones too; a queue that was never needed has none."""
    try:
        return int(queue.get_queue_properties().approximate_message_count)
    except ResourceNotFoundError:
        return 0


def test_all_of_local_azure_is_killed_while_a_job_runs(tmp_path: Path, job_python: Path) -> None:
    """Nothing outlives it; started again on its state, it counts the job as failed, and the loop goes on."""
    assert job_python.is_file()
    model = "survivor"
    write_pipeline(tmp_path)
    first = Loop.start(tmp_path, {model: flow_docs.policy(model)})
    try:
        first.land(f"{model}/2013-01/", flow_rain.month(1))
        steps = first.until("a step of the job is a process", lambda: _steps(first, model))
    finally:
        everything = psutil.Process(first.process.pid).children(recursive=True)
        first.process.kill()
        first.process.wait(10)
    assert set(steps) <= {process.pid for process in everything}
    gone, left = psutil.wait_procs(everything, timeout=20)
    assert not left, [process.cmdline() for process in left]
    assert len(gone) == len(everything) > 4
    assert not _mentioning(tmp_path)

    second = Loop.start(tmp_path, {})
    try:
        assert second.addresses == first.addresses | {"pid": second.process.pid}
        champion = second.until("a champion", lambda: second.intent(model).releasing.champion)
        (failed,) = second.audit(model, "retraining failed")
        assert "stopped while the job ran" in failed["detail"]["reason"]
        killed, retried = second.audit(model, "retrain")
        assert failed["detail"]["job"] == killed["detail"]["job"]
        assert _one_of_everything(second, model, champion.deployment) == retried["detail"]["job"]
        assert retried["detail"]["job"] != killed["detail"]["job"]
        _nothing_lost(second, model)
    finally:
        stopped = second.stop()
    assert stopped == 0, second.log[-3000:]
    assert not _mentioning(tmp_path)


def _steps(loop: Loop, model: str) -> list[int]:
    """Processes of the job's steps: they run in the job's own folder."""
    if not loop.audit(model, "job accepted"):
        return []
    jobs = loop.folder / "state" / "azureml"
    return [
        process.pid
        for process in psutil.Process(loop.process.pid).children(recursive=True)
        if _below(process, jobs)
    ]


def _below(process: psutil.Process, folder: Path) -> bool:
    try:
        return Path(process.cwd()).is_relative_to(folder)
    except psutil.Error:
        return False


def _mentioning(folder: Path) -> list[list[str]]:
    """Command lines of every process that has to do with that folder."""
    found = []
    for process in psutil.process_iter():
        try:
            line = process.cmdline()
        except psutil.Error:
            continue
        if any(str(folder) in word for word in line) or _below(process, folder):
            found.append(line)
    return found
