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
        ({"HOMEOSTAT_TOPIC_ENDPOINT": "http://t.example/api/events"}, "must be an https address"),
        ({"HOMEOSTAT_TOPIC_ENDPOINT": "http://127.0.0.1:1/api/events"}, "HOMEOSTAT_TOPIC_KEY is not set"),
        ({"HomeostatStorage": "x"}, "not both"),
        ({"HomeostatStorage__tableServiceUri": ""}, "HomeostatStorage__tableServiceUri is not set"),
        ({"HomeostatStorage__tableServiceUri": "http://a"}, "tableServiceUri must be an https address"),
    ],
)
def test_what_cannot_be_used_is_refused(change: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        read_settings(AZURE | change)


def test_secrets_are_not_shown() -> None:
    local = {name: value for name, value in AZURE.items() if "__" not in name}
    settings = read_settings(local | {"HomeostatStorage": "AccountKey=hush", "HOMEOSTAT_TOPIC_KEY": "hush"})
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
