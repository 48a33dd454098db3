"""Batch endpoints through the unmodified MLClient: the default deployment, invoked jobs, and what they write."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest
import requests
from azure.ai.ml import Input, Output
from azure.ai.ml.entities import (
    BatchEndpoint,
    BatchRetrySettings,
    CodeConfiguration,
    Model,
    ModelBatchDeployment,
    ModelBatchDeploymentSettings,
)
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azureml_cloud import until, wait_for

from local.azureml import WORKSPACE_ID

if TYPE_CHECKING:
    from pathlib import Path

    from azure.ai.ml import MLClient
    from azureml_cloud import Cloud

SCRIPT = """
import os, pathlib
def init():
    global answer
    answer = next(pathlib.Path(os.environ["AZUREML_MODEL_DIR"]).rglob("weights.txt")).read_text()
def run(mini_batch):
    lines = []
    for file in mini_batch:
        if "bad" in file:
            raise ValueError("bad")
        lines += [f"{row},{answer}" for row in pathlib.Path(file).read_text().split()[1:]]
    return lines
"""
FRAME = """
class Frame:
    def to_csv(self, sep, header, index):
        assert (sep, header, index) == (" ", False, False)
        return "a 1\\nb 2\\n"
def run(mini_batch):
    return Frame()
"""


class Batch:
    """One endpoint, and deployments of one model."""

    def __init__(self, cloud: Cloud, client: MLClient, environment: str, folder: Path) -> None:
        self.cloud, self.client, self.environment, self.folder = cloud, client, environment, folder
        self.name = f"be-{uuid.uuid4().hex[:8]}"
        cloud.upload("azureml", f"{self.name}/model/weights.txt", b"42")
        cloud.upload("azureml", f"{self.name}/in/rows.csv", b"n\nx\ny\n")
        self.at = f"azureml://datastores/workspaceblobstore/paths/{self.name}"
        client.models.create_or_update(Model(name=self.name, version="7", path=f"{self.at}/model/"))
        client.batch_endpoints.begin_create_or_update(BatchEndpoint(name=self.name)).result()

    def deploy(self, name: str, script: str = SCRIPT, **settings: Any) -> None:
        code = self.folder / uuid.uuid4().hex
        code.mkdir()
        (code / "score.py").write_text(script)
        self.client.batch_deployments.begin_create_or_update(
            ModelBatchDeployment(
                name=name, endpoint_name=self.name, model=f"azureml:{self.name}:7", compute="cpu-cluster",
                environment=self.environment,
                code_configuration=CodeConfiguration(code=str(code), scoring_script="score.py"),
                settings=ModelBatchDeploymentSettings(
                    retry_settings=BatchRetrySettings(max_retries=0, timeout=30),
                    **{"mini_batch_size": 10} | settings,
                ),
            )
        ).result()  # fmt: skip

    def default(self) -> str | None:
        found: str | None = self.client.batch_endpoints.get(self.name).defaults.deployment_name
        return found

    def make_default(self, name: str | None) -> None:
        endpoint = self.client.batch_endpoints.get(self.name)
        endpoint.defaults = {"deployment_name": name}
        self.client.batch_endpoints.begin_create_or_update(endpoint).result()

    def invoke(self, deployment: str | None = None, **more: Any) -> Any:
        return self.client.batch_endpoints.invoke(
            self.name,
            deployment_name=deployment,
            inputs={"rows": Input(type="uri_file", path=f"{self.at}/in/rows.csv")},
            **more,
        )

    def invoke_default(self) -> requests.Response:
        """Without the SDK: once it has named a deployment, it names that in every later request of the process."""
        uri = str(self.client.batch_endpoints.get(self.name).scoring_uri)
        data = {"rows": {"jobInputType": "UriFile", "uri": f"{self.at}/in/rows.csv"}}
        return requests.post(
            uri,
            json={"properties": {"inputData": data}},
            headers={"Authorization": "Bearer t"},
            timeout=10,
        )

    def job(self, word: str) -> str:
        return f"tr-{self.name}-{word}"

    def output(self, path: str) -> str:
        return self.cloud.download("azureml", path).decode()


@pytest.fixture
def batch(cloud: Cloud, client: MLClient, environment: str, tmp_path: Path) -> Batch:
    return Batch(cloud, client, environment, tmp_path)


def test_the_default_deployment_is_switched_and_read_back(batch: Batch, client: MLClient) -> None:
    assert client.batch_endpoints.get(batch.name).provisioning_state == "Succeeded"
    assert batch.default() is None
    for name in ("g001", "g002"):
        batch.deploy(name)
        found = client.batch_deployments.get(name, batch.name)
        assert found.provisioning_state == "Succeeded"
        assert str(found.model).endswith(f"/models/{batch.name}/versions/7")
    assert batch.default() is None, "a new deployment is not the default"
    batch.make_default("g001")
    assert batch.default() == "g001"
    with pytest.raises(HttpResponseError, match="default"):
        client.batch_deployments.begin_delete("g001", batch.name)
    with pytest.raises(HttpResponseError, match="no deployment g003"):
        batch.make_default("g003")
    batch.make_default("g002")
    client.batch_deployments.begin_delete("g001", batch.name).result()
    until(lambda: [one.name for one in client.batch_deployments.list(batch.name)] == ["g002"])
    batch.make_default(None)
    assert batch.default() is None
    client.batch_endpoints.begin_delete(batch.name).result()
    with pytest.raises(ResourceNotFoundError):
        client.batch_endpoints.get(batch.name)


def test_a_job_runs_the_script_of_exactly_that_deployment_under_its_name(
    batch: Batch, client: MLClient
) -> None:
    batch.deploy("g001", SCRIPT.replace("{answer}", "old"))
    batch.deploy("g002")
    batch.make_default("g001")
    target = Output(type="uri_file", path=f"{batch.at}/out/predictions.csv")
    begun = batch.invoke("g002", job_name=batch.job("a"), outputs={"score": target})
    assert begun.name == batch.job("a")
    assert wait_for(begun.name, client) == "Completed"
    assert batch.output(f"{batch.name}/out/predictions.csv") == "x,42\ny,42\n"
    with pytest.raises(HttpResponseError, match="already exists"):
        batch.invoke("g002", job_name=batch.job("a"), outputs={"score": target})
    answer = batch.invoke_default()
    assert answer.status_code == 201
    other = answer.json()["name"]
    assert wait_for(other, client) == "Completed"
    assert batch.output(f"azureml/{other}/score/predictions.csv") == "x,old\ny,old\n"
    of = {name: [job.name for job in client.batch_deployments.list_jobs(batch.name, name=name)]
          for name in ("g001", "g002")}  # fmt: skip
    assert of == {"g001": [other], "g002": [begun.name]}
    assert {job.status for job in client.batch_endpoints.list_jobs(batch.name)} == {"Completed"}


def test_without_a_default_a_request_must_name_a_deployment(batch: Batch) -> None:
    batch.deploy("g001")
    answer = batch.invoke_default()
    assert answer.status_code == 400
    assert "no default deployment" in answer.json()["error"]["message"]
    uri = str(batch.client.batch_endpoints.get(batch.name).scoring_uri)
    assert requests.post(uri, json={"properties": {}}, timeout=10).status_code == 401


def test_a_frames_rows_have_spaces_between(batch: Batch, client: MLClient) -> None:
    batch.deploy("g001", FRAME, output_file_name="mine.txt")
    job = batch.invoke("g001")
    assert wait_for(job.name, client) == "Completed"
    assert batch.output(f"azureml/{job.name}/score/mine.txt") == "a 1\nb 2\n"


@pytest.mark.parametrize(("threshold", "status"), [(-1, "Completed"), (1, "Completed"), (0, "Failed")])
def test_files_that_fail_are_left_out_or_fail_the_job(
    batch: Batch, client: MLClient, threshold: int, status: str
) -> None:
    batch.cloud.upload("azureml", f"{batch.name}/in/bad.csv", b"n\nz\n")
    batch.deploy("g001", error_threshold=threshold, mini_batch_size=1)
    job = client.batch_endpoints.invoke(
        batch.name, deployment_name="g001", inputs={"rows": Input(type="uri_folder", path=f"{batch.at}/in/")}
    )
    assert wait_for(job.name, client) == status
    if status == "Completed":
        assert batch.output(f"azureml/{job.name}/score/predictions.csv") == "x,42\ny,42\n"


def test_what_cannot_run_is_refused(batch: Batch, client: MLClient) -> None:
    batch.deploy("g001")
    wrong = Output(type="uri_file", path="azureml://datastores/nowhere/paths/x.csv")
    with pytest.raises(HttpResponseError, match="no datastore is named nowhere"):
        batch.invoke("g001", outputs={"score": wrong})
    found = client.batch_deployments.get("g001", batch.name)
    found.compute = "other"
    with pytest.raises(HttpResponseError, match="Compute other not found"):
        client.batch_deployments.begin_create_or_update(found, skip_script_validation=True)


def test_what_was_under_way_ends_after_a_restart(own_cloud: Cloud) -> None:
    """Also the address that jobs are asked of is the new one."""
    path = f"{WORKSPACE_ID}/batchEndpoints/be-{uuid.uuid4().hex[:8]}?api-version=2023-10-01"
    before = own_cloud.start(seconds=60)
    body = {"location": "local", "properties": {"authMode": "AADToken"}}
    put = requests.put(before + path, json=body, timeout=10)
    assert (put.status_code, put.json()["properties"]["provisioningState"]) == (201, "Creating")
    own_cloud.stop()
    after = own_cloud.start()

    def now() -> dict[str, Any]:
        found: dict[str, Any] = requests.get(after + path, timeout=10).json()["properties"]
        return found

    until(lambda: now()["provisioningState"] == "Succeeded")
    assert now()["scoringUri"].startswith(after)
