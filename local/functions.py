"""The Functions host as a leashed subprocess that is started again when it dies."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local import leash

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from local.leash import Leashed

log = logging.getLogger(__name__)
ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 60.0
SLOWEST = 30.0


class HostFailed(Exception):  # noqa: N818 - reads as what it is
    """The Functions host did not start; the message says why."""


class FunctionsHost:
    """`python -m local.host`, kept alive."""

    def __init__(
        self,
        *,
        app: Path,
        state: Path,
        port: int,
        settings: Mapping[str, str],
        changed: Callable[[str, bool], None],
    ) -> None:
        """`changed` is told what happens to the host, and whether it answers now."""
        self._app = app
        self._state = state
        self._port = port
        self._settings = settings
        self._changed = changed
        self._process: Leashed | None = None
        self._keeper: asyncio.Task[None] | None = None
        self.addresses: dict[str, Any] = {}

    @property
    def log(self) -> Path:
        """Where the host writes its log."""
        return self._state / "host.log"

    async def start(self) -> str:
        """Start it and wait until it answers; its URL.

        Raises:
            HostFailed: with what it said.
        """
        await self._start()
        self._keeper = asyncio.create_task(self._keep(), name="functions host")
        return str(self.addresses["url"])

    async def stop(self) -> None:
        """Stop it; running invocations get a few seconds to end."""
        if self._keeper:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
        if self._process:
            await self._process.stop(grace=8)

    async def _start(self) -> None:
        self._state.mkdir(parents=True, exist_ok=True)
        told, output = self._state / "host.json", self._state / "output.txt"
        told.unlink(missing_ok=True)
        output.write_bytes(b"")
        self._process = await leash.start(
            [
                sys.executable, "-m", "local.host", "--app", str(self._app), "--port", str(self._port),
                "--json", str(told), "--state", str(self._state), "--console", "error",
            ],
            cwd=ROOT, env={**os.environ, **self._settings}, stdout=output, stderr=output,
        )  # fmt: skip
        died = asyncio.create_task(self._process.wait())
        try:
            async with asyncio.timeout(PATIENCE):
                while not told.exists():
                    if died.done():
                        raise HostFailed(
                            f"the Functions host ended with exit code {died.result()}:\n{_tail(output)}"
                        )
                    await asyncio.sleep(0.02)
        except TimeoutError as err:
            await self._process.stop(0)
            raise HostFailed(
                f"the Functions host did not answer within {PATIENCE:.0f} s:\n{_tail(output)}"
            ) from err
        finally:
            died.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await died
        self.addresses = json.loads(told.read_text())

    async def _keep(self) -> None:
        pause = 0.2
        while True:
            begun = time.monotonic()
            if self._process:
                code = await self._process.wait()
                self._changed(f"the Functions host died (exit code {code}); starting it again", False)  # noqa: FBT003
            pause = 0.2 if time.monotonic() - begun > SLOWEST else min(SLOWEST, pause * 2)
            await asyncio.sleep(pause)
            try:
                await self._start()
                self._changed("the Functions host is back", True)  # noqa: FBT003
            except HostFailed as err:
                self._process = None
                self._changed(str(err), False)  # noqa: FBT003


def _tail(path: Path) -> str:
    return path.read_text(errors="replace")[-4000:].strip() or "it said nothing"
