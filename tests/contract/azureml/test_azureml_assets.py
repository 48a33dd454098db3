"""Workspace, datastores, compute and versioned assets through the unmodified MLClient."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest
from azure.ai.ml.entities import Data, Environment, Model
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azureml_cloud import until

if TYPE_CHECKING:
    from pathlib import Path

    from azure.ai.ml import MLClient
    from azureml_cloud import Cloud


def new_name(what: str) -> str:
    return f"{what}_{uuid.uuid4().hex[:8]}"


def test_workspace(client: MLClient) -> None:
    workspace = client.workspaces.get("local")
    assert workspace.name == "local"
    assert [w.name for w in client.workspaces.list()] == ["local"]
    with pytest.raises(ResourceNotFoundError, match=r"Here are: .*workspace local"):
        client.workspaces.get("another")


def test_datastores(cloud: Cloud, client: MLClient) -> None:
    assert {d.name for d in client.datastores.list()} >= {
        "landing",
        "workspaceblobstore",
        "modeldatacollector",
    }
    assert client.datastores.get_default().name == "workspaceblobstore"
    landing = client.datastores.get("landing", include_secrets=True)
    assert (landing.container_name, landing.account_name) == ("landing", cloud.account.name)
    assert landing.credentials.account_key == cloud.account.key
    assert client.datastores.get("landing").credentials.account_key is None
    with pytest.raises(ResourceNotFoundError):
        client.datastores.get("nowhere")


def test_compute(client: MLClient) -> None:
    assert [c.name for c in client.compute.list()] == ["cpu-cluster"]
    assert client.compute.get("cpu-cluster").type == "amlcompute"
    with pytest.raises(ResourceNotFoundError):
        client.compute.get("gpu-cluster")


def test_data(client: MLClient) -> None:
    name = new_name("d")

    def put(version: str, path: str, **more: Any) -> Data:
        return client.data.create_or_update(
            Data(name=name, version=version, path=path, type="uri_folder", **more)
        )

    with pytest.raises(ResourceNotFoundError):
        client.data.get(name, version="1")
    put("1", "azureml://datastores/landing/paths/a/")
    put("abc", "azureml://datastores/landing/paths/b/", tags={"x": "y"})
    assert client.data.get(name, version="1").path.endswith("datastores/landing/paths/a/")
    assert client.data.get(name, label="latest").version == "abc"
    assert [d.version for d in client.data.list(name)] == ["abc", "1"]
    assert name in {d.name for d in client.data.list()}

    assert put("1", "azureml://datastores/landing/paths/a/", tags={"t": "1"}).tags == {"t": "1"}
    with pytest.raises(HttpResponseError, match="dataUri cannot be updated"):
        put("1", "azureml://datastores/landing/paths/other/")

    client.data.archive(name, version="1")
    assert [d.version for d in client.data.list(name)] == ["abc"]
    client.data.restore(name, version="1")
    assert [d.version for d in client.data.list(name)] == ["abc", "1"]


def test_environment(client: MLClient) -> None:
    name = new_name("e")
    for version in ("1", "2"):
        client.environments.create_or_update(
            Environment(
                name=name,
                version=version,
                image="any",
                conda_file={"dependencies": ["python", {"pip": ["x"]}]},
            )
        )
    found = client.environments.get(name, label="latest")
    assert found.version == "2"
    assert found.conda_file == {"dependencies": ["python", {"pip": ["x"]}]}
    assert [e.version for e in client.environments.list(name)] == ["2", "1"]


def test_component_code_goes_up_once(
    cloud: Cloud, client: MLClient, environment: str, tmp_path: Path
) -> None:
    """The SDK itself uploads a component's code over http; the same code under another name is found by its hash."""
    from azure.ai.ml import load_component

    name = new_name("c")
    (tmp_path / "src" / "deep").mkdir(parents=True)
    (tmp_path / "src" / "deep" / "a.py").write_text(f"# {name}")
    file = tmp_path / "component.yml"
    codes = []
    for version in ("1", "2"):
        file.write_text(
            f"name: {name}\nversion: {version}\ntype: command\ncode: src\nenvironment: {environment}\ncommand: echo {version}\n"
        )
        client.components.create_or_update(load_component(file))
        codes.append(client.components.get(name, version).code)
    assert codes[0] == codes[1]
    _, _, _, code, _, version = codes[0].rsplit("/", 5)
    uri = client._code.get(code, version).path
    container, folder = uri.rsplit("/", 2)[1:]
    assert cloud.download(container, f"{folder}/deep/a.py").decode() == f"# {name}"
    assert client.components.get(name).version == "2"
    assert [c.version for c in client.components.list(name)] == ["2", "1"]


def test_model(cloud: Cloud, client: MLClient) -> None:
    name = new_name("m")

    def put(version: str, path: str, **more: Any) -> Model:
        return client.models.create_or_update(
            Model(name=name, version=version, path=path, type="custom_model", **more)
        )

    with pytest.raises(ResourceNotFoundError, match="Model container with name"):
        client.models.get(name, label="latest")
    made = put(
        "1", "azureml://datastores/workspaceblobstore/paths/m/1/", tags={"by": "me"}, properties={"p": "q"}
    )
    assert made.path.startswith("azureml://subscriptions/")
    put("2", "azureml://datastores/workspaceblobstore/paths/m/2/")
    assert client.models.get(name, label="latest").version == "2"
    [event] = cloud.events_of("ModelRegistered", modelName=name, modelVersion="1")
    assert (event["data"]["modelTags"], event["data"]["modelProperties"]) == ({"by": "me"}, {"p": "q"})
    assert event["subject"] == f"models/{name}:1"

    model = client.models.get(name, version="1")
    model.tags["stage"] = "champion"
    client.models.create_or_update(model)
    assert client.models.get(name, version="1").tags == {"by": "me", "stage": "champion"}
    assert len(cloud.events_of("ModelRegistered", modelName=name)) == 2
    with pytest.raises(HttpResponseError, match="modelUri cannot be updated"):
        put("1", "azureml://datastores/workspaceblobstore/paths/other/")


def test_model_from_a_job(client: MLClient, environment: str) -> None:
    """A model's path may be a job's output: it becomes the place where that output lies."""
    from azure.ai.ml import Output, command
    from azureml_cloud import wait_for

    name = new_name("j")
    client.jobs.create_or_update(
        command(
            name=name,
            environment=environment,
            command="echo 1 > ${{outputs.model}}/x",
            outputs={"model": Output(type="uri_folder")},
        )
    )
    wait_for(name, client)
    path = f"azureml://jobs/{name}/outputs/model/paths/x"
    made = client.models.create_or_update(Model(name=name, version="1", path=path, type="custom_model"))
    assert made.path.endswith(f"/datastores/workspaceblobstore/paths/azureml/{name}/model/x")
    with pytest.raises(HttpResponseError, match="there is no job missing"):
        client.models.create_or_update(
            Model(name=name, version="2", path="azureml://jobs/missing/outputs/model", type="custom_model")
        )


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "says"),
    [
        ("PUT", "data/x/versions/1", b"{not json", 400, "not JSON"),
        ("PUT", "data/x/versions/1", b"[]", 400, "not a JSON object"),
        ("PUT", "data/x/versions/1", b"{}", 400, "has no properties"),
        (
            "PUT",
            "data/x/versions/1",
            b'{"properties": {"dataType": "uri_file"}}',
            400,
            "dataUri must be given",
        ),
        ("PUT", "jobs/x", b'{"properties": {"jobType": "Sweep"}}', 400, "Sweep do not run here"),
        ("PUT", "jobs/x", b'{"properties": {"jobType": "Pipeline", "jobs": {}}}', 400, "has no jobs"),
        (
            "PUT",
            "jobs/x",
            b'{"properties": {"jobType": "Pipeline", "jobs": {"a": {"type": "sweep"}}}}',
            400,
            "not sweep",
        ),
        ("GET", "sparks/x", b"", 404, "Nothing is served"),
        ("GET", "jobs/never", b"", 404, "Job never not found"),
    ],
)
def test_refusals_look_like_arm(
    cloud: Cloud, method: str, path: str, body: bytes, status: int, says: str
) -> None:
    import azureml_openapi as openapi
    import requests

    from local.azureml import WORKSPACE_ID

    answer = requests.request(
        method, f"{cloud.url}{WORKSPACE_ID}/{path}?api-version=2024-04-01", data=body, timeout=10
    )
    assert answer.status_code == status
    assert says in answer.json()["error"]["message"]
    assert answer.headers["x-ms-response-type"] == "error"
    if openapi.SPECS.is_dir():
        assert not openapi.check(method, f"{WORKSPACE_ID}/{path}", "2024-04-01", status, answer.json())


def test_discovery_is_served(cloud: Cloud) -> None:
    import requests

    assert until(lambda: requests.get(f"{cloud.url}/discovery", timeout=10).json())["history"] == cloud.url
