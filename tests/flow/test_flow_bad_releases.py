"""Deployments that never become ready: taken back with the reason, while the champion answers every request."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import flow_rain
import flow_steady
import pytest
import yaml
from flow_loop import ROOT, Loop, write_policy

from cloud.mlclient import ml_client
from cloud.settings import read_settings
from control.state import Champion

NAME = "sturdy"
SCRIPTS = {
    # It fails at once: the log says why.
    "raises": """
        def init():
            raise RuntimeError("the vocabulary of version 7 is missing")

        def run(data):
            return data
    """,
    # It never answers: the policy's deadline ends it.
    "hangs": """
        import time

        def init():
            print("waiting for a licence server", flush=True)
            time.sleep(3600)

        def run(data):
            return data
    """,
}
REASONS = {
    "raises": ["deployment g", " failed: ", "RuntimeError: the vocabulary of version 7 is missing"],
    "hangs": ["not ready within 0:00:08: the deployment is not ready: ", "waiting for a licence server"],
}


class Caller:
    """Somebody who asks the endpoint all along."""

    def __init__(self, uri: str, key: str) -> None:
        rows = flow_rain.month(6).select(flow_rain.FEATURES).slice(0, 3).to_pylist()
        columns = {"columns": flow_rain.FEATURES, "data": [list(row.values()) for row in rows]}
        self._request = urllib.request.Request(
            uri,
            data=json.dumps({"input_data": columns}).encode(),
            headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
        )
        self.answers: list[tuple[int, str, int]] = []
        """Status, the deployment that answered, and how many predictions it made."""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)

    def _ask(self) -> None:
        while not self._stop.wait(0.1):
            try:
                with urllib.request.urlopen(self._request, timeout=20) as answer:
                    made = len(json.loads(answer.read())["probabilities"])
                    self.answers.append((answer.status, answer.headers["azureml-model-deployment"], made))
            except urllib.error.HTTPError as err:
                self.answers.append((err.code, str(err.headers["azureml-model-deployment"]), 0))
            except OSError as err:
                self.answers.append((0, str(err), 0))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(25)


@pytest.fixture(scope="module")
def champion(loop: Loop) -> Champion:
    """A model that answers."""
    flow_steady.promote_first(loop, _policy("pipelines/deployment.yml"))
    found = loop.intent(NAME).releasing.champion
    assert found
    return found


@contextmanager
def _asked_all_along(loop: Loop) -> Iterator[Caller]:
    ml = ml_client(read_settings(flow_steady.settings(loop)))
    uri = str(ml.online_endpoints.get(NAME).scoring_uri)
    key = str(ml.online_endpoints.get_keys(NAME).primary_key)
    with Caller(uri, key) as caller:
        yield caller


def _policy(deployment: str, deadline: str = "PT40S") -> dict[str, Any]:
    return flow_steady.policy(
        NAME,
        retrain={"max_attempts": 1},
        gates={"thresholds": [{"metric": "roc_auc", "at_least": 0.5}]},
        release={"deployment": deployment, "deadline": deadline},
    )


def _write_deployment(loop: Loop, how: str) -> str:
    """A deployment with a scoring script of its own, as a user writes it: its path from the app's folder."""
    body = yaml.safe_load((ROOT / "pipelines" / "deployment.yml").read_text())
    assert body["code_configuration"] == {"code": "score", "scoring_script": "score.py"}
    folder = loop.folder / "app" / f"{NAME}-{how}"
    (folder / "score").mkdir(parents=True)
    lines = SCRIPTS[how].splitlines()
    (folder / "score" / "score.py").write_text("\n".join(line.removeprefix(" " * 8) for line in lines))
    flow_steady.write_yaml(folder / "deployment.yml", body)
    return f"{folder.name}/deployment.yml"


@pytest.mark.parametrize(("how", "deadline", "month"), [("raises", "PT40S", 4), ("hangs", "PT8S", 5)])
def test_a_deployment_that_never_becomes_ready(
    loop: Loop, champion: Champion, how: str, deadline: str, month: int
) -> None:
    for fresh in (month, month + 2):  # whichever test comes first, there is something new to learn
        flow_steady.arrive(loop, NAME, fresh)
    write_policy(loop.folder / "app", NAME, _policy(_write_deployment(loop, how), deadline))
    before = flow_steady.ask(loop, NAME)
    loop.until("a candidate", lambda: flow_steady.since(loop, NAME, before, "model registered"), patience=120)
    with _asked_all_along(loop) as caller:
        gone = loop.until(
            "it is taken back", lambda: flow_steady.since(loop, NAME, before, "rolled back"), patience=150
        )[0]["detail"]
        deployed = flow_steady.since(loop, NAME, before, "CreateDeployment")[0]["detail"]
        for words in REASONS[how]:
            assert words in gone["reason"]
        assert gone["version"] == deployed["version"] != champion.version
        loop.until("it has answered for a while", lambda: len(caller.answers) > 20, patience=60)
    # Nobody noticed.
    assert {answer[0] for answer in caller.answers} == {200}, caller.answers
    assert {answer[1] for answer in caller.answers} == {champion.deployment}
    assert {answer[2] for answer in caller.answers} == {3}
    assert not flow_steady.since(loop, NAME, before, "traffic step")
    endpoint = loop.services.places[None].workspace.endpoint(NAME)
    assert set(endpoint.deployments) == {champion.deployment}, "what failed is deleted"
    assert endpoint.traffic == {champion.deployment: 100}
    intent = loop.intent(NAME)
    assert intent.releasing.phase == "promoted"
    assert intent.releasing.candidate is None
    assert intent.releasing.champion
    assert intent.releasing.champion.version == champion.version
    assert gone["version"] in intent.releasing.refused
