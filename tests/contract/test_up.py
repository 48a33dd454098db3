"""`homeostat up`: everything together, whatever happens to its processes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pytest
import requests
from azure.core.credentials import AzureKeyCredential
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.eventgrid import EventGridEvent, EventGridPublisherClient
from azure.storage.blob import BlobServiceClient

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
APP = """
import json, os
from pathlib import Path
import azure.functions as func

app = func.FunctionApp()


def note(event):
    with Path(os.environ["NOTES"]).open("a") as notes:
        notes.write(json.dumps({"subject": event.subject, "settings": sorted(
            name for name in os.environ if name.startswith(("HOMEOSTAT_", "Homeostat", "AzureWebJobsStorage")))}) + "\\n")


@app.event_grid_trigger(arg_name="event")
def new_data(event: func.EventGridEvent) -> None:
    note(event)


@app.event_grid_trigger(arg_name="event")
def drift_alert(event: func.EventGridEvent) -> None:
    note(event)


@app.timer_trigger(arg_name="timer", schedule="%HOMEOSTAT_RECONCILE_SCHEDULE%")
def reconcile(timer: func.TimerRequest) -> None:
    pass
"""


class Up:
    """`homeostat up` in a process of its own."""

    def __init__(self, folder: Path, *more: str) -> None:
        self.folder, self.told = folder, folder / "up.json"
        (folder / "app").mkdir(exist_ok=True)
        (folder / "app" / "function_app.py").write_text(APP)
        self.told.unlink(missing_ok=True)
        with (folder / "output").open("ab") as output:
            self.process = subprocess.Popen(
                [
                    sys.executable, "-m", "cli.main", "up", "--json", str(self.told), "--state", str(folder / "state"),
                    "--app", str(folder / "app"), "--retry-scale", "0.05", *more,
                ],
                cwd=ROOT, env={**os.environ, "NOTES": str(folder / "notes")}, stdin=subprocess.DEVNULL,
                stdout=output, stderr=output,
            )  # fmt: skip

    def __enter__(self) -> Self:
        end = time.monotonic() + 90
        while not self.told.exists():
            if self.process.poll() is not None or time.monotonic() > end:
                self.process.kill()
                self.process.wait(10)
                raise AssertionError(self.output)
            time.sleep(0.05)
        self.addresses: dict[str, Any] = json.loads(self.told.read_text())
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)

    @property
    def output(self) -> str:
        return (self.folder / "output").read_text()

    def subjects(self) -> list[str]:
        notes = self.folder / "notes"
        lines = notes.read_text().splitlines() if notes.exists() else []
        return [json.loads(line)["subject"] for line in lines]

    def land(self, name: str) -> str:
        with BlobServiceClient.from_connection_string(self.addresses["storage"]) as client:
            client.get_blob_client("landing", name).upload_blob(b"data", overwrite=True)
        return f"/blobServices/default/containers/landing/blobs/{name}"

    def host_pid(self) -> int:
        return int(json.loads((self.folder / "state" / "host" / "host.json").read_text())["pid"])

    def family(self) -> set[int]:
        """Every process below it."""
        children: dict[int, list[int]] = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                number, rest = stat.read_text().split(" (", 1)
                children.setdefault(int(rest.rsplit(") ", 1)[1].split()[1]), []).append(int(number))
        found, todo = set(), [self.process.pid]
        while todo:
            for child in children.get(todo.pop(), []):
                found.add(child)
                todo.append(child)
        return found


def gone(pids: set[int]) -> bool:
    def dead(pid: int) -> bool:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()[0] == "Z"
        except OSError:
            return True

    return all(dead(pid) for pid in pids)


class AllowHttp(SansIOHTTPPolicy):  # type: ignore[misc]
    """The one thing that loopback needs."""

    def on_request(self, request: Any) -> None:
        request.context.options.setdefault("enforce_https", False)


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with Up(tmp_path_factory.mktemp("up")) as running:
        yield running


def test_the_addresses_answer(up: Up) -> None:
    assert set(up.addresses) >= {"functions", "eventgrid", "azureml", "loganalytics", "storage"}
    functions = requests.get(up.addresses["functions"] + "/admin/functions", timeout=10).json()
    assert {each["name"] for each in functions} == {"new_data", "drift_alert", "reconcile"}
    azureml = up.addresses["azureml"]
    workspace = (
        f"{azureml['url']}/subscriptions/{azureml['subscription']}/resourceGroups/{azureml['resource_group']}"
        f"/providers/Microsoft.MachineLearningServices/workspaces/{azureml['workspace']}?api-version=2024-04-01"
    )
    answer = requests.get(workspace, headers={"Authorization": "Bearer x"}, timeout=10)
    assert answer.json()["name"] == azureml["workspace"]
    logs = up.addresses["loganalytics"]
    answer = requests.post(
        f"{logs['url']}/v1/workspaces/{logs['workspace_id']}/query",
        json={"query": "AmlOnlineEndpointTrafficLog | count"},
        headers={"Authorization": "Bearer x"},
        timeout=10,
    )
    assert answer.json()["tables"][0]["rows"] == [[0]]
    assert up.told.stat().st_mode & 0o077 == 0, "the file holds keys"


def test_a_blob_wakes_the_app(up: Up, eventually: Any) -> None:
    subject = up.land("a/one.parquet")
    eventually(lambda: up.subjects().count(subject) == 1)
    settings = json.loads((up.folder / "notes").read_text().splitlines()[0])["settings"]
    assert set(settings) >= {
        "AzureWebJobsStorage", "HomeostatStorage", "HOMEOSTAT_SUBSCRIPTION_ID", "HOMEOSTAT_RESOURCE_GROUP",
        "HOMEOSTAT_WORKSPACE", "HOMEOSTAT_AZUREML_URL", "HOMEOSTAT_TOPIC_ENDPOINT", "HOMEOSTAT_TOPIC_KEY",
        "HOMEOSTAT_LOGS_WORKSPACE_ID", "HOMEOSTAT_LOGS_URL",
        "HOMEOSTAT_POLICIES", "HOMEOSTAT_DRIFT_CHECK_SCHEDULE", "HOMEOSTAT_RECONCILE_SCHEDULE",
    }  # fmt: skip


def test_our_own_topic_wakes_the_app(up: Up, eventually: Any) -> None:
    topic = up.addresses["eventgrid"]
    with EventGridPublisherClient(
        topic["endpoint"], AzureKeyCredential(topic["key"]), per_call_policies=[AllowHttp()]
    ) as client:
        client.send(EventGridEvent("models/x", "Homeostat.DriftDetected", {}, "1"))
        client.send(EventGridEvent("models/y", "Homeostat.SomethingElse", {}, "1"))
    eventually(lambda: "models/x" in up.subjects())
    assert "models/y" not in up.subjects()


def test_a_second_one_on_the_same_state_is_told(up: Up) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "cli.main", "up", "--state", str(up.folder / "state")],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert second.returncode == 2
    assert f"runs already on {up.folder / 'state'} (process {up.process.pid})" in second.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_a_killed_host_comes_back_and_nothing_is_lost(up: Up, eventually: Any) -> None:
    before = up.host_pid()
    os.kill(before, signal.SIGKILL)
    subject = up.land("a/while-it-was-down.parquet")
    eventually(lambda: subject in up.subjects(), 40)
    assert up.host_pid() != before
    assert "the Functions host died (exit code 137); starting it again" in up.output


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_a_killed_azurite_comes_back(up: Up, eventually: Any) -> None:
    [azurite] = [
        pid for pid in up.family()
        if "azurite.js" in (command := Path(f"/proc/{pid}/cmdline").read_text()) and "launcher.py" not in command
    ]  # fmt: skip
    os.kill(azurite, signal.SIGKILL)
    eventually(lambda: "Azurite is back" in up.output)
    subject = up.land("a/after-azurite-died.parquet")
    eventually(lambda: subject in up.subjects())


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_ctrl_c_while_it_starts(tmp_path: Path, eventually: Any) -> None:
    starting = Up(tmp_path)
    log = tmp_path / "state" / "azurite" / "azurite.log"
    eventually(log.exists)
    family = starting.family()
    starting.process.send_signal(signal.SIGINT)
    assert starting.process.wait(30) == 0
    assert gone(family)
    assert "stopped before it was up" in starting.output


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_kill_9_leaves_nothing_and_the_next_one_goes_on(tmp_path: Path, eventually: Any) -> None:
    with Up(tmp_path) as first:
        subject = first.land("a/seen.parquet")
        eventually(lambda: subject in first.subjects())
        family = first.family()
        assert len(family) >= 4, "two launchers, Azurite, the host"
        first.process.kill()
        first.process.wait(10)
        eventually(lambda: gone(family))
    with Up(tmp_path) as second:
        assert second.addresses["storage"] == first.addresses["storage"]
        assert second.addresses["eventgrid"] == first.addresses["eventgrid"]
        later = second.land("a/later.parquet")
        eventually(lambda: later in second.subjects())
        assert second.subjects().count(subject) == 1
        family = second.family()
        second.process.send_signal(signal.SIGINT)
        assert second.process.wait(30) == 0
        assert gone(family)
    assert not second.told.exists()


def test_without_the_host(local_azure: dict[str, Any]) -> None:
    with pytest.raises(requests.ConnectionError):
        requests.get(local_azure["functions"], timeout=5)
    with BlobServiceClient.from_connection_string(local_azure["storage"]) as client:
        assert "landing" in {each.name for each in client.list_containers()}
