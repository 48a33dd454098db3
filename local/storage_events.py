"""Storage events: watches Azurite's containers and says what was written and deleted, as Azure Storage does.

Azurite has no events of its own. Listings are compared with what was seen before (path and eTag), which the
state folder remembers: what changed while nobody watched is told afterwards, and nothing is told twice but
after a crash between telling and remembering. A blob that is written and deleted between two looks is missed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection
    from pathlib import Path

    from azure.storage.blob import BlobProperties, BlobServiceClient

    from local.storage import StorageAccount

log = logging.getLogger(__name__)
TOPIC = "storage"
NOISY = frozenset({"azureml", "modeldatacollector", "homeostat", "deadletter"})
"""Containers that services write to by themselves: events of these would only cost."""
_TABLES = """
CREATE TABLE IF NOT EXISTS blobs (
    container TEXT, name TEXT, etag TEXT NOT NULL, type TEXT, content_type TEXT, PRIMARY KEY (container, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sequence (number INTEGER PRIMARY KEY AUTOINCREMENT);
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """What is remembered of a blob."""

    etag: str
    type: str
    content_type: str | None


class StorageEvents:
    """The watcher."""

    def __init__(
        self,
        *,
        state: Path,
        account: StorageAccount,
        topic_id: str,
        publish: Callable[[str, list[dict[str, Any]]], Awaitable[None]],
        excluded: Collection[str] = NOISY,
        interval: float = 0.25,
    ) -> None:
        """`topic_id` is the storage account's ARM id; `excluded` names containers that are not watched."""
        self._state = state
        self._account = account
        self._topic_id = topic_id
        self._publish = publish
        self._excluded = frozenset(excluded)
        self._interval = interval
        self._task: asyncio.Task[None] | None = None
        self._db: sqlite3.Connection | None = None
        self._known: dict[str, dict[str, Seen]] = {}

    async def start(self) -> None:
        """Begin to watch."""
        self._state.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(
            self._state / "storage_events.sqlite", isolation_level=None, check_same_thread=False
        )
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.executescript(_TABLES)
        for container, name, etag, kind, content_type in self._db.execute("SELECT * FROM blobs"):
            self._known.setdefault(container, {})[name] = Seen(
                etag=etag, type=kind, content_type=content_type
            )
        self._task = asyncio.create_task(self._watch(), name="storage events")

    async def stop(self) -> None:
        """Stop watching."""
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        if self._db:
            self._db.close()

    async def _watch(self) -> None:
        from azure.storage.blob import BlobServiceClient

        with BlobServiceClient.from_connection_string(
            self._account.connection_string, retry_total=0, connection_timeout=5, read_timeout=30
        ) as client:
            complained = False
            while True:
                begun = time.monotonic()
                try:
                    changes = await asyncio.to_thread(self._look, client)
                    for change in changes:
                        await self._tell(change)
                    complained = False
                except asyncio.CancelledError:
                    raise
                except Exception:
                    if not complained:
                        log.exception("storage events: cannot look at the containers; trying again")
                    complained = True
                # many blobs make looking dear: look less often then
                await asyncio.sleep(max(self._interval, 4 * (time.monotonic() - begun)))

    def _look(self, client: BlobServiceClient) -> list[Change]:
        """What changed since the last look."""
        changes: list[Change] = []
        containers = {each.name for each in client.list_containers()} - self._excluded
        for container in sorted(containers | (set(self._known) - self._excluded)):
            known = self._known.setdefault(container, {})
            there: set[str] = set()
            if container in containers:
                for blob in client.get_container_client(container).list_blobs():
                    there.add(blob.name)
                    before = known.get(blob.name)
                    if before is None or before.etag != blob.etag:
                        changes.append(_created(client, container, blob))
            changes += [
                Change(
                    container=container, name=name, api="DeleteBlob", at=datetime.now(UTC), seen=known[name]
                )
                for name in known.keys() - there
            ]
        return sorted(changes, key=lambda change: change.at)

    async def _tell(self, change: Change) -> None:
        """Publish first, remember then: a crash between the two tells twice, never not at all."""
        assert self._db is not None  # noqa: S101 - start() came first
        number = self._db.execute("INSERT INTO sequence DEFAULT VALUES").lastrowid or 0
        await self._publish(TOPIC, [event(change, self._account, self._topic_id, number)])
        if change.deleted:
            self._db.execute(
                "DELETE FROM blobs WHERE container = ? AND name = ?", (change.container, change.name)
            )
            del self._known[change.container][change.name]
            return
        seen = change.seen
        self._db.execute(
            "INSERT OR REPLACE INTO blobs VALUES (?, ?, ?, ?, ?)",
            (change.container, change.name, seen.etag, seen.type, seen.content_type),
        )
        self._known[change.container][change.name] = seen


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """A blob was written or deleted."""

    container: str
    name: str
    api: str
    at: datetime
    seen: Seen
    size: int = 0

    @property
    def deleted(self) -> bool:
        """Whether the blob is gone."""
        return self.api == "DeleteBlob"


def event(change: Change, account: StorageAccount, topic_id: str, number: int) -> dict[str, Any]:
    """The event in Azure Storage's own schema. `number` grows with every event: the sequencer."""
    request = str(uuid.uuid4())
    data: dict[str, Any] = {
        "api": change.api,
        "clientRequestId": str(uuid.uuid4()),
        "requestId": request[:-6] + "000000",
    }
    if not change.deleted:
        data["eTag"] = change.seen.etag
    data["contentType"] = change.seen.content_type
    if not change.deleted:
        data["contentLength"] = change.size
    data |= {
        "blobType": change.seen.type,
        "url": f"{account.blob_endpoint}/{quote(change.container)}/{quote(change.name)}",
        "sequencer": f"{number:032X}",
        "storageDiagnostics": {"batchId": str(uuid.uuid4())},
    }
    return {
        "topic": topic_id,
        "subject": f"/blobServices/default/containers/{change.container}/blobs/{change.name}",
        "eventType": f"Microsoft.Storage.Blob{'Deleted' if change.deleted else 'Created'}",
        "id": request,
        "data": data,
        "dataVersion": "",
        "metadataVersion": "1",
        "eventTime": f"{change.at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}0Z",
    }


def _created(client: BlobServiceClient, container: str, blob: BlobProperties) -> Change:
    kind = str(getattr(blob.blob_type, "value", blob.blob_type))
    return Change(
        container=container,
        name=blob.name,
        api=_api(client, container, blob, kind),
        at=blob.last_modified,
        seen=Seen(etag=blob.etag, type=kind, content_type=blob.content_settings.content_type),
        size=blob.size,
    )


def _api(client: BlobServiceClient, container: str, blob: BlobProperties, kind: str) -> str:
    """By which call the blob was written, as far as it can be told afterwards."""
    from azure.core.exceptions import HttpResponseError

    if blob.copy.id:
        return "CopyBlob"
    if kind != "BlockBlob":
        return "PutBlob"
    with contextlib.suppress(HttpResponseError):  # deleted or written again meanwhile
        committed, _ = client.get_blob_client(container, blob.name).get_block_list("committed")
        return "PutBlockList" if committed else "PutBlob"
    return "PutBlob"
