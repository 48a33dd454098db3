"""Two workspaces in one app: what is in one is not in the other, and what one says concerns only its own models."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import azure.functions as func
import pytest
from one_policy import OnePolicy

from cloud.connections import Connections
from cloud.datastores import DEFAULT, Datastores
from cloud.models import Models
from cloud.registries import Registries
from cloud.services import build
from cloud.settings import FurtherWorkspace, Settings
from control.approval import Asked
from control.errors import Refused
from control.facts import Batch
from control.messages import Message
from control.names import REGISTRY_TAG, SOURCE_TAG, job_name, registry_address, source_of
from control.policy import Approval, CompleteWhen, Data, Gates, Policy, Registry, Release, Retrain
from control.ports import Services
from control.state import Training
from handlers import work
from handlers.approval import answer
from handlers.converge import converge
from handlers.roll_back import roll_back

if TYPE_CHECKING:
    from local.storage import StorageAccount

NOW = datetime.now(UTC)
OTHER, REGISTRY = "other", "mlr-shared"
PIPELINE = """
type: pipeline
experiment_name: mine
settings: {default_compute: serverless}
inputs:
  data: {type: uri_folder}
  manifest: {type: uri_file}
  champion: {type: uri_folder}
outputs:
  model: {type: uri_folder}
  evaluation: {type: uri_folder}
jobs:
  make:
    type: command
    environment: azureml:UNIQUE:1
    command: cp ${{inputs.manifest}} ${{outputs.model}}/ && echo ${{inputs.data}} ${{inputs.champion}} > ${{outputs.evaluation}}/x
    inputs:
      data: ${{parent.inputs.data}}
      manifest: ${{parent.inputs.manifest}}
      champion: ${{parent.inputs.champion}}
    outputs:
      model: ${{parent.outputs.model}}
      evaluation: ${{parent.outputs.evaluation}}
"""


@pytest.fixture(scope="session")
def two_workspaces(
    background: Any, azurite: StorageAccount, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, list[tuple[str, dict[str, Any]]]]]:
    """Address of a local Azure ML with two workspaces, and the events of both."""
    from local.azureml import WORKSPACE_ID, AzureML, Home
    from local.serving import Serving

    told: list[tuple[str, dict[str, Any]]] = []

    async def publish(topic: str, events: list[dict[str, Any]]) -> None:
        told.extend((topic, event) for event in events)

    state, home = tmp_path_factory.mktemp("two"), Home.named(OTHER)
    first = Serving(state=state / "serving", account=azurite, workspace=WORKSPACE_ID)
    second = Serving(
        state=state / "serving-2",
        account=azurite,
        workspace=home.id,
        container=home.datastores["modeldatacollector"],
    )
    service = AzureML(
        state=state / "azureml", account=azurite, publish=publish, environments=state / "environments",
        serving=first, further={home: second}, registries=[REGISTRY], operation_seconds=0.05,
    )  # fmt: skip
    background.run(first.start())
    background.run(second.start())
    yield background.run(service.start()), told
    for part in (service, second, first):
        background.run(part.stop())


@dataclass(frozen=True)
class Pair:
    """The app, a policy for each workspace, and clients beside the app's."""

    settings: Settings
    services: Services
    here: Policy
    there: Policy
    told: list[tuple[str, dict[str, Any]]]
    patience: float

    @property
    def both(self) -> tuple[Policy, Policy]:
        return self.here, self.there

    def connections(self, policy: Policy) -> Connections:
        return Connections(self.settings.at(policy.workspace))

    def blob(self, policy: Policy, path: str, body: bytes) -> None:
        Datastores(self.connections(policy))[DEFAULT].write(path, body)


@pytest.fixture
def pair(
    request: pytest.FixtureRequest,
    settings: Settings,
    unique: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Pair:
    monkeypatch.setenv("AZUREML_CURRENT_CLOUD", "AzureCloud")  # the client sets it: put back afterwards
    told: list[tuple[str, dict[str, Any]]] = []
    if settings.is_local:
        from local.azureml import Home

        url, told = request.getfixturevalue("two_workspaces")
        home = Home.named(OTHER)
        further = {OTHER: FurtherWorkspace(
            subscription=home.subscription, resource_group=home.group, workspace=home.workspace
        )}  # fmt: skip
        settings = replace(settings, azureml_url=url, further=further)
    elif not settings.further:
        pytest.skip("one workspace is given: set HOMEOSTAT_WORKSPACES to name another (docs/live-tests.md)")
    settings = replace(settings, policies=tmp_path / "policies")
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines/train.yml").write_text(PIPELINE.replace("UNIQUE", unique))
    here = Policy(
        name=unique,
        data=Data(datastore="landing", prefix=f"{unique}/", complete_when=CompleteWhen(marker="_SUCCESS")),
        retrain_on=frozenset({"drift"}),
        retrain=Retrain(job="pipelines/train.yml"),
        gates=Gates(),
        approval=Approval(required=False),
        release=Release(endpoint=f"e-{unique}", deployment="pipelines/deployment.yml"),
        digest="policy-digest",
        source=f"policies/{unique}.yaml",
    )
    there = replace(here, workspace=next(iter(settings.further)))
    return Pair(settings, build(settings), here, there, told, 20 if settings.is_local else 1200)


def test_what_one_workspace_has_the_other_has_not(pair: Pair) -> None:
    """Model versions, blobs, data versions and endpoints of the same name."""
    from azure.ai.ml.entities import ManagedOnlineEndpoint

    for policy, word in zip(pair.both, ("here", "there"), strict=True):
        place = pair.services.at(policy)
        pair.blob(policy, f"homeostat/{policy.name}/j/model/word.txt", word.encode())
        assert place.workspace.models(policy) == ()
        assert place.workspace.register(policy, "1", "j", {"word": word})
        place.landing.register(policy, "0a1b", f"{word}/")
    for policy, word in zip(pair.both, ("here", "there"), strict=True):
        place = pair.services.at(policy)
        (found,) = place.workspace.models(policy)
        assert found.tags == {"word": word}
        assert f"/workspaces/{pair.settings.at(policy.workspace).workspace}/" in found.path
        file = f"azureml://datastores/{DEFAULT}/paths/homeostat/{policy.name}/j/model/word.txt"
        assert place.workspace.file(policy, file) == word.encode()
        (data,) = pair.connections(policy).ml.data.list(name=f"{policy.name}-data")
        assert data.path.endswith(f"{policy.data.prefix}{word}/")
    endpoint = ManagedOnlineEndpoint(name=pair.there.release.endpoint)
    ml = pair.connections(pair.there).ml
    ml.online_endpoints.begin_create_or_update(endpoint).result()
    assert pair.services.at(pair.there).workspace.endpoint(endpoint.name).state == "succeeded"
    assert pair.services.at(pair.here).workspace.endpoint(endpoint.name).state == "missing"
    ml.online_endpoints.begin_delete(endpoint.name)


def test_a_job_runs_in_its_policys_workspace_on_its_data(pair: Pair, eventually: Any) -> None:
    """Under the same name, in both: neither is taken for the other's."""
    from azure.ai.ml.entities import Environment

    batch = Batch(version="v", path="b/", arrived=NOW, quality="pass", drift="fail", rows=1)
    run = Training(
        epoch=1, job=job_name(pair.here.name, 1, "x"), training=("v",), evaluation=(), champion=None,
        policy_digest="d", launched=NOW,
    )  # fmt: skip
    for policy in pair.both:
        connections = pair.connections(policy)
        connections.ml.environments.create_or_update(
            Environment(name=policy.name, version="1", image="any", conda_file={"dependencies": ["python"]})
        )
        Datastores(connections)["landing"].write(f"{policy.data.prefix}b/rows", b"x")
    assert pair.services.at(pair.there).workspace.submit(pair.there, run, [batch])
    assert pair.services.at(pair.here).workspace.job(run.job).status == "missing"
    assert pair.services.at(pair.here).workspace.submit(pair.here, run, [batch]), "not the other's job"
    for policy in pair.both:
        place = pair.services.at(policy)
        job = eventually(
            lambda place=place: (one := place.workspace.job(run.job)).status != "active" and one,
            pair.patience,
            0.2,
        )
        assert job.status == "completed", job.reason
        manifest = (
            f"azureml://datastores/{DEFAULT}/paths/homeostat/{policy.name}/{run.job}/model/manifest.json"
        )
        assert place.workspace.file(policy, manifest)


def test_events_say_which_workspace_they_come_from(pair: Pair) -> None:
    if not pair.settings.is_local:
        pytest.skip("events are seen in local Azure alone")
    from control.events import Event, model_registered

    pair.told.clear()
    pair.blob(pair.there, f"homeostat/{pair.there.name}/j/model/x", b"")
    pair.services.at(pair.there).workspace.register(pair.there, "1", "j", {})
    ((topic, event),) = pair.told
    assert topic == f"azureml-{OTHER}"
    read = model_registered(
        Event(id="1", type=event["eventType"], subject="", source=event["topic"], data=event["data"])
    )
    assert read.workspace == pair.services.at(pair.there).id


@pytest.mark.parametrize("kind", ["model_registered", "job_finished", "model_deployed", "drift_alert"])
def test_an_event_of_another_workspace_concerns_nobody(
    pair: Pair, kind: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """The model, the endpoint and the monitor have the same names there."""
    policy = replace(pair.there, monitors=("mine",))
    services = replace(pair.services, policies=OnePolicy(policy))
    detail = {"version": "1", "endpoint": policy.release.endpoint, "monitor": "mine", "key": "k"}
    model = policy.name if kind in {"model_registered", "job_finished"} else None
    seen = []
    for workspace in (services.at(pair.here).id, "/subscriptions/s/elsewhere", services.at(policy).id):
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            message = Message(kind=kind, model=model, detail=detail, workspace=workspace)
            work.handle(message.to_json().encode(), services)
        seen.append("dropped: it comes from" in caplog.text)
        heard = services.ledger.load(policy.name)[0].retraining.seen
        assert heard == (("monitor mine k",) if kind == "drift_alert" and not seen[-1] else ())
    assert seen == [True, True, False]


def test_a_link_of_one_workspace_opens_in_no_other(pair: Pair) -> None:
    """The key is the same, and so is everything else that is asked."""
    services = build(replace(pair.settings, approval_keys=("k" * 40,)))
    asked = {}
    for policy in pair.both:
        sealer = services.at(policy).sealer
        asked[policy.workspace] = sealer.seal(
            Asked(
                model=policy.name, version="1", generation=1, question=1, evidence="e", policy="p",
                environment=sealer.environment, expires=int(datetime.now(UTC).timestamp()) + 3600,
            )
        )  # fmt: skip
    told = {}
    for policy in pair.both:
        for workspace, token in asked.items():
            request = func.HttpRequest(method="GET", url="/api/approval", params={"token": token}, body=b"")
            reply = answer(request, replace(services, policies=OnePolicy(policy)), lambda _: None)
            told[policy.workspace, workspace] = reply.status
    assert told == {
        (None, None): 409, (None, pair.there.workspace): 403,
        (pair.there.workspace, None): 403, (pair.there.workspace, pair.there.workspace): 409,
    }, "409: nothing waits there"  # fmt: skip


def test_a_model_does_not_move_to_another_workspace_unnoticed(pair: Pair) -> None:
    """What is known of its jobs, deployments and champion is of the workspace before."""
    services = replace(pair.services, policies=OnePolicy(pair.here))
    beat = Message(kind="drift_alert", detail={"monitor": "mine", "key": "k"})
    work.handle(
        beat.to_json().encode(), replace(services, policies=OnePolicy(replace(pair.here, monitors=("mine",))))
    )
    intent = services.ledger.load(pair.here.name)[0]
    assert intent.home == services.at(pair.here).id
    moved = replace(services, policies=OnePolicy(pair.there))
    with pytest.raises(Refused, match=r"has been managed in .*/workspaces/.* Put workspace back"):
        work.handle(Message(kind="model_registered", model=pair.here.name).to_json().encode(), moved)
    with pytest.raises(Refused, match="has been managed in"):
        roll_back(pair.there, moved, "a person")
    work.handle(Message(kind="reconcile", model=pair.here.name).to_json().encode(), moved)  # it only says so
    assert services.ledger.load(pair.here.name)[0] == intent


@pytest.fixture
def shared(pair: Pair, unique: str) -> tuple[Policy, Policy, Registries, Registries]:
    """A policy that shares its versions and one that takes them, and what does so for each."""
    name = REGISTRY if pair.settings.is_local else os.environ.get("HOMEOSTAT_LIVE_REGISTRY", "")
    if not name:
        pytest.skip("no registry is given: set HOMEOSTAT_LIVE_REGISTRY (docs/live-tests.md)")
    giver = replace(pair.here, registry=Registry(name=name, model=unique, share=True))
    taker = replace(pair.there, name=f"{unique}-p", registry=Registry(name=name, model=unique, share=False))
    gives, takes = (registries(pair, policy) for policy in (giver, taker))
    return giver, taker, gives, takes


def registries(pair: Pair, policy: Policy) -> Registries:
    connections = pair.connections(policy)
    return Registries(connections, Datastores(connections))


def read(pair: Pair, policy: Policy, number: str, file: str) -> bytes | None:
    connections = pair.connections(policy)
    return Models(connections, Datastores(connections)).file(policy.name, number, file)


def version(pair: Pair, policy: Policy, number: str, job: str, files: dict[str, bytes]) -> None:
    """A registered version with these files."""
    for name, body in files.items():
        pair.blob(policy, f"homeostat/{policy.name}/{job}/model/{name}", body)
    tags = {"homeostat.job": job, "homeostat.report": "here"}
    pair.services.at(policy).workspace.register(policy, number, job, tags)


IGNORE_SDK = pytest.mark.filterwarnings("ignore:.*deprecated.*:DeprecationWarning")
"""azure-ai-ml's download of a registry's files uses what azure-storage-blob gives up."""
Shared = tuple[Policy, Policy, Registries, Registries]


@IGNORE_SDK
def test_a_version_goes_to_a_registry_and_comes_from_it_with_its_lineage(pair: Pair, shared: Shared) -> None:
    giver, taker, gives, takes = shared
    assert giver.registry
    assert not takes.versions(taker)
    version(pair, giver, "3", "j3", {"golden.json": b"g", "deep/weights": b"w" * 100_000})
    assert gives.share(giver, "3", "e" * 64)
    assert not gives.share(giver, "3", "e" * 64), "a second time is no change"
    (found,) = takes.versions(taker)
    source = source_of(pair.services.at(giver).id, giver.name, "3")
    assert found.version == "3"
    assert found.tags[SOURCE_TAG] == source
    assert takes.take(taker, "3")
    assert not takes.take(taker, "3")
    (taken,) = pair.services.at(taker).workspace.models(taker)
    assert taken.tags == {
        SOURCE_TAG: source,
        REGISTRY_TAG: registry_address(giver.registry.name, giver.registry.model, "3"),
        "homeostat.job": "j3",
        "homeostat.evidence": "e" * 64,
    }, "a report lies in its own workspace"
    assert f"/workspaces/{pair.settings.at(taker.workspace).workspace}/" in taken.path
    assert read(pair, taker, "3", "golden.json") == b"g"
    assert read(pair, taker, "3", "deep/weights") == b"w" * 100_000


def test_a_version_that_is_there_from_elsewhere_is_never_overwritten(pair: Pair, shared: Shared) -> None:
    giver, taker, gives, takes = shared
    version(pair, giver, "1", "j1", {"golden.json": b"first"})
    assert gives.share(giver, "1", "e1")
    rival = replace(giver, name=taker.name, workspace=taker.workspace)
    version(pair, rival, "1", "j9", {"golden.json": b"rival"})
    with pytest.raises(
        Refused, match=r"in registry .* is another one: its homeostat\.source is .*/versions/1, not"
    ):
        registries(pair, rival).share(rival, "1", "e9")
    with pytest.raises(Refused, match=r"in the workspace is another one: its homeostat\.registry is not set"):
        takes.take(taker, "1")
    assert read(pair, taker, "1", "golden.json") == b"rival"


def test_what_cannot_be_shared_or_taken_says_why(shared: Shared) -> None:
    giver, taker, gives, takes = shared
    with pytest.raises(Refused, match=r"tagging model .*:7"):
        gives.share(giver, "7", "e")
    with pytest.raises(Refused, match=r"azureml://registries/.*/versions/7 is not there any more"):
        takes.take(taker, "7")
    nowhere = replace(giver, registry=Registry(name="mlr-nowhere", model="m", share=True))
    with pytest.raises(Refused, match="looking for registry mlr-nowhere"):
        gives.versions(nowhere)


@IGNORE_SDK
def test_the_loop_takes_what_appears_in_the_registry_once(pair: Pair, shared: Shared) -> None:
    giver, taker, gives, _ = shared
    taker = replace(taker, gates=Gates(job="pipelines/evaluate.yml"))
    services = replace(pair.services, policies=OnePolicy(taker))
    converge(taker, services)
    assert not services.ledger.load(taker.name)[0].sharing.settled
    version(pair, giver, "3", "j3", {"golden.json": b"g"})
    gives.share(giver, "3", "e" * 64)
    for _ in range(2):
        converge(taker, services)
    assert services.ledger.load(taker.name)[0].sharing.settled == ("3",)
    told = [entry["name"] for entry in services.ledger.audit(taker.name)]
    assert told == ["take", "TakeModel", "taken"]
    assert [model.version for model in services.at(taker).workspace.models(taker)] == ["3"]


def test_an_archived_version_is_offered_no_longer(pair: Pair, shared: Shared) -> None:
    giver, taker, gives, takes = shared
    assert giver.registry
    version(pair, giver, "1", "j1", {"golden.json": b"g"})
    gives.share(giver, "1", "e")
    models = pair.connections(giver).registry(giver.registry.name).models
    models.archive(giver.registry.model, "1")
    assert not takes.versions(taker)
