"""Append lines to blobs in small batches."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import defaultdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from local.storage import StorageAccount

BLOCK = 4 * 1024 * 1024
"""The most that one append may hold."""

log = logging.getLogger(__name__)


class Appender:
    """Buffers lines per blob and appends them once a second; what is not taken stays for the next time."""

    def __init__(self, account: StorageAccount, container: str, *, every: float = 1.0) -> None:
        self._account = account
        self._container_name = container
        self._every = every
        self._pending: defaultdict[str, bytearray] = defaultdict(bytearray)
        self._started: set[str] = set()
        self._writing = asyncio.Lock()
        self._container: Any = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Make the container where it is missing and begin to write."""
        from azure.core.exceptions import ResourceExistsError
        from azure.storage.blob.aio import ContainerClient

        self._container = ContainerClient.from_connection_string(
            self._account.connection_string, self._container_name
        )
        with contextlib.suppress(ResourceExistsError):
            await self._container.create_container()
        self._task = asyncio.create_task(self._run(), name="data collection")

    def add(self, blob: str, line: bytes) -> None:
        """Put a line in the buffer."""
        self._pending[blob] += line

    async def flush(self) -> None:
        """Write what is in the buffer now."""
        async with self._writing:
            for blob in list(self._pending):
                await self._write(blob)

    async def stop(self) -> None:
        """Write the rest and end."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        if self._container is not None:
            try:
                await self.flush()
            except Exception:  # stopping goes on whatever the storage says
                log.exception("collected data was lost: the storage did not take it")
            await self._container.close()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._every)
            try:
                await self.flush()
            except Exception:  # the storage may be away; the buffer keeps the lines
                log.warning("collected data waits: the storage did not take it", exc_info=True)

    async def _write(self, blob: str) -> None:
        client = self._container.get_blob_client(blob)
        if blob not in self._started:  # the name ends with the instance's own id: nobody else has made it
            await client.create_append_blob()
            self._started.add(blob)
        pending = self._pending[blob]
        while pending:
            block = bytes(pending[:BLOCK])
            await client.append_block(block)
            del pending[: len(block)]
        del self._pending[blob]
