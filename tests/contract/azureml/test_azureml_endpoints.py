"""Online endpoints and deployments through the unmodified MLClient: long operations, traffic, failures, restarts."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest
import requests
from azure.ai.ml.entities import (
    CodeConfiguration,
    DataCollector,
    DefaultScaleSettings,
    DeploymentCollection,
    KubernetesOnlineDeployment,
    KubernetesOnlineEndpoint,
    ManagedOnlineDeployment,
    ManagedOnlineEndpoint,
    Model,
    OnlineRequestSettings,
)
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azureml_cloud import client_of, until

from local.azureml import WORKSPACE_ID

if TYPE_CHECKING:
    from pathlib import Path

    from azure.ai.ml import MLClient
    from azure.core.pipeline.transport import RequestsTransport
    from azureml_cloud import Cloud, LoopbackHttp


@pytest.fixture
def endpoint(client: MLClient) -> str:
    name = f"ep-{uuid.uuid4().hex[:8]}"
    client.online_endpoints.begin_create_or_update(
        ManagedOnlineEndpoint(name=name, auth_mode="key", tags={"a": "b"})
    ).result()
    return name


class Maker:
    """Makes deployments of one model, whose code is that text."""

    def __init__(self, cloud: Cloud, client: MLClient, environment: str, folder: Path) -> None:
        self.client = client
        self.environment = environment
        self.folder = folder
        self.model = f"model_{uuid.uuid4().hex[:8]}"
        cloud.upload("azureml", f"{self.model}/model/weights.txt", b"42")
        client.models.create_or_update(
            Model(
                name=self.model,
                version="7",
                path=f"azureml://datastores/workspaceblobstore/paths/{self.model}/model/",
            )
        )

    def __call__(
        self, endpoint: str, name: str, script: str = "def run(data): ...", **more: Any
    ) -> ManagedOnlineDeployment:
        code = self.folder / uuid.uuid4().hex
        code.mkdir()
        (code / "score.py").write_text(script)
        return ManagedOnlineDeployment(
            name=name, endpoint_name=endpoint, model=f"azureml:{self.model}:7", environment=self.environment,
            code_configuration=CodeConfiguration(code=str(code), scoring_script="score.py"),
            instance_type="Standard_DS2_v2", instance_count=1, **more,
        )  # fmt: skip


@pytest.fixture
def deployment_of(cloud: Cloud, client: MLClient, environment: str, tmp_path: Path) -> Maker:
    return Maker(cloud, client, environment, tmp_path)


def test_endpoint(cloud: Cloud, client: MLClient, endpoint: str) -> None:
    found = client.online_endpoints.get(endpoint)
    assert found.provisioning_state == "Succeeded"
    assert found.scoring_uri == f"http://127.0.0.1:1/endpoints/{endpoint}/score"
    assert (found.tags, found.traffic) == ({"a": "b"}, {})
    keys = client.online_endpoints.get_keys(endpoint)
    assert keys.primary_key != keys.secondary_key
    client.online_endpoints.begin_regenerate_keys(endpoint, key_type="primary").result()
    renewed = client.online_endpoints.get_keys(endpoint)
    assert (renewed.primary_key != keys.primary_key, renewed.secondary_key) == (True, keys.secondary_key)
    assert endpoint in {e.name for e in client.online_endpoints.list()}

    client.online_endpoints.begin_delete(endpoint).result()
    assert endpoint not in cloud.serving.splits
    with pytest.raises(ResourceNotFoundError):
        client.online_endpoints.get(endpoint)


def test_creation_takes_time(cloud: Cloud) -> None:
    """201 with the addresses to poll; Creating, then Succeeded; as Azure answers."""
    name = f"ep-{uuid.uuid4().hex[:8]}"
    url, query = f"{cloud.url}{WORKSPACE_ID}/onlineEndpoints/{name}", "?api-version=2022-02-01-preview"
    body: dict[str, Any] = {
        "location": "local",
        "properties": {"authMode": "Key", "traffic": {}, "mirrorTraffic": {}},
    }
    put = requests.put(url + query, json=body, timeout=10)
    assert (put.status_code, put.json()["properties"]["provisioningState"]) == (201, "Creating")
    assert put.headers["Location"] == url + query
    polled = requests.get(put.headers["Azure-AsyncOperation"], timeout=10).json()
    assert polled["status"] in {"Creating", "Succeeded"}
    again = requests.put(url + query, json=body, timeout=10)
    assert again.status_code == 200
    until(
        lambda: requests.get(put.headers["Azure-AsyncOperation"], timeout=10).json()["status"] == "Succeeded"
    )
    assert requests.get(url + query, timeout=10).json()["properties"]["provisioningState"] == "Succeeded"

    delete = requests.delete(url + query, timeout=10)
    assert delete.status_code == 202
    until(lambda: requests.get(delete.headers["Location"], timeout=10).status_code == 200)
    assert requests.get(url + query, timeout=10).status_code == 404
    assert requests.delete(url + query, timeout=10).status_code == 204


def test_deployment(cloud: Cloud, client: MLClient, endpoint: str, deployment_of: Maker) -> None:
    """Everything that the servers need arrives where they are started; Azure's event tells of it."""
    collector = DataCollector(
        collections={
            "model_inputs": DeploymentCollection(enabled="true"),
            "model_outputs": DeploymentCollection(enabled="false"),
        }
    )
    client.online_deployments.begin_create_or_update(
        deployment_of(
            endpoint, "blue", environment_variables={"A": "1"}, data_collector=collector,
            request_settings=OnlineRequestSettings(request_timeout_ms=1500),
        )
    ).result()  # fmt: skip
    spec = cloud.serving.specs[endpoint, "blue"]
    assert (spec.model_name, spec.model_version, spec.scoring_script) == (
        deployment_of.model,
        "7",
        "score.py",
    )
    assert (spec.model_dir.name, (spec.model_dir / "weights.txt").read_text()) == ("model", "42")
    assert (spec.code_dir / "score.py").read_text() == "def run(data): ..."
    assert spec.python.is_file()
    assert spec.environment_variables == {"A": "1"}
    assert spec.collections == ("model_inputs",)
    assert (spec.instance_count, spec.request_timeout_ms) == (1, 1500)

    found = client.online_deployments.get("blue", endpoint)
    assert found.provisioning_state == "Succeeded"
    assert [d.name for d in client.online_deployments.list(endpoint)] == ["blue"]
    assert f"log of {endpoint}/blue" in client.online_deployments.get_logs("blue", endpoint, lines=10)
    [event] = cloud.events_of("ModelDeployed", serviceName=endpoint)
    assert event["data"]["modelIds"] == f"{deployment_of.model}:7"


def test_traffic(cloud: Cloud, client: MLClient, endpoint: str, deployment_of: Maker) -> None:
    for name in ("blue", "green"):
        client.online_deployments.begin_create_or_update(deployment_of(endpoint, name)).result()

    def split(traffic: dict[str, int], mirror: dict[str, int]) -> None:
        found = client.online_endpoints.get(endpoint)
        found.traffic, found.mirror_traffic = traffic, mirror
        client.online_endpoints.begin_create_or_update(found).result()

    split({"blue": 100}, {"green": 20})
    assert cloud.serving.splits[endpoint] == ({"blue": 100}, {"green": 20})
    split({"blue": 75, "green": 25}, {})
    found = client.online_endpoints.get(endpoint)
    assert (found.traffic, found.mirror_traffic) == ({"blue": 75, "green": 25}, {})

    with pytest.raises(HttpResponseError, match="there is no deployment red"):
        split({"red": 10}, {})
    with pytest.raises(HttpResponseError, match="over 100 %"):
        split({"blue": 90, "green": 20}, {})
    with pytest.raises(HttpResponseError, match="has 25 % of the endpoint's traffic"):
        client.online_deployments.begin_delete("green", endpoint).result()
    assert client.online_endpoints.get(endpoint).traffic == {"blue": 75, "green": 25}

    split({"blue": 100, "green": 0}, {})
    client.online_deployments.begin_delete("green", endpoint).result()
    assert (endpoint, "green") not in cloud.serving.specs
    assert client.online_endpoints.get(endpoint).traffic == {"blue": 100}
    with pytest.raises(ResourceNotFoundError):
        client.online_deployments.get("green", endpoint)


def test_scaling_makes_no_new_servers(
    cloud: Cloud, client: MLClient, endpoint: str, deployment_of: Maker
) -> None:
    collector = DataCollector(collections={"model_inputs": DeploymentCollection(enabled="true")})
    client.online_deployments.begin_create_or_update(
        deployment_of(
            endpoint,
            "blue",
            data_collector=collector,
            request_settings=OnlineRequestSettings(request_timeout_ms=1500),
        )
    ).result()
    url = f"{cloud.url}{WORKSPACE_ID}/onlineEndpoints/{endpoint}/deployments/blue?api-version=2024-04-01"
    for count in (3, 1):
        answer = requests.patch(url, json={"sku": {"name": "Default", "capacity": count}}, timeout=10)
        assert (answer.status_code, answer.json()["properties"]["provisioningState"]) == (202, "Updating")
        until(lambda: client.online_deployments.get("blue", endpoint).provisioning_state == "Succeeded")
        assert client.online_deployments.get("blue", endpoint).instance_count == count
        assert cloud.serving.counts[endpoint, "blue"] == count
    assert requests.patch(url, json={"sku": {"capacity": 0}}, timeout=10).status_code == 400
    assert requests.patch(url.replace("blue", "red"), json={}, timeout=10).status_code == 404
    assert cloud.serving.created.count((endpoint, "blue")) == 1


def test_kubernetes(cloud: Cloud, client: MLClient, deployment_of: Maker) -> None:
    """The same YAML on a cluster: azure-ai-ml's own entities, and no mirror."""
    name = f"k-{uuid.uuid4().hex[:8]}"
    made = KubernetesOnlineEndpoint(name=name, compute="aks", auth_mode="key")
    client.online_endpoints.begin_create_or_update(made).result()
    found = client.online_endpoints.get(name)
    assert isinstance(found, KubernetesOnlineEndpoint)
    assert found.kind == "K8S"
    assert str(found.compute).endswith("/computes/aks")
    managed = deployment_of(name, "blue")
    for one in ("blue", "green"):
        client.online_deployments.begin_create_or_update(
            KubernetesOnlineDeployment(
                name=one, endpoint_name=name, model=managed.model, environment=managed.environment,
                code_configuration=managed.code_configuration, instance_count=2,
                scale_settings=DefaultScaleSettings(),
            )
        ).result()  # fmt: skip
    deployed = client.online_deployments.get("blue", name)
    assert isinstance(deployed, KubernetesOnlineDeployment)
    assert (deployed.instance_count, cloud.serving.specs[name, "blue"].instance_count) == (2, 2)
    found.traffic = {"blue": 90, "green": 10}
    client.online_endpoints.begin_create_or_update(found).result()
    assert cloud.serving.splits[name] == ({"blue": 90, "green": 10}, {})
    found.traffic, found.mirror_traffic = {"blue": 100}, {"green": 10}
    with pytest.raises(HttpResponseError, match="Kubernetes"):
        client.online_endpoints.begin_create_or_update(found).result()
    client.online_endpoints.begin_delete(name).result()


def test_deployment_that_never_becomes_ready(
    cloud: Cloud, client: MLClient, endpoint: str, deployment_of: Maker
) -> None:
    poller = client.online_deployments.begin_create_or_update(
        deployment_of(endpoint, "bad", script="raise ValueError")
    )
    with pytest.raises(HttpResponseError, match="The server of bad ended"):
        poller.result()
    assert client.online_deployments.get("bad", endpoint).provisioning_state == "Failed"
    assert not cloud.events_of("ModelDeployed", serviceName=endpoint)

    client.online_deployments.begin_create_or_update(deployment_of(endpoint, "bad")).result()
    assert client.online_deployments.get("bad", endpoint).provisioning_state == "Succeeded"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"model": "azureml:missing:1"}, "no models are registered as missing:1"),
        ({"environmentId": "azureml:missing:1"}, "no environments are registered as missing:1"),
        ({"codeConfiguration": None}, "codeConfiguration"),
        ({"endpointComputeType": "AzureMLCompute"}, "Kubernetes and Managed run here"),
    ],
)
def test_refused_deployment(
    cloud: Cloud, client: MLClient, endpoint: str, deployment_of: Maker, change: dict[str, Any], says: str
) -> None:
    client.online_deployments.begin_create_or_update(deployment_of(endpoint, "blue")).result()
    url, query = (
        f"{cloud.url}{WORKSPACE_ID}/onlineEndpoints/{endpoint}/deployments",
        "?api-version=2024-04-01",
    )
    body = requests.get(f"{url}/blue{query}", timeout=10).json()
    body["properties"] |= change
    answer = requests.put(f"{url}/green{query}", json=body, timeout=10)
    assert answer.status_code == 400
    assert says in answer.json()["error"]["message"]
    assert requests.get(f"{url}/green{query}", timeout=10).status_code == 404


def test_deleting_what_is_being_made(
    cloud: Cloud, client: MLClient, endpoint: str, deployment_of: Maker
) -> None:
    """The deletion wins: a late creation does not come back."""
    cloud.serving.hold = 5
    try:
        client.online_deployments.begin_create_or_update(deployment_of(endpoint, "slow"))
        assert client.online_deployments.get("slow", endpoint).provisioning_state == "Creating"
        client.online_deployments.begin_delete("slow", endpoint).result()
    finally:
        cloud.serving.hold = 0
    with pytest.raises(ResourceNotFoundError):
        client.online_deployments.get("slow", endpoint)
    assert (endpoint, "slow") not in cloud.serving.created


def test_restart(
    own_cloud: Cloud,
    policy: LoopbackHttp,
    transport: RequestsTransport,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Everything is there again, deployments are started again, and a job that ran has failed, with the reason."""
    from azure.ai.ml import command
    from azure.ai.ml.entities import Environment
    from azureml_cloud import wait_for

    monkeypatch.setenv("AZUREML_CURRENT_CLOUD", "")
    client = client_of(own_cloud.start(), policy, transport)
    client.environments.create_or_update(
        Environment(name="e", version="1", image="x", conda_file={"dependencies": ["python"]})
    )
    client.online_endpoints.begin_create_or_update(
        ManagedOnlineEndpoint(name="home", auth_mode="key")
    ).result()
    deploy = Maker(own_cloud, client, "azureml:e:1", tmp_path)
    client.online_deployments.begin_create_or_update(deploy("home", "blue")).result()
    endpoint = client.online_endpoints.get("home")
    endpoint.traffic = {"blue": 100}
    client.online_endpoints.begin_create_or_update(endpoint).result()
    keys = client.online_endpoints.get_keys("home").primary_key
    client.jobs.create_or_update(command(name="long", environment="azureml:e:1", command="sleep 60"))
    wait_for("long", client, "Running")
    own_cloud.stop()

    own_cloud.serving.specs.clear()
    own_cloud.serving.splits.clear()
    client = client_of(own_cloud.start(), policy, transport)
    until(lambda: ("home", "blue") in own_cloud.serving.specs)
    until(lambda: client.online_deployments.get("blue", "home").provisioning_state == "Succeeded")
    assert own_cloud.serving.splits["home"] == ({"blue": 100}, {})
    assert client.online_endpoints.get_keys("home").primary_key == keys
    assert len(own_cloud.events_of("ModelDeployed")) == 1
    job = client.jobs.get("long")
    assert job.status == "Failed"
    assert "stopped while the job ran" in job.properties["azureml.error.message"]
    assert own_cloud.events_of("RunStatusChanged", runId="long", runStatus="failed")
