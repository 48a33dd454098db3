"""Azurite through the unmodified clients; what it holds outlives a restart on the same state."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from local.azurite import CONTAINERS, Azurite, AzuriteFailed

if TYPE_CHECKING:
    from pathlib import Path

    from local.storage import StorageAccount


def test_the_containers_are_there(azurite: StorageAccount) -> None:
    with BlobServiceClient.from_connection_string(azurite.connection_string) as client:
        assert {each.name for each in client.list_containers()} >= set(CONTAINERS)


def test_a_restart_keeps_the_data_and_the_ports(tmp_path: Path) -> None:
    async def once(ports: tuple[int, int, int], *, write: bool) -> StorageAccount:
        service = Azurite(state=tmp_path / "azurite", ports=ports, containers=["landing"])
        account = await service.start()
        try:
            await asyncio.to_thread(_write if write else _read, account)
        finally:
            await service.stop()
        return account

    first = asyncio.run(once((0, 0, 0), write=True))
    ports = tuple(
        int(url.split(":")[2].split("/")[0])
        for url in (first.blob_endpoint, first.queue_endpoint, first.table_endpoint)
    )
    again = asyncio.run(once((ports[0], ports[1], ports[2]), write=False))
    assert again == first


def _write(account: StorageAccount) -> None:
    with BlobServiceClient.from_connection_string(account.connection_string) as blobs:
        blobs.get_blob_client("landing", "a/b").upload_blob(b"kept")
    with QueueServiceClient.from_connection_string(account.connection_string) as queues:
        queues.create_queue("kept").send_message("kept")
    with TableServiceClient.from_connection_string(account.connection_string) as tables:
        tables.create_table("kept").create_entity({"PartitionKey": "a", "RowKey": "b", "what": "kept"})


def _read(account: StorageAccount) -> None:
    with BlobServiceClient.from_connection_string(account.connection_string) as blobs:
        assert blobs.get_blob_client("landing", "a/b").download_blob().readall() == b"kept"
    with QueueServiceClient.from_connection_string(account.connection_string) as queues:
        assert [each.content for each in queues.get_queue_client("kept").peek_messages()] == ["kept"]
    with TableServiceClient.from_connection_string(account.connection_string) as tables:
        assert tables.get_table_client("kept").get_entity("a", "b")["what"] == "kept"


def test_a_port_that_is_taken_is_said(tmp_path: Path, azurite: StorageAccount) -> None:
    taken = int(azurite.blob_endpoint.split(":")[2].split("/")[0])
    service = Azurite(state=tmp_path / "azurite", ports=(taken, 0, 0))
    with pytest.raises(AzuriteFailed, match="EADDRINUSE"):
        asyncio.run(service.start())
