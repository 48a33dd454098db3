"""`homeostat rollback` on local Azure without the app: what it writes, whom it wakes, and how it says no."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import QueueClient

from cloud.services import build
from cloud.settings import read_settings
from control.ports import Services
from control.state import Candidate, Champion, Intent, Released, Releasing
from control.yaml_source import read_yaml

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def environment(
    local_azure: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """The app's settings, with one policy of a name of its own."""
    monkeypatch.setenv("AZUREML_CURRENT_CLOUD", "AzureCloud")  # the client sets it: put back afterwards
    policy = read_yaml((ROOT / "policies" / "flight-delay.yaml").read_text()).data
    policy["name"] = policy["release"]["endpoint"] = f"m-{tmp_path.name[-12:].replace('_', '-')}".strip("-")
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / f"{policy['name']}.yaml").write_text(yaml.safe_dump(policy))
    azureml, topic = local_azure["azureml"], local_azure["eventgrid"]
    return {
        "HomeostatStorage": local_azure["storage"],
        "HOMEOSTAT_SUBSCRIPTION_ID": azureml["subscription"],
        "HOMEOSTAT_RESOURCE_GROUP": azureml["resource_group"],
        "HOMEOSTAT_WORKSPACE": azureml["workspace"],
        "HOMEOSTAT_AZUREML_URL": azureml["url"],
        "HOMEOSTAT_TOPIC_ENDPOINT": topic["endpoint"],
        "HOMEOSTAT_TOPIC_KEY": topic["key"],
        "HOMEOSTAT_POLICIES": str(tmp_path / "policies"),
    }


def run(environment: dict[str, str], *arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "rollback", *arguments],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def woken(environment: dict[str, str], model: str) -> list[dict[str, Any]]:
    """The wake-ups for that model on the queue."""
    with QueueClient.from_connection_string(environment["HomeostatStorage"], "work") as queue:
        try:
            found = queue.peek_messages(max_messages=32)
        except ResourceNotFoundError:  # nobody was ever woken
            return []
    bodies = [json.loads(base64.b64decode(message.content)) for message in found]
    return [body for body in bodies if body["model"] == model]


def written(services: Services, model: str, releasing: Releasing) -> None:
    intent, etag = services.ledger.load(model)
    services.ledger.commit(replace(intent, releasing=releasing), etag, ())


def test_what_the_command_writes_and_says(environment: dict[str, str]) -> None:
    services = build(read_settings(environment))
    (model,) = services.policies.names()

    code, said = run(environment, "nobody")
    assert (code, "no policy manages the model 'nobody'" in said, model in said) == (1, True, True)
    code, said = run(environment, model)
    assert (code, "no version is released" in said) == (1, True), said
    assert services.ledger.load(model)[0] == Intent(model=model)
    assert woken(environment, model) == []

    champion = Champion(version="4", deployment="g002", since=NOW)
    canary = Releasing(
        phase="canary",
        generation=3,
        champion=champion,
        candidate=Candidate(version="5", generation=3, evidence="e", approved_by="policy", step=0),
        released=(Released(version="2", evidence="of 2", approved_by="policy"),),
    )
    written(services, model, canary)
    code, said = run(environment, model, "--to", "2")
    assert (code, "roll it back first, without --to" in said) == (1, True)
    code, said = run(environment, model, "--by", "jane", "--reason", "too slow")
    assert (code, "version 5 goes back, version 4 answers" in said) == (0, True)
    assert services.ledger.load(model)[0].releasing.phase == "rolling_back"
    (entry,) = services.ledger.audit(model)
    assert (entry["name"], entry["detail"]["reason"]) == ("roll back", "jane rolled back: too slow")
    assert [body["kind"] for body in woken(environment, model)] == ["reconcile"]
    code, said = run(environment, model)
    assert (code, "is being rolled back already" in said) == (1, True)
    code, said = run(environment, model, "--wait", "--timeout", "1")
    assert (code, "not done after 0:00:01: the release is rolling_back" in said) == (2, True)

    written(services, model, replace(canary, phase="promoted", candidate=None))
    code, said = run(environment, model)
    assert (code, "no deployment from before version 4 is kept; --to one of: 2" in said) == (1, True)
    code, said = run(environment, model, "--to", "9")
    assert (code, "version 9 was never released here" in said) == (1, True)
    code, said = run(environment, model, "--to", "2")
    assert (code, "version 2 is released again instead of 4" in said) == (0, True)
    again = services.ledger.load(model)[0].releasing
    assert again.candidate
    assert (again.phase, again.candidate.version, again.candidate.evidence) == ("proposed", "2", "of 2")
    assert again.refused == ("4",)
