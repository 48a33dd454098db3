"""Command and pipeline jobs, submitted by the unmodified MLClient, run for real."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from azure.ai.ml import Input, Output, command, load_component, load_job
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azureml_cloud import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from azure.ai.ml import MLClient
    from azureml_cloud import Cloud


def new_name(what: str) -> str:
    return f"{what}_{uuid.uuid4().hex[:8]}"


def log_of(cloud: Cloud, job: str) -> str:
    return cloud.download("azureml", f"ExperimentRun/dcid.{job}/user_logs/std_log.txt").decode()


def test_command_job(cloud: Cloud, client: MLClient, environment: str, tmp_path: Path) -> None:
    """Code goes up, inputs come, the command runs in its environment, outputs and log go to Blob."""
    name = new_name("c")
    cloud.upload("landing", f"{name}/a/b.txt", b"forty-two")
    source = tmp_path / "src"
    source.mkdir()
    (source / "main.py").write_text(
        "import os, pathlib, sys\n"
        "data, out, one, rate = sys.argv[1:]\n"
        "print('run', os.environ['AZUREML_RUN_ID'], os.environ['COLOUR'], rate, os.environ['MLFLOW_EXPERIMENT_NAME'])\n"
        "print(sys.prefix)\n"
        "text = pathlib.Path(data, 'a', 'b.txt').read_text()\n"
        "pathlib.Path(out, 'deep').mkdir()\n"
        "pathlib.Path(out, 'deep', 'x.txt').write_text(text.upper())\n"
        "pathlib.Path(one).write_text('a file')\n"
    )
    job = client.jobs.create_or_update(
        command(
            name=name, code=str(source), environment=environment, experiment_name="trials", compute="cpu-cluster",
            command="python main.py ${{inputs.data}} ${{outputs.out}} ${{outputs.one}} ${{inputs.rate}}",
            inputs={"data": Input(type="uri_folder", path=f"azureml://datastores/landing/paths/{name}/"), "rate": 0.5},
            outputs={
                "out": Output(type="uri_folder", path=f"azureml://datastores/workspaceblobstore/paths/made/{name}/"),
                "one": Output(type="uri_file"),
            },
            environment_variables={"COLOUR": "blue"},
        )
    )  # fmt: skip
    assert job.status == "Starting"
    assert wait_for(name, client) == "Completed", log_of(cloud, name)

    assert cloud.download("azureml", f"made/{name}/deep/x.txt") == b"FORTY-TWO"
    assert cloud.download("azureml", f"azureml/{name}/one") == b"a file"
    said = log_of(cloud, name).splitlines()
    assert said[0] == f"run {name} blue 0.5 trials"
    assert str(cloud.environments) in said[1]
    assert client.jobs.get(name).outputs["out"].path.endswith(f"/made/{name}/")

    changes = [e["data"]["runStatus"] for e in cloud.events_of("RunStatusChanged", runId=name)]
    assert changes == ["preparing", "running"]
    [completed] = cloud.events_of("RunCompleted", runId=name)
    assert completed["data"]["experimentName"] == "trials"
    assert completed["subject"] == f"experiments/{completed['data']['experimentId']}/runs/{name}"


def test_failing_command_job(cloud: Cloud, client: MLClient, environment: str) -> None:
    name = new_name("f")
    client.jobs.create_or_update(
        command(
            name=name, environment=environment, command="echo it is broken >&2; exit 3", tags={"why": "test"}
        )
    )
    assert wait_for(name, client) == "Failed"
    properties = client.jobs.get(name).properties
    assert "status code 3" in properties["azureml.error.message"]
    assert "it is broken" in properties["azureml.error.message"]
    [event] = cloud.events_of("RunStatusChanged", runId=name, runStatus="failed")
    assert event["data"]["runTags"] == {"why": "test"}
    assert not cloud.events_of("RunCompleted", runId=name)


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("azureml://datastores/landing/paths/nothing-here/", "no blobs below nothing-here/"),
        ("azureml://datastores/elsewhere/paths/x/", "no datastore is named elsewhere"),
    ],
)
def test_missing_input_fails_the_job(client: MLClient, environment: str, path: str, says: str) -> None:
    name = new_name("m")
    client.jobs.create_or_update(
        command(
            name=name,
            environment=environment,
            command="ls ${{inputs.x}}",
            inputs={"x": Input(type="uri_folder", path=path)},
        )
    )
    assert wait_for(name, client) == "Failed"
    assert says in client.jobs.get(name).properties["azureml.error.message"]


def test_cancel(cloud: Cloud, client: MLClient, environment: str, tmp_path: Path) -> None:
    """Cancelling ends the command and everything that it started."""
    name = new_name("x")
    mark = tmp_path / "alive"
    client.jobs.create_or_update(
        command(
            name=name,
            environment=environment,
            command=f"(while true; do date +%N > {mark}; sleep 0.05; done) & wait",
        )
    )
    wait_for(name, client, "Running")
    deadline = time.monotonic() + 10
    while not mark.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    client.jobs.begin_cancel(name).result()
    assert client.jobs.get(name).status == "Canceled"
    before = mark.read_text()
    time.sleep(0.3)
    assert mark.read_text() == before
    assert cloud.events_of("RunStatusChanged", runId=name, runStatus="canceled")


def test_limit(client: MLClient, environment: str) -> None:
    from azure.ai.ml.entities import CommandJobLimits

    name = new_name("l")
    job = command(name=name, environment=environment, command="sleep 60")
    job.limits = CommandJobLimits(timeout=1)
    client.jobs.create_or_update(job)
    assert wait_for(name, client) == "Failed"
    assert "longer than its limit of 1 s" in client.jobs.get(name).properties["azureml.error.message"]


def test_name_is_identity(client: MLClient, environment: str) -> None:
    """The same job again is the same job; another one under its name is refused."""
    name = new_name("i")

    def submit(text: str, **more: Any) -> Any:
        return client.jobs.create_or_update(command(name=name, environment=environment, command=text, **more))

    submit("echo 1")
    wait_for(name, client)
    again = submit("echo 1", tags={"new": "tag"})
    assert again.status == "Completed"
    assert again.tags == {"new": "tag"}
    with pytest.raises(HttpResponseError) as refused:
        submit("echo 2")
    assert refused.value.status_code == 400
    assert "Command cannot be changed" in str(refused.value)
    assert "JobPropertyImmutable" in refused.value.response.text()


def test_fetched_job_can_be_tagged(client: MLClient, environment: str) -> None:
    name = new_name("t")
    client.jobs.create_or_update(command(name=name, environment=environment, command="true", tags={"a": "1"}))
    wait_for(name, client)
    job = client.jobs.get(name)
    job.tags["b"] = "2"
    job.description = "told"
    client.jobs.create_or_update(job)
    found = client.jobs.get(name)
    assert (found.tags, found.description, found.status) == ({"a": "1", "b": "2"}, "told", "Completed")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"compute": "gpu-cluster"}, "Unknown compute target 'gpu-cluster'"),
        ({"environment": "azureml:nowhere:1"}, "no environments are registered as nowhere:1"),
    ],
)
def test_refused_job(client: MLClient, environment: str, change: dict[str, str], says: str) -> None:
    name = new_name("r")
    with pytest.raises(HttpResponseError, match=says):
        client.jobs.create_or_update(
            command(**({"name": name, "environment": environment, "command": "true"} | change))
        )
    with pytest.raises(ResourceNotFoundError):
        client.jobs.get(name)


COMPONENT = """
name: {name}
version: 1
type: command
inputs:
  data: {{type: uri_folder}}
  rate: {{type: number, default: 0.5}}
  word: {{type: string, optional: true}}
outputs:
  out: {{type: uri_folder}}
code: src
environment: {environment}
command: >-
  python step.py ${{{{inputs.data}}}} ${{{{outputs.out}}}} ${{{{inputs.rate}}}} $[[--word ${{{{inputs.word}}}}]]
"""

PIPELINE = """
$schema: https://azuremlschemas.azureedge.net/latest/pipelineJob.schema.json
type: pipeline
experiment_name: chains
settings: {{default_compute: azureml:cpu-cluster}}
inputs:
  data: {{type: uri_folder, path: "azureml://datastores/landing/paths/{name}/"}}
  rate: 0.25
outputs:
  model: {{type: uri_folder, path: "azureml://datastores/workspaceblobstore/paths/models/{name}/"}}
jobs:
  second:
    component: azureml:{name}:1
    inputs:
      data: ${{{{parent.jobs.first.outputs.out}}}}
      word: hello
    outputs: {{out: "${{{{parent.outputs.model}}}}"}}
  first:
    component: azureml:{name}:1
    inputs:
      data: ${{{{parent.inputs.data}}}}
      rate: ${{{{parent.inputs.rate}}}}
    outputs: {{out: {{type: uri_folder}}}}
"""


def pipeline(client: MLClient, environment: str, folder: Path, name: str, script: str) -> Any:
    (folder / "src").mkdir()
    (folder / "src" / "step.py").write_text(script)
    (folder / "component.yml").write_text(COMPONENT.format(name=name, environment=environment))
    (folder / "pipeline.yml").write_text(PIPELINE.format(name=name))
    client.components.create_or_update(load_component(folder / "component.yml"))
    job = load_job(folder / "pipeline.yml")
    job.name = name
    return job


def test_pipeline_job(cloud: Cloud, client: MLClient, environment: str, tmp_path: Path) -> None:
    """Two steps, written in the wrong order: the second reads what the first wrote."""
    name = new_name("p")
    cloud.upload("landing", f"{name}/in.txt", b"start")
    script = (
        "import pathlib, sys\n"
        "data, out, *rest = sys.argv[1:]\n"
        "text = ' '.join(p.read_text() for p in pathlib.Path(data).iterdir())\n"
        "pathlib.Path(out, 'out.txt').write_text(' '.join([text, *rest]))\n"
    )
    job = pipeline(client, environment, tmp_path, name, script)
    client.jobs.create_or_update(job)
    assert wait_for(name, client) == "Completed", client.jobs.get(name).properties
    assert cloud.download("azureml", f"models/{name}/out.txt") == b"start 0.25 0.5 --word hello"
    assert cloud.download("azureml", f"azureml/{name}_first/out/out.txt") == b"start 0.25"

    child = client.jobs.get(f"{name}_first")
    assert (child.status, child.properties["azureml.pipelinerunid"]) == ("Completed", name)
    assert name in {j.name for j in client.jobs.list()}
    assert child.name not in {j.name for j in client.jobs.list()}
    ended = [e["data"]["runId"] for e in cloud.events_of("RunCompleted") if name in e["data"]["runId"]]
    assert ended == [f"{name}_first", f"{name}_second", name]
    assert client.jobs.create_or_update(job).status == "Completed"

    steps = {j.name: str(j.status) for j in client.jobs.list(parent_job_name=name)}
    assert steps == {f"{name}_first": "Completed", f"{name}_second": "Completed"}

    other = load_job(tmp_path / "pipeline.yml", params_override=[{"name": name, "inputs.rate": 0.75}])
    with pytest.raises(HttpResponseError, match="Inputs cannot be changed"):
        client.jobs.create_or_update(other)


def test_failing_pipeline_job(cloud: Cloud, client: MLClient, environment: str, tmp_path: Path) -> None:
    """The pipeline says which step failed and why; what came after it never runs."""
    name = new_name("pf")
    cloud.upload("landing", f"{name}/in.txt", b"start")
    client.jobs.create_or_update(
        pipeline(client, environment, tmp_path, name, "raise SystemExit('no luck today')")
    )
    assert wait_for(name, client) == "Failed"
    reason = client.jobs.get(name).properties["azureml.error.message"]
    assert f"first ({name}_first)" in reason
    assert "no luck today" in reason
    assert client.jobs.get(f"{name}_second").status == "Canceled"


def test_cancelled_pipeline_job(cloud: Cloud, client: MLClient, environment: str, tmp_path: Path) -> None:
    name = new_name("pc")
    cloud.upload("landing", f"{name}/in.txt", b"start")
    client.jobs.create_or_update(pipeline(client, environment, tmp_path, name, "import time; time.sleep(60)"))
    wait_for(name, client, "Running")
    wait_for(f"{name}_first", client, "Running")
    client.jobs.begin_cancel(name).result()
    assert {client.jobs.get(j).status for j in (name, f"{name}_first", f"{name}_second")} == {"Canceled"}
