"""One app, two workspaces, a registry: what is released in one is judged by the other's data, and released there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import flow_rain
import flow_steady
import pytest
import yaml
from flow_loop import ROOT, Loop, write_policy
from flow_start import running

from control.names import REGISTRY_TAG, SOURCE_TAG, registry_address, source_of

DEV, PRODUCTION, WORKSPACE, REGISTRY = "rain-dev", "rain-production", "production", "mlr-shared"


@pytest.fixture(scope="module")
def loop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    """Local Azure with another workspace and a registry."""
    with running(tmp_path_factory.mktemp("two"), "--workspace", WORKSPACE, "--registry", REGISTRY) as loop:
        yield loop


def _policies() -> list[dict[str, Any]]:
    shared = {"name": REGISTRY, "model": "rain"}
    dev = flow_steady.policy(DEV) | {"registry": shared | {"share": True}}
    gates = {"job": "rain/evaluate.yml", "thresholds": [{"metric": "roc_auc", "at_least": 0.5}]}
    production = flow_steady.policy(PRODUCTION, gates=gates)
    return [dev, production | {"workspace": WORKSPACE, "registry": shared | {"from": True}}]


@pytest.mark.long
def test_a_version_released_in_one_workspace_is_evaluated_and_released_in_the_other(loop: Loop) -> None:
    app = loop.folder / "app"
    evaluation = yaml.safe_load((ROOT / "pipelines" / "evaluate.yml").read_text())
    evaluation["inputs"] |= {"label": "rain", "slices": "origin", "resample_by": "none"}
    flow_steady.write_yaml(app / "rain" / "evaluate.yml", evaluation)
    for body in _policies():
        write_policy(app, body["name"], body)
    loop.land(f"{PRODUCTION}/2013-02/", flow_rain.month(2), container=f"landing-{WORKSPACE}")
    loop.land(f"{DEV}/2013-01/", flow_rain.month(1))
    released = loop.until("a release in dev", lambda: loop.intent(DEV).releasing.champion)
    loop.until("it is shared", lambda: loop.audit(DEV, "shared"))
    arrived = loop.until("a release in production", lambda: loop.intent(PRODUCTION).releasing.champion)

    assert arrived.version == released.version
    assert [entry["name"] for entry in loop.audit(PRODUCTION, "take", "taken", "evaluate", "promoted")] == [
        "take", "taken", "evaluate", "promoted",
    ]  # fmt: skip
    assert not loop.audit(PRODUCTION, "retrain"), "nothing is trained there"
    (evaluated,) = loop.audit(PRODUCTION, "evaluate")
    assert len(evaluated["detail"]["evaluation"]) == 1, "on production's own month"
    here, there = (loop.services.at(_policy(loop, name)) for name in (DEV, PRODUCTION))
    assert there.workspace.job(evaluated["detail"]["job"]).status == "completed"
    assert here.workspace.job(evaluated["detail"]["job"]).status == "missing"
    (model,) = there.workspace.models(_policy(loop, PRODUCTION))
    (trained,) = loop.audit(DEV, "retrain")
    assert model.tags[SOURCE_TAG] == source_of(here.id, DEV, released.version)
    assert model.tags[REGISTRY_TAG] == registry_address(REGISTRY, "rain", released.version)
    assert model.tags["homeostat.job"] == trained["detail"]["job"]
    assert model.tags["homeostat.evidence"] == loop.intent(DEV).releasing.released[-1].evidence
    assert loop.intent(PRODUCTION).releasing.released[-1].evidence != model.tags["homeostat.evidence"]
    for place, own, other in ((here, DEV, PRODUCTION), (there, PRODUCTION, DEV)):
        assert place.workspace.endpoint(own).traffic == {"g001": 100}
        assert place.workspace.endpoint(other).state == "missing"


def _policy(loop: Loop, name: str) -> Any:
    return loop.services.policies.get(name)
