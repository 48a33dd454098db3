"""Queues and timers of the host, its start and its end."""

from __future__ import annotations

import base64
import json
import signal
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from azure.storage.queue import QueueServiceClient, TextBase64EncodePolicy
from host_process import APP, HostProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from local.storage import StorageAccount

NEVER = "0 0 0 1 1 *"


@pytest.fixture
def service(azurite: StorageAccount) -> Iterator[QueueServiceClient]:
    with QueueServiceClient.from_connection_string(azurite.connection_string) as client:
        yield client


@pytest.fixture
def settings(azurite: StorageAccount) -> dict[str, str]:
    """Settings with a queue of the test's own."""
    name = f"jobs-{uuid.uuid4().hex[:12]}"
    return {"SampleStorage": azurite.connection_string, "SAMPLE_QUEUE": name, "SAMPLE_SCHEDULE": NEVER}


def send(service: QueueServiceClient, queue: str, *texts: str) -> None:
    client = service.get_queue_client(queue, message_encode_policy=TextBase64EncodePolicy())
    if queue not in {each.name for each in service.list_queues()}:
        client.create_queue()
    for text in texts:
        client.send_message(text)


def take(service: QueueServiceClient, queue: str) -> list[str]:
    """Take what is on a queue, decoded."""
    if queue not in {each.name for each in service.list_queues()}:
        return []
    client = service.get_queue_client(queue)
    found = []
    for message in client.receive_messages():
        client.delete_message(message)
        found.append(base64.b64decode(message.content).decode())
    return found


def collect(
    service: QueueServiceClient, queue: str, enough: Callable[[list[str]], bool]
) -> Callable[[], list[str]]:
    got: list[str] = []

    def look() -> list[str]:
        got.extend(take(service, queue))
        return got if enough(got) else []

    return look


def test_messages_in_and_out(
    service: QueueServiceClient, settings: dict[str, str], tmp_path: Path, eventually: Any
) -> None:
    mark = uuid.uuid4().hex
    with HostProcess(tmp_path, settings) as host:  # the queue is made while the host listens already
        send(service, settings["SAMPLE_QUEUE"], mark)
        send(service, "many", mark)
        send(service, "raw", mark)

        def ours(got: list[str]) -> list[str]:  # the queue is shared with whatever ran before
            return [each for each in got if mark in each or mark[::-1] in each]

        results = eventually(collect(service, "results", lambda got: len(ours(got)) >= 5))
        assert sorted(ours(results)) == sorted(
            [
                json.dumps({"done": mark, "function": "on_message"}),
                mark[::-1],
                *(f"{mark}-{n}" for n in range(3)),
            ]
        )
        notes = [note for note in host.notes("message") if note["message"] == mark]
        assert notes == [{"message": mark, "tries": 1, "inserted": True}]
        eventually(
            lambda: service.get_queue_client("many").get_queue_properties().approximate_message_count == 0
        )
    assert f"sample: working on {mark}" in host.log


def test_what_fails_each_time_goes_to_poison(
    service: QueueServiceClient, settings: dict[str, str], tmp_path: Path, eventually: Any
) -> None:
    queue = settings["SAMPLE_QUEUE"]
    with HostProcess(tmp_path, settings) as host:
        send(service, queue, "fail")
        assert eventually(collect(service, f"{queue}-poison", bool)) == ["fail"]
        assert [note["tries"] for note in host.notes("message")] == [1, 2, 3]
    assert service.get_queue_client(queue).get_queue_properties().approximate_message_count == 0


def test_a_message_that_is_not_base64_goes_to_poison(
    service: QueueServiceClient, settings: dict[str, str], tmp_path: Path, eventually: Any
) -> None:
    queue = settings["SAMPLE_QUEUE"]
    service.create_queue(queue).send_message("{not base64}")
    with HostProcess(tmp_path, settings) as host:
        poison = service.get_queue_client(f"{queue}-poison")
        eventually(lambda: poison.queue_name in {each.name for each in service.list_queues()})
        eventually(lambda: [each.content for each in poison.peek_messages()] == ["{not base64}"])
        assert host.notes("message") == []


def test_the_end_waits_for_what_runs(
    service: QueueServiceClient, settings: dict[str, str], tmp_path: Path, eventually: Any
) -> None:
    with HostProcess(tmp_path, settings) as host:
        send(service, settings["SAMPLE_QUEUE"], "slow")
        eventually(lambda: host.notes("message"))
        assert host.stop() == 0
    assert [note["message"] for note in host.notes("message")] == ["slow", "slow ended"]
    queue = service.get_queue_client(settings["SAMPLE_QUEUE"])
    assert queue.get_queue_properties().approximate_message_count == 0


def test_ctrl_c_ends_it(settings: dict[str, str], tmp_path: Path) -> None:
    with HostProcess(tmp_path, settings) as host:
        host.process.send_signal(signal.SIGINT)
        assert host.process.wait(15) == 0


def test_timers(settings: dict[str, str], tmp_path: Path, eventually: Any) -> None:
    with HostProcess(tmp_path, {**settings, "SAMPLE_SCHEDULE": "* * * * * *"}) as host:
        eventually(lambda: len(host.notes("tick")) >= 2)
        assert host.notes("tick")[0] == {"tick": True, "past_due": False, "schedule": {"AdjustForDST": True}}
        assert host.notes("yearly") == [{"yearly": True, "past_due": False, "status": {}}]


def test_a_timer_that_was_missed_fires_at_start(
    settings: dict[str, str], tmp_path: Path, eventually: Any
) -> None:
    every_minute = {**settings, "SAMPLE_SCHEDULE": "0 * * * * *"}
    with HostProcess(tmp_path, every_minute):
        pass
    status = tmp_path / "state" / "timers" / "tick.json"
    long_ago = "2024-01-01T00:00:00+00:00"
    status.write_text(json.dumps({"Last": long_ago, "Next": long_ago, "LastUpdated": long_ago}))
    with HostProcess(tmp_path, every_minute) as host:
        assert eventually(lambda: host.notes("tick"))[0]["past_due"] is True
        eventually(lambda: json.loads(status.read_text())["Last"] > long_ago)


def test_keys_outlive_a_restart(settings: dict[str, str], tmp_path: Path) -> None:
    with HostProcess(tmp_path, settings) as host:
        keys = host.addresses["keys"]
    with HostProcess(tmp_path, settings) as host:
        assert host.addresses["keys"] == keys


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import nothing_of_that_name\n", "No module named 'nothing_of_that_name'"),
        ("raise SystemExit(5)\n", "SystemExit: 5"),
        ("x = 1\n", "must define one FunctionApp"),
        (
            (
                "import azure.functions as func\napp = func.FunctionApp()\n"
                "@app.event_grid_trigger(arg_name='e')\ndef f(e: dict) -> None: ...\n"
            ),
            "does not fit its annotation",
        ),
        (
            (
                "import azure.functions as func\napp = func.FunctionApp()\n"
                "@app.event_grid_trigger(arg_name='e')\ndef f(other: func.EventGridEvent) -> None: ...\n"
            ),
            "parameters and bindings differ",
        ),
        (
            (
                "import azure.functions as func\napp = func.FunctionApp()\n"
                "@app.timer_trigger(arg_name='t', schedule='whenever')\ndef f(t: func.TimerRequest) -> None: ...\n"
            ),
            "no NCRONTAB expression",
        ),
        (
            (
                "import azure.functions as func\napp = func.FunctionApp()\n"
                "@app.timer_trigger(arg_name='t', schedule='%NOT_SET%')\ndef f(t: func.TimerRequest) -> None: ...\n"
            ),
            "the app setting NOT_SET is not set",
        ),
    ],
    ids=["import", "exit", "no app", "annotation", "parameter", "schedule", "setting"],
)
def test_an_app_that_is_broken_is_said_loudly(tmp_path: Path, source: str, said: str) -> None:
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "function_app.py").write_text(source)
    host = HostProcess(tmp_path, {}, app=folder)
    assert host.process.wait(30) == 3
    assert "THE APP CANNOT START" in host.log
    assert said in host.log
    assert "no functions found" not in host.log


def test_a_missing_connection_is_named(tmp_path: Path) -> None:
    host = HostProcess(tmp_path, {"SAMPLE_QUEUE": "q", "SAMPLE_SCHEDULE": NEVER}, app=APP)
    assert host.process.wait(30) == 3
    assert "SampleStorage is not set" in host.log
