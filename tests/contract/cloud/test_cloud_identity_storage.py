"""The app's storage by managed identity, as infra/ sets it up: the real clients, tokens, and no key anywhere."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import timedelta

import pytest
from azure.core.exceptions import HttpResponseError
from identity_storage import Identities, TokenAzurite

from cloud import storage
from cloud.connections import Connections
from cloud.ledger import TableLedger
from cloud.settings import Settings, read_settings
from cloud.wakeups import QueueWakeups
from control.messages import Message
from local.azurite import ACCOUNT, script


@pytest.fixture(scope="module")
def azurite_of_tokens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TokenAzurite]:
    if not script().is_file():
        pytest.skip("Azurite is not installed: make setup")
    service = TokenAzurite(tmp_path_factory.mktemp("tokens"))
    yield service
    service.stop()


@pytest.fixture
def identities(azurite_of_tokens: TokenAzurite, monkeypatch: pytest.MonkeyPatch) -> Iterator[Identities]:
    """What App Service puts into the environment of an app with a user-assigned identity."""
    server = Identities()
    for name in ("AZURE_TENANT_ID", "AZURE_CLIENT_SECRET", "AZURE_FEDERATED_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("IDENTITY_ENDPOINT", server.url)
    monkeypatch.setenv("IDENTITY_HEADER", "the-header")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(azurite_of_tokens.cert))
    yield server
    server.stop()


@pytest.fixture
def settings(azurite_of_tokens: TokenAzurite) -> Settings:
    return read_settings({
        **{f"HomeostatStorage__{kind}ServiceUri": uri for kind, uri in azurite_of_tokens.uris.items()},
        "HomeostatStorage__credential": "managedidentity",
        "HomeostatStorage__clientId": "identity-of-storage",
        "AZURE_CLIENT_ID": "identity-of-the-rest",
        "HOMEOSTAT_SUBSCRIPTION_ID": "s",
        "HOMEOSTAT_RESOURCE_GROUP": "g",
        "HOMEOSTAT_WORKSPACE": "w",
        "HOMEOSTAT_TOPIC_ENDPOINT": "https://topic.invalid/api/events",
    })  # fmt: skip


def test_the_ledger_by_identity(settings: Settings, identities: Identities) -> None:
    with storage.table_service(settings) as service:
        ledger = TableLedger(lambda: service, "byidentity")
        intent, etag = ledger.load("flight-delay")
        assert etag == ""
        ledger.commit(intent, etag, [])
        assert ledger.load("flight-delay")[1] != ""
    assert {(one["resource"], one["client_id"]) for one in identities.asked} == {
        ("https://storage.azure.com", "identity-of-storage")
    }


def test_messages_by_identity(settings: Settings, identities: Identities) -> None:
    QueueWakeups(settings, "byidentity").wake("flight-delay", timedelta(0))
    with storage.queue(settings, "byidentity") as queue:
        (message,) = queue.receive_messages()
    sent = Message(kind="reconcile", model="flight-delay", source="wake-up")
    assert base64.b64decode(message.content).decode() == sent.to_json()
    assert identities.asked


def test_blobs_by_identity(settings: Settings, identities: Identities) -> None:
    service = Connections(settings).blob_service(ACCOUNT)
    with service:
        service.create_container("byidentity").upload_blob("a/b", b"kept")
        assert service.get_blob_client("byidentity", "a/b").download_blob().readall() == b"kept"
    assert identities.asked[0]["client_id"] == "identity-of-storage"


def test_a_token_for_something_else_opens_nothing(settings: Settings, identities: Identities) -> None:
    identities.audience = "https://vault.azure.net"
    with storage.blob_service(settings) as service, pytest.raises(HttpResponseError) as caught:
        list(service.list_containers())
    assert caught.value.status_code in {401, 403}
