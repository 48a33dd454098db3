"""Threats that are met at the door: names that are paths, and text that forges lines of the log."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.policies import FolderPolicies
from control.errors import BadInput
from control.events import READERS, Event, alert
from control.messages import Message
from control.policy_file import check_policy
from handlers.log_text import SafeRecord, one_record

ROOT = Path(__file__).resolve().parents[3]
POLICY = (ROOT / "policies" / "flight-delay.yaml").read_text("utf-8")
FORGED = "x\r\n2026-11-25 10:00:00 INFO flight-delay: approved by alice\x1b[2J\x1b[1A\u202e"
PATHS = [
    "../flight-delay",
    "a/b",
    "a\\b",
    "..",
    ".",
    "/etc/passwd",
    "a\0b",
    "a%2f..%2fb",
    "C:x",
    "~root",
    "a b",
    "a\nb",
]


@pytest.mark.parametrize("name", PATHS)
def test_a_policys_name_is_no_path(name: str, tmp_path: Path) -> None:
    text = POLICY.replace("name: flight-delay\n", f"name: {quoted(name)}\n", 1)
    problems = check_policy(text, "p.yaml")
    assert [problem.path for problem in problems] == ["name"], "and nothing else is wrong"
    folder = tmp_path / "policies"
    folder.mkdir()
    (tmp_path / "flight-delay.yaml").write_text(POLICY)
    assert FolderPolicies(folder).get(name) is None


@pytest.mark.parametrize(
    "job", ["../train.yml", "/etc/passwd", "pipelines/../../x.yml", "\\\\host\\x.yml", "http://x/y.yml"]
)
def test_a_policys_files_lie_below_its_own_folder(job: str) -> None:
    text = POLICY.replace("job: pipelines/train.yml", f"job: {quoted(job)}", 1)
    assert [problem.path for problem in check_policy(text, "p.yaml")] == ["retrain.job"]


@pytest.mark.parametrize(
    "to",
    [
        "webhook:http://169.254.169.254/x",
        "webhook:https://evil.example",
        "teams:a/b",
        "slack:@x",
        "email:a@b@evil.example",
        "email:x@[127.0.0.1]",
        "webhook:../x",
    ],
)
def test_a_policy_names_a_receiver_and_no_address_to_call(to: str) -> None:
    """Where a receiver is reached is a setting: who may change a policy cannot send requests anywhere."""
    notice = f"notify: [{{to: {quoted(to)}, on: [rollback]}}]"
    assert [problem.path for problem in check_policy(f"{POLICY}\n{notice}\n", "p.yaml")] == ["notify[0].to"]
    assert (
        check_policy(f"{POLICY}\nnotify: [{{to: email:a.b@example.com, on: [rollback]}}]\n", "p.yaml") == []
    )


@pytest.mark.parametrize("name", PATHS)
def test_a_message_with_such_a_name_finds_no_policy(name: str) -> None:
    message = Message.from_json(Message(kind="reconcile", model=name).to_json())
    assert FolderPolicies(ROOT / "policies").get(message.model or "") is None


def test_a_message_of_several_lines_stays_one_record() -> None:
    lines = record("%s dropped: %s", "new_data", FORGED).splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("    2026-11-25")
    assert lines[0] == r"new_data dropped: x\x0d"
    assert lines[1].isprintable()


@given(text=st.text(max_size=60))
def test_whatever_is_logged_begins_one_line_only(text: str) -> None:
    shown = one_record(f"took {text}")
    first, *others = shown.splitlines() if shown.split() else [shown]
    assert first.startswith("took")
    assert all(line.startswith("    ") for line in others)
    assert "\x1b" not in shown
    assert "\r" not in shown
    shown.encode()


def test_what_prints_is_left_as_it_is() -> None:
    text = "flight-delay: Zürich, 東京, 100 %\tπ"
    assert one_record(text) == text


def record(message: str, *arguments: Any) -> str:
    return SafeRecord("homeostat", logging.WARNING, __file__, 1, message, arguments, None).getMessage()


def test_every_test_that_the_threat_model_names_exists() -> None:
    page = (ROOT / "docs" / "threat-model.md").read_text("utf-8")
    named = re.findall(r"`(test_[\w*]+?)(?:\.py)?`", page)
    assert len(named) > 10
    assert [name for name in named if not list((ROOT / "tests").rglob(f"{name}.py"))] == []
    files = re.findall(r"`((?:cloud|handlers|control)/[\w/]+\.py)`", page)
    assert [file for file in files if not (ROOT / file).is_file()] == []


WORKSPACE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"
EVENTS = {
    "new_data": ("Microsoft.Storage.BlobCreated", "url"),
    "job_finished": ("Microsoft.MachineLearningServices.RunCompleted", "runId"),
    "model_registered": ("Microsoft.MachineLearningServices.ModelRegistered", "modelName"),
    "model_deployed": ("Microsoft.MachineLearningServices.ModelDeployed", "serviceName"),
    "drift_alert": ("Homeostat.DriftDetected", "model"),
}


@pytest.mark.parametrize("function", READERS)
def test_an_event_with_a_forged_name_is_dropped_and_its_reason_prints(function: str) -> None:
    kind, key = EVENTS[function]
    with pytest.raises(BadInput) as caught:
        READERS[function](Event(id="1", type=kind, subject="s", source=WORKSPACE, data={key: FORGED}))
    assert str(caught.value).isprintable()


def test_the_source_of_a_message_prints() -> None:
    event = Event(id=FORGED, type="Homeostat.DriftDetected", subject="s", source="t", data={"model": "m"})
    assert READERS["drift_alert"](event).source.isprintable()


def test_an_alert_is_forged_in_no_field() -> None:
    def essentials(**changes: Any) -> dict[str, Any]:
        fired = {
            "alertId": "a",
            "alertRule": "r",
            "monitorCondition": "Fired",
            "severity": "Sev2",
            "firedDateTime": "t",
        }
        return {"schemaId": "azureMonitorCommonAlertSchema", "data": {"essentials": fired | changes}}

    for key in ("alertRule", "monitorCondition"):
        with pytest.raises(BadInput) as caught:
            alert(essentials(**{key: FORGED}))
        assert str(caught.value).isprintable()
    for key in ("alertId", "severity", "firedDateTime"):
        message = alert(essentials(**{key: FORGED}))
        assert message is not None
        assert all(str(value).isprintable() for value in message.detail.values())


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace("\n", "\\n").replace("\0", "\\0") + '"'
