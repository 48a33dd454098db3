"""The app's own HTTP functions in local Azure's host: keys, hooks, and bodies that are too large."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from host_process import ROOT, HostProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from local.storage import StorageAccount

PUSH = {
    "id": "03c164c2-8912-4d5e-8009-3707d5f83734",
    "eventType": "git.push",
    "resource": {
        "refUpdates": [
            {"name": "refs/heads/main", "newObjectId": "33b55f7cb7e7e245323987634f960cf4a6e6bc74"}
        ],
        "repository": {"name": "models"},
    },
}
LARGE = 100 * 1024 * 1024 - 1
"""The host hands over bodies up to 100 MB; larger ones it refuses itself."""


@pytest.fixture(scope="module")
def host(azurite: StorageAccount, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostProcess]:
    folder = tmp_path_factory.mktemp("host")
    (folder / "policies").mkdir()
    settings = {
        "HomeostatStorage": azurite.connection_string,
        "HOMEOSTAT_POLICIES": str(folder / "policies"),
        "HOMEOSTAT_SUBSCRIPTION_ID": "00000000-0000-0000-0000-000000000000",
        "HOMEOSTAT_RESOURCE_GROUP": "local",
        "HOMEOSTAT_WORKSPACE": "local",
        "HOMEOSTAT_AZUREML_URL": "http://127.0.0.1:1",
        "HOMEOSTAT_TOPIC_ENDPOINT": "http://127.0.0.1:1/api/events",
        "HOMEOSTAT_TOPIC_KEY": "key",
        "HOMEOSTAT_DRIFT_CHECK_SCHEDULE": "0 0 0 1 1 *",
        "HOMEOSTAT_RECONCILE_SCHEDULE": "0 0 0 1 1 *",
    }
    with HostProcess(folder, settings, app=ROOT) as process:
        yield process


def functions(host: HostProcess) -> dict[str, list[str]]:
    """Paths of the HTTP functions, with their methods."""
    found = {}
    for one in host.request("GET", "/admin/functions").json():
        for binding in one["config"]["bindings"]:
            if binding["type"] == "httpTrigger":
                path = one["invoke_url_template"].removeprefix(host.addresses["url"])
                found[path] = binding["methods"]
    return found


def test_a_push_reaches_the_handler_through_the_queue(
    host: HostProcess, eventually: Callable[..., Any]
) -> None:
    answer = host.request("POST", "/api/code_changed", json=PUSH)
    assert (answer.status_code, answer.json()) == (202, {"accepted": True})
    eventually(lambda: "code_changed dropped: no policy's trigger names code_changed" in host.log)


def test_the_hook_needs_the_right_key(host: HostProcess) -> None:
    for bad in ({"headers": {"x-functions-key": "wrong"}}, {"params": {"code": "wrong"}}):
        assert host.request("POST", "/api/code_changed", json=PUSH, **bad).status_code == 401
    assert host.request("GET", "/api/code_changed").status_code == 404


def test_what_comes_from_outside_forges_no_line_of_the_log(
    host: HostProcess, eventually: Callable[..., Any]
) -> None:
    forged = "x\r\n2026-11-25 10:00:00 INFO approved by alice\x1b[2J"
    event = {
        "id": forged, "topic": "/t", "subject": forged, "eventType": forged, "eventTime": "2024-01-02T03:04:05Z",
        "data": {"url": forged}, "dataVersion": "1", "metadataVersion": "1",
    }  # fmt: skip
    assert host.webhook("new_data", event).status_code == 202
    essentials = {"alertRule": forged, "alertId": forged, "monitorCondition": forged}
    alert = {"schemaId": "azureMonitorCommonAlertSchema", "data": {"essentials": essentials}}
    assert host.request("POST", "/api/alert", json=alert).status_code == 400
    hook = PUSH | {"id": forged}
    assert host.request("POST", "/api/code_changed", json=hook).status_code == 400
    eventually(lambda: "new_data dropped event" in host.log and "code_changed refused" in host.log)
    assert "approved by alice" in host.log
    assert not [
        line for line in host.log.splitlines() if line.startswith("2026-11-25 10:00:00 INFO approved")
    ]
    assert "\x1b" not in host.log


def test_a_body_of_100_mb_is_refused_in_bounded_memory(host: HostProcess) -> None:
    """Parsed, it would be a list of fifty million numbers: half a gigabyte at least."""
    before = peak(host)
    refused = 0
    for path, methods in functions(host).items():
        for method in {"POST", "PUT"} & set(methods):
            body = b"[" + b"7," * (LARGE // 2 - 1) + b"7"
            answer = host.request(method, path.replace("{", "").replace("}", ""), data=body)
            assert 400 <= answer.status_code < 500, (path, answer.status_code)
            assert answer.content, path
            refused += 1
    assert refused >= 2, "alert and code_changed take bodies"
    assert peak(host) - before < 330e6, "three copies of the body: the socket's, the host's, the function's"
    assert host.request("GET", "/admin/host/ping").status_code == 200


def test_a_body_beyond_the_host_s_limit_is_refused_by_the_host(host: HostProcess) -> None:
    before = peak(host)
    answer = host.request("POST", "/api/code_changed", data=b" " * (LARGE + 2))
    assert answer.status_code == 413
    assert peak(host) - before < 330e6


@pytest.mark.parametrize("body", [b"[" * 500_000, b"\xff\xfe", b"", b'{"eventType": "git.push"}'])
def test_what_is_no_hook_is_refused_in_words(host: HostProcess, body: bytes) -> None:
    answer = host.request("POST", "/api/code_changed", data=body)
    assert answer.status_code == 400
    assert json.loads(answer.text)["error"]


def peak(host: HostProcess) -> int:
    """The most memory that the host has ever had, in bytes; where the system does not say, what it has now."""
    status = Path(f"/proc/{host.process.pid}/status")
    if status.is_file():
        return int(status.read_text().split("VmHWM:")[1].split()[0]) * 1024
    return int(psutil.Process(host.process.pid).memory_info().rss)


def test_the_pipeline_s_smoke_test_passes_here_and_fails_on_another_app(host: HostProcess) -> None:
    key = host.addresses["keys"]["functions"]

    def smoke(url: str, key: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, ".ci/smoke.py", "--url", url, "--patience", "0"],
            cwd=ROOT, env=os.environ | {"HOMEOSTAT_SMOKE_KEY": key}, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    right = smoke(host.addresses["url"], key)
    assert (right.returncode, right.stdout.count("right: ")) == (0, 4), right.stdout
    assert key not in right.stdout + right.stderr
    for url, wrong in ((host.addresses["url"], "another"), ("http://127.0.0.1:1", key)):
        answer = smoke(url, wrong)
        assert answer.returncode == 1
        assert "WRONG: the app is up" in answer.stdout
    assert smoke(host.addresses["url"], "").returncode == 2
