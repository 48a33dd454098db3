"""`homeostat doctor --azure`, with Azure Resource Manager's answers from a server on loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import pytest
from typer.testing import CliRunner

from cli import doctor_azure
from cli.doctor_azure import Sight, kind_of, look
from cli.main import app
from cloud.credentials import LocalToken

SUB = "11111111-1111-1111-1111-111111111111"
GROUP = f"/subscriptions/{SUB}/resourceGroups/rg"
BLOB_DATA, SCIENTIST = "ba92f5b4-2d11-453d-a403-e96b0029c9fe", "f6c7c914-8db3-469d-8ca1-694a8f32e121"
OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"


class Arm:
    """The role assignments of Azure Resource Manager, as its API of 2022-04-01 lists them."""

    def __init__(self) -> None:
        self.grants: list[tuple[str, str]] = []
        self.status = 200
        self.asked: list[str] = []
        arm = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                arm.asked.append(unquote_plus(self.path))
                items = [
                    {
                        "id": f"{scope}/providers/Microsoft.Authorization/roleAssignments/{i}",
                        "properties": {
                            "scope": scope,
                            "roleDefinitionId": f"/subscriptions/{SUB}/providers/Microsoft.Authorization/roleDefinitions/{role}",
                            "principalId": "local",
                        },
                    }
                    for i, (role, scope) in enumerate(arm.grants)
                ]
                error = {"error": {"code": "AuthorizationFailed", "message": "does not have authorization"}}
                body = json.dumps({"value": items} if arm.status == 200 else error).encode()
                self.send_response(arm.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def arm() -> Iterator[Arm]:
    server = Arm()
    yield server
    server.stop()


@pytest.fixture
def settings(arm: Arm, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Settings as infra/ makes them, with addresses that answer, and none beyond this machine."""
    port = arm.server.server_port
    monkeypatch.setattr(doctor_azure, "LOGS", arm.url)
    return {
        "APPLICATIONINSIGHTS_AUTHENTICATION_STRING": "Authorization=AAD",
        "APPLICATIONINSIGHTS_CONNECTION_STRING": "InstrumentationKey=0",
        "AzureWebJobsStorage__accountName": "st",
        "AzureWebJobsStorage__clientId": "c",
        "AzureWebJobsStorage__credential": "managedidentity",
        "HomeostatStorage__credential": "managedidentity",
        **{
            f"HomeostatStorage__{kind}ServiceUri": f"https://127.0.0.1:{port}/"
            for kind in ("blob", "queue", "table")
        },
        "HOMEOSTAT_SUBSCRIPTION_ID": SUB,
        "HOMEOSTAT_RESOURCE_GROUP": "rg",
        "HOMEOSTAT_WORKSPACE": "ws",
        "HOMEOSTAT_TOPIC_ENDPOINT": f"https://127.0.0.1:{port}/api/events",
        "HOMEOSTAT_LOGS_WORKSPACE_ID": "55555555-5555-5555-5555-555555555555",
        "HOMEOSTAT_APPROVAL_KEY": "k" * 40,
        "HOMEOSTAT_DRIFT_CHECK_SCHEDULE": "0 0 * * * *",
        "HOMEOSTAT_RECONCILE_SCHEDULE": "0 */5 * * * *",
    }


def seen(settings: dict[str, str], arm: Arm, **more: Any) -> list[Sight]:
    return list(look(settings, credential=LocalToken(), arm=arm.url, **more))


def of(sights: list[Sight], kind: str) -> list[str]:
    return [f"{one.what}: {one.found}" for one in sights if one.kind == kind]


def all_that_the_app_needs() -> list[tuple[str, str]]:
    from infra.checks.roles import grants_of
    from infra.checks.scenarios import templates

    return [(one.role, f"{GROUP}/providers/{one.kind}/x") for one in grants_of(templates()[0], "app")]


def test_what_infra_sets_up_lacks_nothing_and_is_not_too_wide(settings: dict[str, str], arm: Arm) -> None:
    arm.grants = all_that_the_app_needs()
    assert len(arm.grants) >= 9
    sights = seen(settings, arm)
    assert of(sights, "missing") + of(sights, "too wide") == []
    assert len(of(sights, "ok")) >= 7 + len(arm.grants)
    assert len(of(sights, "unseen")) == len(doctor_azure.UNSEEN)
    assert "principalId eq 'local'" in arm.asked[0]


def test_settings_that_are_missing_are_named_together(settings: dict[str, str], arm: Arm) -> None:
    del (
        settings["HOMEOSTAT_WORKSPACE"],
        settings["HOMEOSTAT_TOPIC_ENDPOINT"],
        settings["HomeostatStorage__credential"],
    )
    missing = of(seen(settings, arm), "missing")
    assert missing == [
        "HomeostatStorage__credential: the Functions host reads it",
        "settings: HOMEOSTAT_TOPIC_ENDPOINT is not set",
        "settings: HOMEOSTAT_WORKSPACE is not set",
    ]


def test_keys_are_too_wide(settings: dict[str, str], arm: Arm) -> None:
    settings["AzureWebJobsStorage"] = "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=b"
    settings["HOMEOSTAT_TOPIC_KEY"] = "secret-of-the-topic"
    sights = seen(settings, arm)
    assert [one.what for one in sights if one.kind == "too wide"] == [
        "AzureWebJobsStorage",
        "HOMEOSTAT_TOPIC_KEY",
    ]
    assert "secret-of-the-topic" not in repr(sights)
    assert "AccountKey=b" not in repr(sights)


def test_roles_that_are_missing_wide_or_strange(settings: dict[str, str], arm: Arm) -> None:
    needed = [one for one in all_that_the_app_needs() if one[0] != SCIENTIST]
    arm.grants = [*needed, (OWNER, GROUP), (BLOB_DATA, f"/subscriptions/{SUB}"), ("strange", GROUP)]
    sights = seen(settings, arm)
    assert of(sights, "missing") == [
        "azureMlDataScientist: on no Microsoft.MachineLearningServices/workspaces"
    ]
    assert of(sights, "too wide") == [
        f"Owner: on {GROUP}",
        f"storageBlobDataContributor: on /subscriptions/{SUB}",
        f"strange: on {GROUP}",
    ]


def test_purview_is_looked_for_where_lineage_is_exported(
    settings: dict[str, str], arm: Arm, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not [one for one in seen(settings, arm) if one.what == "Purview"]
    settings["HOMEOSTAT_PURVIEW_URL"] = "https://acc.purview.azure.com"
    connect = doctor_azure.socket.create_connection

    def nobody_there(address: tuple[str, int], **more: Any) -> Any:
        if address[0] == "acc.purview.azure.com":
            raise OSError("no such host")
        return connect(address, **more)

    monkeypatch.setattr(doctor_azure.socket, "create_connection", nobody_there)
    sights = seen(settings, arm)
    assert "Purview: acc.purview.azure.com:443 does not answer: no such host" in of(sights, "missing")
    assert any("Data Curator" in one for one in of(sights, "unseen"))


def test_further_workspaces_need_roles_and_logs_too(settings: dict[str, str], arm: Arm) -> None:
    settings["HOMEOSTAT_WORKSPACES"] = "prod=s-2/rg-prod/mlw/l-2,stage=s-3/rg-stage/mlw"
    arm.grants = all_that_the_app_needs()
    there = "/providers/Microsoft.MachineLearningServices/workspaces/mlw"
    assert of(seen(settings, arm), "missing") == [
        "HOMEOSTAT_WORKSPACES, stage: no Log Analytics workspace: its releases with traffic steps cannot be judged",
        f"azureMlDataScientist in prod: not on /subscriptions/s-2/resourcegroups/rg-prod{there}".lower().replace(
            "azuremldatascientist", "azureMlDataScientist"
        ),
        f"azureMlDataScientist in stage: not on /subscriptions/s-3/resourcegroups/rg-stage{there}".lower().replace(
            "azuremldatascientist", "azureMlDataScientist"
        ),
    ]
    assert any("/subscriptions/s-2/" in one for one in arm.asked), "each in its own subscription"
    arm.grants += [
        (SCIENTIST, f"/subscriptions/s-2/resourceGroups/rg-prod{there}"),
        (SCIENTIST, f"/subscriptions/s-3/resourceGroups/rg-stage{there}2"),
    ]
    missing = of(seen(settings, arm), "missing")
    assert [one.partition(":")[0] for one in missing] == [
        "HOMEOSTAT_WORKSPACES, stage",
        "azureMlDataScientist in stage",
    ]


def test_addresses_that_do_not_answer(settings: dict[str, str], arm: Arm) -> None:
    settings["HomeostatStorage__queueServiceUri"] = "https://127.0.0.1:9/"  # the port that discards
    assert [one for one in of(seen(settings, arm), "missing") if one.startswith("queue storage: 127.0.0.1:9")]


def test_roles_that_may_not_be_read_are_unseen(settings: dict[str, str], arm: Arm) -> None:
    arm.status = 403
    sights = seen(settings, arm)
    assert any("does not have authorization" in one for one in of(sights, "unseen"))
    assert of(sights, "missing") == []


def test_ones_own_roles_are_not_taken_for_the_apps(settings: dict[str, str], arm: Arm) -> None:
    settings["AZURE_CLIENT_ID"] = "the-app"
    assert any("you are not the app" in one for one in of(seen(settings, arm), "unseen"))
    sights = seen(settings, arm, identity="66666666-6666-6666-6666-666666666666")
    assert not any("you are not the app" in one for one in of(sights, "unseen"))
    assert "principalId eq '66666666-6666-6666-6666-666666666666'" in arm.asked[-1]


@pytest.mark.parametrize(
    ("scope", "kind"),
    [
        (f"/subscriptions/{SUB}", "subscription"),
        (GROUP, "resource group"),
        (f"{GROUP}/providers/Microsoft.Storage/storageAccounts/a", "microsoft.storage/storageaccounts"),
        (
            f"{GROUP}/providers/Microsoft.Storage/storageAccounts/a/blobServices/default/containers/c",
            "microsoft.storage/storageaccounts/blobservices/containers",
        ),
    ],
)
def test_the_kind_of_a_scope(scope: str, kind: str) -> None:
    assert kind_of(scope) == kind


def test_the_command_reads_a_file_of_settings(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    file.write_text(json.dumps([{"name": "HOMEOSTAT_TOPIC_KEY", "value": "k"}]))
    done = CliRunner().invoke(app, ["doctor", "--azure", "--settings", str(file)])
    assert done.exit_code == 1
    assert "too wide HOMEOSTAT_TOPIC_KEY: whoever has it may publish" in done.output
    assert "HOMEOSTAT_WORKSPACE is not set" in done.output
