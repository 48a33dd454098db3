"""The check against the specification can fail, and it sees what the clients send."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import azureml_openapi as openapi
import pytest

from local.azureml import WORKSPACE_ID

if TYPE_CHECKING:
    from azure.ai.ml import MLClient
    from azureml_cloud import LoopbackHttp

pytestmark = pytest.mark.skipif(
    not openapi.SPECS.is_dir(), reason="the OpenAPI documents of Azure are not beside this repository"
)

MODEL = f"{WORKSPACE_ID}/models/m/versions/1"


def model() -> dict[str, Any]:
    return {
        "id": MODEL, "name": "1", "type": "Microsoft.MachineLearningServices/workspaces/models/versions",
        "properties": {"modelUri": "azureml://x", "tags": {}, "description": None, "isArchived": False},
    }  # fmt: skip


def check(body: Any, status: int = 200) -> list[str] | None:
    return openapi.check("GET", MODEL, "2023-08-01-preview", status, body)


def test_a_right_answer_passes() -> None:
    assert check(model()) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("properties", "modelUri"), 5),
        (("properties", "isArchived"), "no"),
        (("properties", "isArchived"), None),
        (("properties", "tags"), {"a": 1}),
        (("properties", "provisioningState"), "Done"),
        (("systemData",), {"createdByType": "Robot"}),
        (("id",), None),
    ],
)
def test_a_wrong_value_is_found(path: tuple[str, ...], value: Any) -> None:
    body = copy.deepcopy(model())
    inner = body
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    assert check(body)


def test_a_missing_property_is_found() -> None:
    body = model()
    del body["properties"]
    assert check(body)


def test_what_a_discriminator_chooses_is_checked() -> None:
    job: dict[str, Any] = {
        "id": "x",
        "name": "x",
        "type": "x",
        "properties": {"jobType": "Command", "command": "ls", "environmentId": "e"},
    }
    path = f"{WORKSPACE_ID}/jobs/x"
    assert openapi.check("GET", path, "2024-04-01", 200, job) == []
    del job["properties"]["command"]
    assert openapi.check("GET", path, "2024-04-01", 200, job)
    job["properties"]["jobType"] = "Pipeline"
    assert openapi.check("GET", path, "2024-04-01", 200, job) == []


def test_errors_and_unknown_statuses() -> None:
    assert check({"error": {"code": "UserError", "message": "no"}}, 404) == []
    assert check({"message": "no"}, 404)
    assert check(model(), 202)
    assert openapi.check("GET", f"{WORKSPACE_ID}/nothing/x", "2023-08-01-preview", 200, {}) is None
    assert openapi.check("GET", MODEL, "1999-01-01", 200, {}) is None


def test_the_clients_requests_are_known_to_the_specification(
    client: MLClient, environment: str, policy: LoopbackHttp
) -> None:
    """That is, the check after each test is not idle."""
    name, version = environment.split(":")[1:]
    client.environments.get(name, version)
    list(client.jobs.list())
    checked = [
        openapi.check(
            method, urlsplit(url).path, parse_qs(urlsplit(url).query)["api-version"][0], status, body
        )
        for method, url, status, body in policy.answers
    ]
    assert len(checked) == 3
    assert all(errors == [] for errors in checked)
