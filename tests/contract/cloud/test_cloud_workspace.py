"""Azure ML as the app sees it: assets, jobs, models, endpoints, through the real client and real processes."""

from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import requests
from one_policy import OnePolicy

from cloud.assets import register_assets
from cloud.connections import Connections
from cloud.datastores import DEFAULT, Datastores
from cloud.jobs import Jobs
from cloud.models import output
from cloud.remote_source import remote_files
from cloud.services import build
from cloud.settings import Settings
from cloud.tables import table_batches
from control.drift_signal import DriftSignal
from control.errors import BadData, Refused, Unavailable
from control.facts import Batch
from control.messages import Message
from control.names import job_name, trial_name
from control.policy import (
    Approval,
    CompleteWhen,
    Data,
    Gates,
    Policy,
    Release,
    Retrain,
    TrainingData,
)
from control.ports import Services
from control.state import Training
from drift.profile import profile_batches
from handlers import work
from local.loganalytics.tables import WORKSPACE_ID as LOGS

if TYPE_CHECKING:
    from local.storage import StorageAccount

REPOSITORY = Path(__file__).parents[3]
NOW = datetime.now(UTC)

PIPELINE = """
type: pipeline
experiment_name: mine
settings: {default_compute: serverless}
inputs:
  data: {type: uri_folder}
  manifest: {type: uri_file}
  champion: {type: uri_folder}
  answer: 0.25
outputs:
  model: {type: uri_folder}
  evaluation: {type: uri_folder}
jobs:
  make:
    type: command
    component: azureml:COMPONENT@latest
    inputs:
      data: ${{parent.inputs.data}}
      manifest: ${{parent.inputs.manifest}}
      champion: ${{parent.inputs.champion}}
      answer: ${{parent.inputs.answer}}
    outputs:
      model: ${{parent.outputs.model}}
      evaluation: ${{parent.outputs.evaluation}}
"""
COMPONENT = """
$schema: https://azuremlschemas.azureedge.net/latest/commandComponent.schema.json
type: command
name: COMPONENT
is_deterministic: false
inputs:
  data: {type: uri_folder}
  manifest: {type: uri_file}
  champion: {type: uri_folder}
  answer: {type: number}
outputs:
  model: {type: uri_folder}
  evaluation: {type: uri_folder}
code: ../src
environment: azureml:ENVIRONMENT@latest
command: >-
  python make.py ${{inputs.data}} ${{inputs.manifest}} ${{inputs.champion}} ${{inputs.answer}}
  ${{outputs.model}} ${{outputs.evaluation}}
"""
MAKE = """
import json, pathlib, sys
data, manifest, champion, answer, model, evaluation = sys.argv[1:]
asked = json.loads(pathlib.Path(manifest).read_text())
found = [sorted(p.name for p in (pathlib.Path(data) / batch).iterdir()) for batch in asked["training"]]
if asked["model"].endswith("-breaks"):
    sys.exit("no rows to learn from")
out = pathlib.Path(model)
(out / "model.json").write_text(answer)
golden = {"schema": 1, "request": {"rows": 3}, "response": [float(answer)] * 3}
(out / "golden.json").write_text(json.dumps(golden))
(pathlib.Path(evaluation) / "evaluation.json").write_text(json.dumps({
    "schema": 1, "found": found, "champion": sorted(p.name for p in pathlib.Path(champion).iterdir()), "asked": asked}))
"""
SCORE = """
import json, os, pathlib
from azureml.ai.monitoring import Collector
def init():
    global answer, collector
    if os.environ.get("BREAK"):
        raise RuntimeError("the model does not load")
    file = next(pathlib.Path(os.environ["AZUREML_MODEL_DIR"]).rglob("model.json"))
    answer = float(file.read_text())
    collector = Collector(name="model_inputs")
def run(raw):
    import pandas
    rows = json.loads(raw)["rows"]
    collector.collect(pandas.DataFrame({"n": list(range(rows)), "carrier": ["UA"] * rows}))
    return [answer] * rows
"""
DEPLOYMENT = """
$schema: https://azuremlschemas.azureedge.net/latest/managedOnlineDeployment.schema.json
name: template
endpoint_name: template
environment: azureml:ENVIRONMENT@latest
code_configuration: {code: score, scoring_script: score.py}
environment_variables: {ENVIRONMENT_VARIABLES}
instance_type: Standard_DS3_v2
instance_count: 1
data_collector: {collections: {model_inputs: {enabled: "true"}}}
"""


@pytest.fixture(scope="session")
def loganalytics(background: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, str]]:
    """Local Log Analytics, and its address."""
    from local.loganalytics.service import LogAnalytics

    service = LogAnalytics(state=tmp_path_factory.mktemp("loganalytics"))
    yield service, background.run(service.start())
    background.run(service.stop())


@pytest.fixture(scope="session")
def azureml(
    background: Any,
    azurite: StorageAccount,
    loganalytics: tuple[Any, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    """Local Azure ML with real jobs and real inference servers."""
    from local.azureml import WORKSPACE_ID, AzureML
    from local.environments import conda_of, default_cache, environment_path, is_built
    from local.serving import Serving

    cache = Path(os.environ.get("HOMEOSTAT_ENVIRONMENTS") or REPOSITORY / ".homeostat" / "environments")
    if not is_built(environment_path(conda_of(REPOSITORY / "pipelines" / "environment.yml"), cache)):
        pytest.skip(f"the pipelines' environment is not built in {default_cache().name}: make setup")

    async def publish(_topic: str, _events: list[dict[str, Any]]) -> None:
        """Nobody listens to this one's events."""

    state = tmp_path_factory.mktemp("azureml")
    add = loganalytics[0].add
    serving = Serving(state=state / "serving", account=azurite, workspace=WORKSPACE_ID, add=add)
    service = AzureML(
        state=state / "azureml",
        account=azurite,
        publish=publish,
        environments=cache,
        serving=serving,
        operation_seconds=0.1,
    )
    background.run(serving.start())
    yield background.run(service.start())
    background.run(service.stop())
    background.run(serving.stop())


@dataclass(frozen=True)
class Project:
    """A user's folder and the app deployed with it."""

    root: Path
    settings: Settings
    services: Services
    connections: Connections
    policy: Policy
    patience: float


@pytest.fixture
def project(
    request: pytest.FixtureRequest,
    settings: Settings,
    unique: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Project]:
    monkeypatch.setenv("AZUREML_CURRENT_CLOUD", "AzureCloud")  # the client sets it: put back afterwards
    if settings.is_local:
        settings = replace(
            settings,
            azureml_url=request.getfixturevalue("azureml"),
            logs_url=request.getfixturevalue("loganalytics")[1],
            logs_workspace=LOGS,
        )
    settings = replace(settings, policies=tmp_path / "policies")
    names = {
        "COMPONENT": unique,
        "ENVIRONMENT": f"{unique}-env",
        "ENVIRONMENT_VARIABLES": "OMP_NUM_THREADS: '1'",
    }
    write(tmp_path / "pipelines/train.yml", PIPELINE, names)
    write(tmp_path / "pipelines/components/make.yml", COMPONENT, names)
    write(tmp_path / "pipelines/src/make.py", MAKE, {})
    write(tmp_path / "pipelines/score/score.py", SCORE, {})
    write(tmp_path / "pipelines/deployment.yml", DEPLOYMENT, names)
    write(
        tmp_path / "pipelines/environment.yml",
        (REPOSITORY / "pipelines/environment.yml").read_text(),
        {"homeostat-tabular": f"{unique}-env"},
    )
    shutil.copy(REPOSITORY / "pipelines/conda.yml", tmp_path / "pipelines/conda.yml")
    policy = Policy(
        name=unique,
        data=Data(datastore="landing", prefix=f"{unique}/", complete_when=CompleteWhen(marker="_SUCCESS")),
        retrain_on=frozenset({"drift"}),
        inputs=DriftSignal(features=("n",)),
        retrain=Retrain(job="pipelines/train.yml"),
        gates=Gates(golden_tolerance=1e-6),
        approval=Approval(required=False),
        release=Release(endpoint=f"e-{unique}", deployment="pipelines/deployment.yml"),
        digest="policy-digest",
        source=f"policies/{unique}.yaml",
    )
    connections = Connections(settings)
    yield Project(tmp_path, settings, build(settings), connections, policy, 60 if settings.is_local else 2400)
    left = build(settings).places[None].workspace.endpoint(policy.release.endpoint)
    if left.state != "missing":
        kinds = {"online": connections.ml.online_endpoints, "batch": connections.ml.batch_endpoints}
        kinds[left.kind].begin_delete(policy.release.endpoint)


def write(path: Path, text: str, names: dict[str, str]) -> None:
    for word, name in names.items():
        text = (
            text.replace(word, name)
            if word != "ENVIRONMENT"
            else text.replace("azureml:ENVIRONMENT@", f"azureml:{name}@")
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def batch(project: Project, month: str) -> Batch:
    """Rows that arrived."""
    sink = io.BytesIO()
    pq.write_table(pa.table({"n": range(100), "carrier": ["UA", "AA"] * 50}), sink)
    landing = Datastores(project.connections)["landing"]
    landing.write(f"{project.policy.data.prefix}{month}/rows.parquet", sink.getvalue())
    return Batch(version=f"v-{month}", path=f"{month}/", arrived=NOW, quality="pass", drift="fail", rows=100)


def training(policy: Policy, batches: list[Batch], champion: str | None = None) -> Training:
    versions = tuple(one.version for one in batches)
    return Training(
        epoch=1,
        job=job_name(policy.name, 1, [versions, champion]),
        training=versions,
        evaluation=(),
        champion=champion,
        policy_digest=policy.digest,
        launched=NOW,
    )


def ended(project: Project, job: str, eventually: Callable[..., Any]) -> Any:
    workspace = project.services.places[None].workspace
    return eventually(
        lambda: (found := workspace.job(job)).status not in {"missing", "active"} and found,
        project.patience,
        0.2,
    )


def test_landing_is_the_policys_storage_and_registers_batches_once(project: Project) -> None:
    landing, policy = project.services.places[None].landing, project.policy
    arrived = batch(project, "2013-01")
    (blob,) = landing.blobs(policy, "2013-01/")
    store = Datastores(project.connections)["landing"]
    url = f"{store.service.rstrip('/')}/{store.container.container_name}/{policy.data.prefix}{blob.path}"
    assert landing.owns(policy, url) == "2013-01/rows.parquet"
    assert landing.owns(policy, url.replace(policy.data.prefix, "other/")) is None
    assert landing.owns(policy, "https://evil.example/landing/x") is None
    assert landing.profile(policy, [blob]).rows == 100
    landing.register(policy, "0a1b", arrived.path)
    landing.register(policy, "0a1b", arrived.path)
    (registered,) = project.connections.ml.data.list(name=f"{policy.name}-data")
    assert registered.path.endswith(f"datastores/landing/paths/{policy.data.prefix}2013-01/")


def test_data_are_read_by_their_address(project: Project) -> None:
    """A datastore's path in its short and long form, and a data asset by version and label."""
    found = batch(project, "2013-01")
    project.services.places[None].landing.register(project.policy, "1", found.path)
    settings = project.settings
    environment = {
        **os.environ,
        "HOMEOSTAT_SUBSCRIPTION_ID": settings.subscription,
        "HOMEOSTAT_RESOURCE_GROUP": settings.resource_group,
        "HOMEOSTAT_WORKSPACE": settings.workspace,
    }
    if settings.is_local:
        environment |= {
            "HOMEOSTAT_AZUREML_URL": str(settings.azureml_url),
            "HomeostatStorage": str(settings.storage.connection_string),
        }
    place = f"datastores/landing/paths/{project.policy.data.prefix}2013-01/"
    workspace = f"subscriptions/{settings.subscription}/resourcegroups/{settings.resource_group}"
    for address in (
        f"azureml://{place}",
        f"azureml://{workspace}/workspaces/{settings.workspace}/{place}*.parquet",
        f"azureml:{project.policy.name}-data:1",
        f"azureml:{project.policy.name}-data@latest",
    ):
        assert profile_batches(table_batches(remote_files(address, environment))).rows == 100, address
    with pytest.raises(Refused, match="not-there"):
        remote_files("azureml:not-there:1", environment)


def test_what_is_not_there_is_said_to_be_missing(project: Project) -> None:
    workspace, policy = project.services.places[None].workspace, project.policy
    assert workspace.job("rt-nothing-1-00000000").status == "missing"
    assert workspace.models(policy) == ()
    assert workspace.endpoint("no-such-endpoint").state == "missing"
    assert workspace.evaluation(policy, "rt-nothing-1-00000000") is None
    assert project.services.places[None].profiles.reference(policy, "1") is None
    assert workspace.probe(policy, "g001", "1").verdict == "inconclusive"
    workspace.delete_deployment(policy, "g001")


def test_assets_are_registered_when_they_change_and_only_then(project: Project) -> None:
    ml, folder = project.connections.ml, project.root / "pipelines"

    def registered() -> list[tuple[str, str, bool]]:
        return [(one.kind, one.version, one.new) for one in register_assets(ml, [folder])]

    assert registered() == [("environment", "1", True), ("component", "1", True)]
    assert registered() == [("environment", "1", False), ("component", "1", False)]
    first = (folder / "src/make.py").read_text()
    (folder / "src/make.py").write_text(first + "# changed\n")
    assert registered() == [("environment", "1", False), ("component", "2", True)]
    (folder / "src/make.py").write_text(first)
    assert registered() == [("environment", "1", False), ("component", "3", True)]
    (folder / "environment.yml").write_text((folder / "environment.yml").read_text() + "tags: {a: b}\n")
    assert registered() == [("environment", "2", True), ("component", "4", True)]
    component = folder / "components/make.yml"
    component.write_text(component.read_text() + "version: 9\n")
    assert registered()[1] == ("component", "9", True)
    assert registered()[1] == ("component", "9", False)
    (folder / "src/make.py").write_text("# other\n")
    with pytest.raises(Refused, match="raise its version"):
        registered()


def test_from_batches_to_an_answering_model(project: Project, eventually: Callable[..., Any]) -> None:
    services, policy = project.services, project.policy
    workspace = services.places[None].workspace
    register_assets(project.connections.ml, [project.root / "pipelines"])
    months = [batch(project, "2013-01"), batch(project, "2013-02")]
    run = training(policy, months)

    # the job
    workspace.submit(policy, run, months)
    workspace.submit(policy, run, list(reversed(months)))
    assert ended(project, run.job, eventually).status == "completed"
    job = project.connections.ml.jobs.get(run.job)
    assert job.experiment_name == policy.name
    assert job.tags["homeostat.policy"] == "policy-digest"
    evaluation = workspace.evaluation(policy, run.job)
    assert evaluation is not None
    assert evaluation.body["found"] == [["rows.parquet"], ["rows.parquet"]]
    assert evaluation.body["champion"] == ["NO_CHAMPION"]
    assert evaluation.body["asked"]["training"] == ["2013-01/", "2013-02/"]
    assert evaluation.predictions is None
    store = Datastores(project.connections)[DEFAULT]
    store.write(output(policy.name, run.job, "evaluation").path + "predictions.parquet", b"rows")
    with_rows = workspace.evaluation(policy, run.job)
    assert with_rows is not None
    assert with_rows.predictions == b"rows"
    assert with_rows.digest != evaluation.digest, "the evidence is both files"

    # its test report
    assert not workspace.reported(policy, run.job)
    files = [("report.html", b"<p>"), ("junit.xml", b"<x/>"), ("report.json", b"{}")]
    workspace.write_report(policy, run.job, files[:2])
    assert not workspace.reported(policy, run.job), "the last file says that all are there"
    workspace.write_report(policy, run.job, files)
    workspace.write_report(policy, run.job, files)
    assert workspace.reported(policy, run.job)
    assert store.read(f"homeostat/{policy.name}/{run.job}/report/report.html") == b"<p>"

    # the model
    profile = profile_batches([pa.record_batch({"n": pa.array(range(9))})])
    Datastores(project.connections)[DEFAULT].write(
        output(policy.name, run.job, "model").path + "reference_profile.bin", profile.to_bytes()
    )
    tags = {"homeostat.evidence": evaluation.digest, "homeostat.job": run.job}
    workspace.register(policy, "1", run.job, tags)
    workspace.register(policy, "1", run.job, tags)
    with pytest.raises(Refused, match="already with other homeostat"):
        workspace.register(policy, "1", run.job, tags | {"homeostat.evidence": "other"})
    for version in ("10", "9"):
        workspace.register(policy, version, run.job, tags)
    assert [one.version for one in workspace.models(policy)] == ["1", "9", "10"]
    assert workspace.models(policy)[0].tags == tags
    reference = services.places[None].profiles.reference(policy, "1")
    assert reference is not None
    assert reference.rows == 9

    # the next job sees the champion's folder
    second = training(policy, months, champion="1")
    workspace.submit(policy, second, months)

    # the endpoint
    workspace.create_endpoint(policy)
    eventually(
        lambda: workspace.endpoint(policy.release.endpoint).state == "succeeded", project.patience, 0.2
    )
    workspace.create_endpoint(policy)
    workspace.create_deployment(policy, "g001", "1")
    workspace.create_deployment(policy, "g001", "1")
    with pytest.raises(Refused, match="has model version 1, not 9"):
        workspace.create_deployment(policy, "g001", "9")
    eventually(
        lambda: workspace.endpoint(policy.release.endpoint).deployments["g001"].state == "succeeded",
        project.patience,
        0.2,
    )
    endpoint = workspace.endpoint(policy.release.endpoint)
    assert (endpoint.deployments["g001"].model_version, endpoint.traffic) == ("1", {})

    # instances: what was read, its collector's data included, can be written
    assert endpoint.deployments["g001"].instances == 1
    assert workspace.scale_deployment(policy, "g001", 2)
    scaled = eventually(
        lambda: (
            (one := workspace.endpoint(policy.release.endpoint).deployments["g001"]).state == "succeeded"
            and one
        ),
        project.patience,
        0.2,
    )
    assert scaled.instances == 2
    assert not workspace.scale_deployment(policy, "g001", 2)
    assert not workspace.scale_deployment(policy, "g007", 2)

    # golden predictions
    asked_at = datetime.now(UTC)
    assert workspace.probe(policy, "g001", "1").verdict == "pass"
    store = Datastores(project.connections)[DEFAULT]
    golden = output(policy.name, run.job, "model").path + "golden.json"
    store.write(golden, b'{"schema": 1, "request": {"rows": 1}, "response": [0.26]}')
    probe = workspace.probe(policy, "g001", "1")
    assert (probe.verdict, probe.reason) == ("fail", "response[0] is off by 0.01, 1e-06 is allowed")
    store.write(golden, b"{")
    assert workspace.probe(policy, "g001", "1").verdict == "inconclusive"
    assert workspace.probe(policy, "g007", "1").verdict == "inconclusive"

    # traffic
    workspace.set_traffic(policy, {"g001": 100}, {})
    eventually(
        lambda: workspace.endpoint(policy.release.endpoint).traffic == {"g001": 100}, project.patience, 0.2
    )
    workspace.create_endpoint(policy)
    assert workspace.endpoint(policy.release.endpoint).traffic == {"g001": 100}

    # its log holds what others ask, and not what we do
    if project.settings.is_local:
        ours = services.places[None].logs.traffic(policy, "g001", None, asked_at, datetime.now(UTC))
        assert "has no request of g001" in ours.reason
        endpoints = project.connections.ml.online_endpoints
        key = endpoints.get_keys(policy.release.endpoint).primary_key
        url = endpoints.get(policy.release.endpoint).scoring_uri
        answer = requests.post(url, json={"rows": 1}, headers={"Authorization": f"Bearer {key}"}, timeout=20)
        assert answer.status_code == 200
        theirs = services.places[None].logs.traffic(policy, "g001", None, asked_at, datetime.now(UTC))
        assert (theirs.reason, theirs.candidate.requests, theirs.candidate.failures) == ("", 1, 0)

    # what it was asked comes back as a profile
    current = eventually(
        lambda: services.places[None].profiles.production(
            policy, "g001", asked_at - timedelta(hours=1), datetime.now(UTC)
        ),
        project.patience,
        0.3,
    )
    assert current.rows in {3, 4, 5}
    assert sorted(current.columns) == ["carrier", "n"]
    assert services.places[None].profiles.production(policy, "g009", asked_at, datetime.now(UTC)) is None

    workspace.set_traffic(policy, {}, {})
    eventually(lambda: workspace.endpoint(policy.release.endpoint).traffic == {}, project.patience, 0.2)
    workspace.delete_deployment(policy, "g001")
    eventually(lambda: not workspace.endpoint(policy.release.endpoint).deployments, project.patience, 0.2)
    workspace.delete_deployment(policy, "g001")

    assert ended(project, second.job, eventually).status == "completed"
    again = workspace.evaluation(policy, second.job)
    assert again is not None
    assert "model.json" in again.body["champion"]


def test_the_same_on_kubernetes(project: Project, eventually: Callable[..., Any]) -> None:
    """From the YAML's own type: azure-ai-ml's entities for a cluster; the app does nothing else."""
    from azure.ai.ml.entities import KubernetesOnlineDeployment, KubernetesOnlineEndpoint

    policy, workspace, ml = project.policy, project.services.places[None].workspace, project.connections.ml
    if not project.settings.is_local:
        pytest.skip("needs a cluster that is attached to the workspace")
    register_assets(ml, [project.root / "pipelines"])
    file = project.root / "pipelines/deployment.yml"
    text = file.read_text().replace("managedOnlineDeployment", "kubernetesOnlineDeployment")
    file.write_text(text.replace("instance_type: Standard_DS3_v2\n", "type: kubernetes\n"))
    template = workspace.template(policy)
    assert template
    assert (template.kind, template.instances, template.scales_itself) == ("kubernetes", 1, False)
    with pytest.raises(Refused, match="write an endpoint"):
        workspace.create_endpoint(policy)
    (file.parent / "endpoint.yml").write_text(
        "$schema: https://azuremlschemas.azureedge.net/latest/kubernetesOnlineEndpoint.schema.json\n"
        "name: template\ncompute: azureml:aks\nauth_mode: key\n"
    )
    workspace.create_endpoint(policy)
    name = policy.release.endpoint
    eventually(lambda: workspace.endpoint(name).state == "succeeded", project.patience, 0.2)
    found = ml.online_endpoints.get(name)
    assert isinstance(found, KubernetesOnlineEndpoint)
    assert str(found.compute).endswith("/computes/aks")
    store = Datastores(project.connections)[DEFAULT]
    store.write(output(policy.name, "job", "model").path + "model.json", b"0.25")
    workspace.register(policy, "1", "job", {})
    workspace.create_deployment(policy, "g001", "1")

    def ready(instances: int) -> bool:
        one = workspace.endpoint(name).deployments["g001"]
        return one.state == "succeeded" and one.instances == instances

    eventually(lambda: ready(1), project.patience, 0.2)
    assert isinstance(ml.online_deployments.get("g001", name), KubernetesOnlineDeployment)
    assert workspace.scale_deployment(policy, "g001", 2)
    eventually(lambda: ready(2), project.patience, 0.2)
    workspace.set_traffic(policy, {"g001": 100}, {})
    eventually(lambda: workspace.endpoint(name).traffic == {"g001": 100}, project.patience, 0.2)
    assert isinstance(ml.online_endpoints.get(name), KubernetesOnlineEndpoint), "its kind stays"


BATCH_SCORE = """
import json, os, pathlib
import pandas
def init():
    global answer
    answer = float(next(pathlib.Path(os.environ["AZUREML_MODEL_DIR"]).rglob("model.json")).read_text())
def run(mini_batch):
    rows = pandas.concat([pandas.read_csv(file) for file in mini_batch])
    return pandas.DataFrame({"carrier": rows["carrier"], "prediction": rows["n"] * answer})
"""
BATCH_DEPLOYMENT = """
$schema: https://azuremlschemas.azureedge.net/latest/modelBatchDeployment.schema.json
name: template
endpoint_name: template
type: model
environment: azureml:ENVIRONMENT@latest
code_configuration: {code: score, scoring_script: score.py}
compute: azureml:cpu-cluster
resources: {instance_count: 2}
settings: {mini_batch_size: 10, output_action: append_row, error_threshold: 0}
"""


def batch_project(project: Project, answers: dict[str, float]) -> None:
    """A batch deployment's YAML and code, and versions that answer so; each is expected to answer 0.25."""
    write(
        project.root / "pipelines/deployment.yml",
        BATCH_DEPLOYMENT,
        {"ENVIRONMENT": f"{project.policy.name}-env"},
    )
    write(project.root / "pipelines/score/score.py", BATCH_SCORE, {})
    register_assets(project.connections.ml, [project.root / "pipelines"])
    store = Datastores(project.connections)[DEFAULT]
    golden = {
        "schema": 1,
        "request": {"input_data": {"columns": ["n", "carrier"], "data": [[4, "UA"], [8, "A A"]]}},
        "response": [1.0, 2.0],
    }
    for version, answer in answers.items():
        place = output(project.policy.name, f"job{version}", "model").path
        store.write(place + "model.json", str(answer).encode())
        store.write(place + "golden.json", json.dumps(golden).encode())
        project.services.places[None].workspace.register(project.policy, version, f"job{version}", {})


def test_a_batch_endpoint_from_the_trial_to_the_default(
    project: Project, eventually: Callable[..., Any]
) -> None:
    """The real client, the real script in the job's environment: tried, made the default, read back."""
    policy, workspace = project.policy, project.services.places[None].workspace
    if not project.settings.is_local:
        pytest.skip("needs a cluster that is named cpu-cluster")
    batch_project(project, {"1": 0.25, "2": 0.5})
    template = workspace.template(policy)
    assert template
    assert template.kind == "batch"
    name = policy.release.endpoint
    assert workspace.create_endpoint(policy)
    eventually(lambda: workspace.endpoint(name).state == "succeeded", project.patience, 0.2)
    assert not workspace.create_endpoint(policy)
    assert workspace.endpoint(name).kind == "batch"
    for deployment, version in (("g001", "1"), ("g002", "2")):
        assert workspace.create_deployment(policy, deployment, version)

    def ready(deployment: str) -> bool:
        return workspace.endpoint(name).deployments[deployment].state == "succeeded"

    eventually(lambda: ready("g001") and ready("g002"), project.patience, 0.2)
    assert not workspace.create_deployment(policy, "g001", "1")
    with pytest.raises(Refused, match="has model version 1, not 2"):
        workspace.create_deployment(policy, "g001", "2")
    assert workspace.endpoint(name).traffic == {}, "nothing is the default yet"
    assert workspace.endpoint(name).deployments["g002"].model_version == "2"

    probe = workspace.probe(policy, "g001", "1")
    assert (probe.verdict, probe.to_begin) == ("inconclusive", True)
    jobs = {one: trial_name(policy.name, one, version) for one, version in (("g001", "1"), ("g002", "2"))}
    assert workspace.begin_trial(policy, "g001", "1", jobs["g001"])
    assert not workspace.begin_trial(policy, "g001", "1", jobs["g001"]), "the same trial is no second job"
    missing, look = iter([replace(workspace.job(jobs["g001"]), status="missing")]), Jobs.get
    with pytest.MonkeyPatch.context() as patch:  # this worker looked before another one began it
        patch.setattr(Jobs, "get", lambda self, job: next(missing, None) or look(self, job))
        assert not workspace.begin_trial(policy, "g001", "1", jobs["g001"]), "nor when two begin it at once"
    assert not workspace.probe(policy, "g001", "1").to_begin
    assert workspace.begin_trial(policy, "g002", "2", jobs["g002"])

    def said(deployment: str, version: str) -> Any:
        now = workspace.probe(policy, deployment, version)
        return now.verdict != "inconclusive" and now

    right = eventually(lambda: said("g001", "1"), project.patience, 0.2)
    assert (right.verdict, jobs["g001"] in right.reason) == ("pass", True)
    wrong = eventually(lambda: said("g002", "2"), project.patience, 0.2)
    assert wrong.verdict == "fail"
    assert "line 1 is off by 1" in wrong.reason
    of = {job.name for job in project.connections.ml.batch_deployments.list_jobs(name, name="g002")}
    assert of == {jobs["g002"]}, "on exactly that deployment"

    workspace.set_traffic(policy, {"g001": 100}, {})
    eventually(lambda: workspace.endpoint(name).traffic == {"g001": 100}, project.patience, 0.2)
    eventually(lambda: workspace.endpoint(name).state == "succeeded", project.patience, 0.2)
    with pytest.raises(Refused, match="one default deployment"):
        workspace.set_traffic(policy, {"g001": 50, "g002": 50}, {})
    workspace.delete_deployment(policy, "g002")
    workspace.delete_deployment(policy, "g009")
    eventually(lambda: set(workspace.endpoint(name).deployments) == {"g001"}, project.patience, 0.2)
    workspace.set_traffic(policy, {}, {})
    eventually(lambda: workspace.endpoint(name).traffic == {}, project.patience, 0.2)

    # the name again, as after a lost ledger: what was tried was another deployment
    workspace.delete_deployment(policy, "g001")
    eventually(lambda: not workspace.endpoint(name).deployments, project.patience, 0.2)
    workspace.create_deployment(policy, "g001", "1")
    eventually(lambda: ready("g001"), project.patience, 0.2)
    stale = workspace.probe(policy, "g001", "1")
    assert (stale.verdict, stale.to_begin) == ("inconclusive", False)
    assert "it tried another" in stale.reason


def test_what_no_batch_trial_can_show_is_inconclusive_or_fails(
    project: Project, eventually: Callable[..., Any]
) -> None:
    policy, workspace = project.policy, project.services.places[None].workspace
    if not project.settings.is_local:
        pytest.skip("needs a cluster that is named cpu-cluster")
    batch_project(project, {"1": 0.25, "2": 0.25})
    store = Datastores(project.connections)[DEFAULT]
    store.delete(output(policy.name, "job2", "model").path + "golden.json")
    write(
        project.root / "pipelines/score/score.py",
        "def run(mini_batch):\n    raise ValueError('no rows')\n",
        {},
    )
    workspace.create_endpoint(policy)
    name = policy.release.endpoint
    eventually(lambda: workspace.endpoint(name).state == "succeeded", project.patience, 0.2)
    workspace.create_deployment(policy, "g001", "1")
    eventually(
        lambda: workspace.endpoint(name).deployments["g001"].state == "succeeded", project.patience, 0.2
    )
    without = workspace.probe(policy, "g001", "2")
    assert (without.verdict, without.to_begin) == ("inconclusive", False)
    assert "no golden.json" in without.reason
    workspace.begin_trial(policy, "g001", "1", trial_name(policy.name, "g001", "1"))
    failed = eventually(
        lambda: (now := workspace.probe(policy, "g001", "1")).verdict != "inconclusive" and now,
        project.patience,
        0.2,
    )
    assert failed.verdict == "fail"
    assert "error_threshold" in failed.reason
    file = project.root / "pipelines/deployment.yml"
    file.write_text(file.read_text().replace("type: model", "type: pipeline"))
    with pytest.raises(Refused, match="holds no model version"):
        workspace.create_deployment(policy, "g002", "1")


def test_what_fails_says_why(project: Project, eventually: Callable[..., Any]) -> None:
    policy = replace(project.policy, name=f"{project.policy.name}-breaks")
    workspace = project.services.places[None].workspace
    register_assets(project.connections.ml, [project.root / "pipelines"])
    months = [batch(project, "2013-01")]
    run = training(policy, months)
    workspace.submit(policy, run, months)
    job = ended(project, run.job, eventually)
    assert job.status == "failed"
    assert "no rows to learn from" in job.reason or "http" in job.reason

    store = Datastores(project.connections)[DEFAULT]
    store.write(output(policy.name, run.job, "evaluation").path + "evaluation.json", b"half of")
    with pytest.raises(BadData, match="cannot be read"):
        workspace.evaluation(policy, run.job)

    store.write(output(policy.name, run.job, "model").path + "model.json", b"1")
    workspace.register(policy, "1", run.job, {})
    deployment = project.root / "pipelines/deployment.yml"
    deployment.write_text(deployment.read_text().replace("OMP_NUM_THREADS: '1'", "BREAK: '1'"))
    workspace.create_endpoint(policy)
    eventually(
        lambda: workspace.endpoint(policy.release.endpoint).state == "succeeded", project.patience, 0.2
    )
    workspace.create_deployment(policy, "g001", "1")
    found = eventually(
        lambda: (
            (one := workspace.endpoint(policy.release.endpoint).deployments["g001"]).state == "failed" and one
        ),
        project.patience,
        0.2,
    )
    assert "the model does not load" in found.reason


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda text: text.replace("  champion: {type: uri_folder}\n", ""), "has no input 'champion'"),
        (lambda text: text.replace("  evaluation: {type: uri_folder}\n", ""), "has no output 'evaluation'"),
        (
            lambda _text: "type: command\ncommand: ls\nenvironment: azureml:x:1\n",
            "it must be a pipeline",
        ),
        (lambda _text: "type: pipeline\njobs: 7\n", "pipelines/train.yml cannot be read as Azure ML"),
        (None, "which does not exist"),
    ],
)
def test_a_pipeline_that_breaks_the_contract_is_refused(project: Project, spoil: Any, message: str) -> None:
    file = project.root / "pipelines/train.yml"
    if spoil is None:
        file.unlink()
    else:
        file.write_text(spoil(file.read_text()))
    months = [batch(project, "2013-01")]
    with pytest.raises(Refused, match=message):
        project.services.places[None].workspace.submit(
            project.policy, training(project.policy, months), months
        )


def test_a_service_that_does_not_answer_is_unavailable(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZUREML_CURRENT_CLOUD", "AzureCloud")
    if not settings.is_local:
        pytest.skip("Azure cannot be switched off")
    with pytest.raises(Unavailable, match="reading job x"):
        build(settings).places[None].workspace.job("x")


def test_code_that_is_registered_anew_starts_one_retraining(project: Project) -> None:
    """A push only wakes; the digest of what a job would run decides, also when the hook came too early or twice."""
    folder, ml = project.root / "pipelines", project.connections.ml
    register_assets(ml, [folder])
    train = Retrain(job="pipelines/train.yml", data=TrainingData(train=1))
    policy = replace(project.policy, retrain_on=frozenset({"code_changed"}), retrain=train)
    services = replace(project.services, policies=OnePolicy(policy))
    wake = Message(kind="code_changed", source="git.push 1").to_json().encode()
    work.handle(wake, services)
    intent, etag = services.ledger.load(policy.name)
    services.ledger.commit(intent, etag, (), [batch(project, "2013-01")])
    first = services.places[None].workspace.code(policy)
    assert services.places[None].workspace.code(policy) == first, "the same code has the same digest"

    write(folder / "src/make.py", f"# trains longer\n{MAKE}", {})
    work.handle(wake, services)
    assert services.ledger.load(policy.name)[0].retraining.wanted == 0, "pushed, but not registered"

    register_assets(ml, [folder])
    for _ in range(2):
        work.handle(wake, services)
    notes = [entry for entry in services.ledger.audit(policy.name) if entry["kind"] != "event"]
    assert [entry["name"] for entry in notes] == ["code changed", "retrain", "SubmitJob", "job accepted"]
    assert notes[0]["detail"]["before"] == first
    current = services.ledger.load(policy.name)[0].retraining.current
    assert current is not None
    assert current.code == services.places[None].workspace.code(policy) != first
    assert services.places[None].workspace.job(current.job).status != "missing"

    body = (folder / "train.yml").read_text()
    (folder / "train.yml").write_text(f"# a comment is no code\n{body}")
    assert services.places[None].workspace.code(policy) == current.code
    (folder / "train.yml").write_text(body.replace("answer: 0.25", "answer: 0.5"))
    assert services.places[None].workspace.code(policy) != current.code
    (folder / "train.yml").write_text(body.replace("@latest", "-is-not-there@latest"))
    with pytest.raises(Refused, match="is-not-there"):
        services.places[None].workspace.code(policy)


def test_code_beside_the_pipeline_counts_without_being_registered(project: Project) -> None:
    folder = project.root / "pipelines"
    register_assets(project.connections.ml, [folder])
    body = (folder / "train.yml").read_text()
    name = project.policy.name
    (folder / "train.yml").write_text(body.replace(f"azureml:{name}@latest", "components/make.yml"))
    code = project.services.places[None].workspace.code
    first = code(project.policy)
    write(folder / "src/make.py", f"# trains longer\n{MAKE}", {})
    second = code(project.policy)
    assert second != first
    write(folder / "src/__pycache__/make.pyc", "no code", {})
    assert code(project.policy) == second
    component = folder / "components/make.yml"
    component.write_text(component.read_text().replace("../src", "../nowhere"))
    with pytest.raises(Refused, match="nowhere"):
        code(project.policy)
