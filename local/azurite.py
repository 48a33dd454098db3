"""Blob, Queue and Table storage: Azurite, a leashed subprocess."""

from __future__ import annotations

import asyncio
import contextlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

from local import leash
from local.node import node
from local.storage import StorageAccount

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local.leash import Leashed

ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""Azurite's well-known key: published by Microsoft, the same everywhere."""
CONTAINERS = ("landing", "azureml", "modeldatacollector", "homeostat", "deadletter")
PATIENCE = 60.0
"""Seconds that Azurite may take to answer on a busy machine; it needs one or two."""
_LISTENING = re.compile(
    r"Azurite (Blob|Queue|Table) service is successfully listening at http://127\.0\.0\.1:(\d+)"
)


class AzuriteFailed(Exception):  # noqa: N818 - reads as what it is
    """Azurite did not start; the message says why."""


def script() -> Path:
    """Azurite's program, as `npm ci` installed it beside our own code."""
    return Path(__file__).resolve().parent.parent / "node_modules" / "azurite" / "dist" / "src" / "azurite.js"


class Azurite:
    """One storage account. What it holds lies in the state folder and outlives a restart."""

    def __init__(
        self,
        *,
        state: Path,
        ports: tuple[int, int, int] = (0, 0, 0),
        containers: Sequence[str] = CONTAINERS,
    ) -> None:
        """Ports are those of Blob, Queue and Table; 0 for a free one."""
        self._state = state
        self._ports = ports
        self._containers = containers
        self._process: Leashed | None = None

    async def start(self) -> StorageAccount:
        """Start, wait until it answers, and create the containers.

        Raises:
            AzuriteFailed: it is not installed, or did not come up.
        """
        if not script().is_file():
            raise AzuriteFailed(
                "Azurite is not installed: run `make setup` (or `npm ci`) beside package.json"
            )
        self._state.mkdir(parents=True, exist_ok=True)
        log = self._state / "azurite.log"
        log.write_bytes(b"")  # the ports are read from it
        blob, queue, table = self._ports
        self._process = await leash.start(
            [
                node(), str(script()), "--location", str(self._state),
                "--blobPort", str(blob), "--queuePort", str(queue), "--tablePort", str(table),
                "--skipApiVersionCheck", "--loose", "--silent", "--disableTelemetry",
            ],
            cwd=self._state, stdout=log, stderr=log,
        )  # fmt: skip
        try:
            async with asyncio.timeout(PATIENCE):
                account = await self._listening(log)
            await asyncio.to_thread(create_containers, account, self._containers)
        except TimeoutError as err:
            await self.stop()
            raise AzuriteFailed(f"Azurite did not come up within {PATIENCE:.0f} s: {_tail(log)}") from err
        except BaseException:
            await self.stop()
            raise
        return account

    async def wait(self) -> int:
        """Wait until it ends, wanted or not; its exit code."""
        return await self._process.wait() if self._process else 0

    async def stop(self) -> None:
        """Stop; Azurite writes what it holds to disk first."""
        if self._process:
            await self._process.stop(grace=10)
            self._process = None

    async def _listening(self, log: Path) -> StorageAccount:
        assert self._process is not None  # noqa: S101 - for the type checker
        died = asyncio.create_task(self._process.wait())
        try:
            while True:
                ports = dict(_LISTENING.findall(log.read_text()))
                if len(ports) == 3:
                    return account_at(int(ports["Blob"]), int(ports["Queue"]), int(ports["Table"]))
                if died.done():
                    raise AzuriteFailed(f"Azurite ended with exit code {died.result()}: {_tail(log)}")
                await asyncio.sleep(0.02)
        finally:
            died.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await died


def account_at(blob: int, queue: int, table: int) -> StorageAccount:
    """The account behind those ports on loopback."""
    return StorageAccount(
        name=ACCOUNT,
        key=KEY,
        blob_endpoint=f"http://127.0.0.1:{blob}/{ACCOUNT}",
        queue_endpoint=f"http://127.0.0.1:{queue}/{ACCOUNT}",
        table_endpoint=f"http://127.0.0.1:{table}/{ACCOUNT}",
    )


def create_containers(account: StorageAccount, names: Sequence[str]) -> None:
    """Create the blob containers that are not there yet."""
    from azure.core.exceptions import ResourceExistsError
    from azure.storage.blob import BlobServiceClient

    with BlobServiceClient.from_connection_string(account.connection_string) as client:
        for name in names:
            with contextlib.suppress(ResourceExistsError):
                client.create_container(name)


def _tail(log: Path) -> str:
    return log.read_text()[-2000:].strip() or "it said nothing"
