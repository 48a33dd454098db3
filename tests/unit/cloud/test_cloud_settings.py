"""Settings: everything that is missing or wrong is named together."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloud.settings import SettingsError, is_loopback, read_settings

AZURE = {
    "HomeostatStorage__blobServiceUri": "https://a.blob.core.windows.net",
    "HomeostatStorage__queueServiceUri": "https://a.queue.core.windows.net",
    "HomeostatStorage__tableServiceUri": "https://a.table.core.windows.net",
    "HOMEOSTAT_SUBSCRIPTION_ID": "s",
    "HOMEOSTAT_RESOURCE_GROUP": "g",
    "HOMEOSTAT_WORKSPACE": "w",
    "HOMEOSTAT_TOPIC_ENDPOINT": "https://t.westeurope-1.eventgrid.azure.net/api/events",
}


def test_in_azure_no_key_is_needed() -> None:
    settings = read_settings(AZURE)
    assert not settings.is_local
    assert settings.topic_key is None
    assert settings.storage.table_uri == "https://a.table.core.windows.net"
    assert settings.policies == Path(__file__).parents[3] / "policies"
    assert (settings.logs_workspace, settings.logs_url) == (None, None)


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ({}, None),
        ({"HOMEOSTAT_PURVIEW_URL": " "}, None),
        ({"HOMEOSTAT_PURVIEW_URL": "https://Acc-1.purview.azure.com/"}, "https://Acc-1.purview.azure.com"),
        (
            {"HOMEOSTAT_PURVIEW_URL": "https://api.purview-service.microsoft.com"},
            "https://api.purview-service.microsoft.com",
        ),
        (
            {
                "HOMEOSTAT_PURVIEW_URL": "http://127.0.0.1:8585",
                "HOMEOSTAT_AZUREML_URL": "http://127.0.0.1:8181",
            },
            "http://127.0.0.1:8585",
        ),
    ],
)
def test_lineage_is_exported_only_where_a_purview_is_named(given: dict[str, str], read: str | None) -> None:
    assert read_settings(AZURE | given).purview_url == read


def test_everything_missing_is_named_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings({"HOMEOSTAT_WORKSPACE": " "})
    for name in (
        "HomeostatStorage",
        "HOMEOSTAT_SUBSCRIPTION_ID",
        "HOMEOSTAT_RESOURCE_GROUP",
        "HOMEOSTAT_WORKSPACE",
        "HOMEOSTAT_TOPIC_ENDPOINT",
    ):
        assert name in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"HOMEOSTAT_AZUREML_URL": "https://127.0.0.1:8181"},
            "HOMEOSTAT_AZUREML_URL must be http://127.0.0.1",
        ),
        ({"HOMEOSTAT_AZUREML_URL": "http://evil.example:80"}, "HOMEOSTAT_AZUREML_URL must be"),
        ({"HOMEOSTAT_LOGS_URL": "http://logs.example"}, "HOMEOSTAT_LOGS_URL must be an https address"),
        ({"HOMEOSTAT_PURVIEW_URL": "http://a.purview.azure.com"}, "must be https://ACCOUNT.purview"),
        (
            {"HOMEOSTAT_PURVIEW_URL": "https://purview.azure.com.evil.example"},
            "must be https://ACCOUNT.purview",
        ),
        ({"HOMEOSTAT_PURVIEW_URL": "https://evilpurview.azure.com"}, "must be https://ACCOUNT.purview"),
        ({"HOMEOSTAT_PURVIEW_URL": "https://u@a.purview.azure.com"}, "must be https://ACCOUNT.purview"),
        ({"HOMEOSTAT_PURVIEW_URL": "https://a.purview.azure.com:8443"}, "must be https://ACCOUNT.purview"),
        ({"HOMEOSTAT_PURVIEW_URL": "https://a.purview.azure.com/catalog"}, "must be https://ACCOUNT.purview"),
        ({"HOMEOSTAT_PURVIEW_URL": "https://169.254.169.254"}, "must be https://ACCOUNT.purview"),
        ({"HOMEOSTAT_PURVIEW_URL": "https://[::1"}, "must be https://ACCOUNT.purview"),
        ({"HOMEOSTAT_PURVIEW_URL": "http://127.0.0.1:8585"}, "both of Azure, or both of local Azure"),
        (
            {
                "HOMEOSTAT_PURVIEW_URL": "https://a.purview.azure.com",
                "HOMEOSTAT_AZUREML_URL": "http://127.0.0.1:8181",
            },
            "both of Azure, or both of local Azure",
        ),
        ({"HOMEOSTAT_TOPIC_ENDPOINT": "http://t.example/api/events"}, "must be an https address"),
        ({"HOMEOSTAT_TOPIC_ENDPOINT": "http://127.0.0.1:1/api/events"}, "HOMEOSTAT_TOPIC_KEY is not set"),
        ({"HOMEOSTAT_APPROVAL_KEY": "short"}, "HOMEOSTAT_APPROVAL_KEY must have at least 32"),
        ({"HOMEOSTAT_APPROVAL_KEY": "@Microsoft.KeyVault(SecretUri=https://v)"}, "could not resolve"),
        ({"HOMEOSTAT_APPROVAL_KEY_PREVIOUS": "k" * 40}, "but HOMEOSTAT_APPROVAL_KEY is not"),
        ({"HOMEOSTAT_APP_URL": "http://app.example"}, "HOMEOSTAT_APP_URL must be an https address"),
        ({"HOMEOSTAT_ENTRA_AUTHORITY": "https://login.example/t"}, "or neither"),
        ({"HOMEOSTAT_ENTRA_AUDIENCE": "api://x"}, "or neither"),
        (
            {"HOMEOSTAT_ENTRA_AUTHORITY": "http://login.example/t", "HOMEOSTAT_ENTRA_AUDIENCE": "x"},
            "HOMEOSTAT_ENTRA_AUTHORITY must be https",
        ),
        ({"HOMEOSTAT_GROUPS": "owners"}, "NAME=OBJECT-ID"),
        ({"HOMEOSTAT_WORKSPACES": "prod"}, "must be NAME=SUBSCRIPTION/RESOURCE-GROUP/WORKSPACE"),
        ({"HOMEOSTAT_WORKSPACES": "prod=s/g"}, "not 'prod=s/g'"),
        ({"HOMEOSTAT_WORKSPACES": "prod=s/g/w/l/x"}, "must be NAME=SUBSCRIPTION"),
        ({"HOMEOSTAT_WORKSPACES": "prod=s/../w"}, "must be NAME=SUBSCRIPTION"),
        ({"HOMEOSTAT_WORKSPACES": "p d=s/g/w"}, "must be NAME=SUBSCRIPTION"),
        ({"HOMEOSTAT_WORKSPACES": "a1=s/g/w1,a1=s/g/w2"}, "another name than a1, which is taken"),
        ({"HOMEOSTAT_WORKSPACES": "ws=s/g/w1", "HOMEOSTAT_WORKSPACE": "ws"}, "another name than ws"),
        (
            {"HOMEOSTAT_WORKSPACES": "p1=s2/g/W/L", "HOMEOSTAT_LOGS_WORKSPACE_ID": "l"},
            "two workspaces named w log to l",
        ),
        ({"HOMEOSTAT_APP_SERVICE_AUTH": "yes"}, "must be true or false"),
        ({"HOMEOSTAT_APP_SERVICE_AUTH": "true", "WEBSITE_AUTH_ENABLED": "False"}, "authentication is off"),
        ({"HomeostatStorage": "x"}, "not both"),
        ({"HomeostatStorage__tableServiceUri": ""}, "HomeostatStorage__tableServiceUri is not set"),
        ({"HomeostatStorage__tableServiceUri": "http://a"}, "tableServiceUri must be an https address"),
    ],
)
def test_what_cannot_be_used_is_refused(change: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        read_settings(AZURE | change)


def test_who_may_be_believed() -> None:
    settings = read_settings(
        AZURE
        | {
            "HOMEOSTAT_ENTRA_AUTHORITY": "https://login.microsoftonline.com/T/",
            "HOMEOSTAT_ENTRA_AUDIENCE": "api://homeostat, 0-1",
            "HOMEOSTAT_GROUPS": "owners = 1-2 , others=3",
            "HOMEOSTAT_APP_SERVICE_AUTH": "True",
            "WEBSITE_AUTH_ENABLED": "True",
            "WEBSITE_HOSTNAME": "app.azurewebsites.net",
            "HOMEOSTAT_APPROVAL_KEY": "n" * 40,
            "HOMEOSTAT_APPROVAL_KEY_PREVIOUS": "o" * 40,
        }
    )
    assert settings.entra.issuers == (
        "https://login.microsoftonline.com/T/v2.0",
        "https://sts.windows.net/T/",
    )
    assert settings.entra.audiences == ("api://homeostat", "0-1")
    assert settings.entra.groups == {"owners": "1-2", "others": "3"}
    assert settings.entra.app_service
    assert settings.sealer.keys == ("n" * 40, "o" * 40)
    assert settings.sealer.address == "https://app.azurewebsites.net"
    assert not read_settings(AZURE).entra.app_service, "nobody is believed unasked"


def test_further_workspaces_have_names() -> None:
    settings = read_settings(
        AZURE
        | {
            "HOMEOSTAT_WORKSPACES": "prod = S2/G2/W2/l-2 , stage=s/g/w3",
            "HOMEOSTAT_LOGS_WORKSPACE_ID": "l",
            "HOMEOSTAT_APPROVAL_KEY": "n" * 40,
        }
    )
    assert settings.names == ("w", "prod", "stage")
    prod, stage = settings.at("prod"), settings.at("stage")
    assert (prod.subscription, prod.resource_group, prod.workspace) == ("S2", "G2", "W2")
    assert (prod.logs_workspace, stage.logs_workspace) == ("l-2", None), "never the logs of another workspace"
    assert settings.at(None) == settings.at("w") == settings
    assert prod.workspace_id.endswith(
        "/subscriptions/s2/resourcegroups/g2/providers/microsoft.machinelearningservices/workspaces/w2"
    )
    assert settings.of(prod.workspace_id) == prod
    assert settings.of("elsewhere") == settings
    assert len({place.sealer.environment for place in (settings, prod, stage)}) == 3
    with pytest.raises(SettingsError, match=r"no workspace is called other.*known: w, prod, stage"):
        settings.at("other")


def test_secrets_are_not_shown() -> None:
    local = {name: value for name, value in AZURE.items() if "__" not in name}
    settings = read_settings(
        local
        | {"HomeostatStorage": "AccountKey=hush", "HOMEOSTAT_TOPIC_KEY": "hush"}
        | {"HOMEOSTAT_APPROVAL_KEY": "hush" * 10}
    )
    assert "hush" not in repr(settings)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1",
        "https://127.0.0.1:80",
        "http://127.0.0.1:80@evil.example",
        "http://user@127.0.0.1:80",
        "http://127.0.0.1.evil.example:80",
        "http://169.254.169.254:80",
        "http://127.0.0.1:99999",
        "http://[::1:80",
        "127.0.0.1:80",
    ],
)
def test_what_only_looks_like_loopback_is_not(url: str) -> None:
    assert not is_loopback(url)
