"""The clients of the app's own storage account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cloud.credentials import credential

if TYPE_CHECKING:
    from azure.data.tables import TableServiceClient
    from azure.storage.blob import BlobServiceClient
    from azure.storage.queue import QueueClient

    from cloud.settings import Settings


def blob_service(settings: Settings) -> BlobServiceClient:
    """Blobs."""
    from azure.storage.blob import BlobServiceClient

    if settings.storage.connection_string:
        return BlobServiceClient.from_connection_string(settings.storage.connection_string)
    return BlobServiceClient(_uri(settings.storage.blob_uri), credential=_credential(settings))


def table_service(settings: Settings) -> TableServiceClient:
    """Tables."""
    from azure.data.tables import TableServiceClient

    if settings.storage.connection_string:
        return TableServiceClient.from_connection_string(settings.storage.connection_string)
    return TableServiceClient(_uri(settings.storage.table_uri), credential=_credential(settings))


def queue(settings: Settings, name: str) -> QueueClient:
    """A queue, with the encoding that the Functions host expects."""
    from azure.storage.queue import QueueClient, TextBase64EncodePolicy

    policy = TextBase64EncodePolicy()
    if settings.storage.connection_string:
        return QueueClient.from_connection_string(
            settings.storage.connection_string, name, message_encode_policy=policy
        )
    return QueueClient(
        _uri(settings.storage.queue_uri), name, credential=_credential(settings), message_encode_policy=policy
    )


def _credential(settings: Settings) -> Any:
    return credential(settings, settings.storage.client_id)


def _uri(uri: str | None) -> str:
    """`read_settings` has made sure that it is there."""
    if uri is None:
        raise ValueError("neither a connection string nor a service URI")
    return uri
