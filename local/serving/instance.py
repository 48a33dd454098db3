"""One inference server: Azure's own, on loopback, in the deployment's own environment."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import shutil
from typing import TYPE_CHECKING
from uuid import uuid4

import aiohttp

from local import leash
from local.serving import surroundings
from local.serving.collector import Collector
from local.serving.console import Console
from local.serving.spec import DeploymentFailed

if TYPE_CHECKING:
    from pathlib import Path

    from local.serving.appender import Appender
    from local.serving.endpoint_log import EndpointLog
    from local.serving.spec import DeploymentSpec

LISTENING = re.compile(rb"Listening at: (http://127\.0\.0\.1:\d+)")
TAIL = 4000
EVERY = 1.0
"""Seconds between two looks at what the server wrote."""
PAUSE = 1.0
"""Seconds before a server that ended by itself is started again."""

log = logging.getLogger(__name__)


class Instance:
    """A gunicorn with `azureml-inference-server-http`, and the data collector beside it."""

    def __init__(
        self, spec: DeploymentSpec, *, folder: Path, appender: Appender, source: str, log: EndpointLog
    ) -> None:
        self.id = uuid4().hex[:12]
        self.url = ""
        """Where it listens; empty while it does not."""
        self._spec = spec
        self._folder = folder / self.id
        self._log = self._folder / "server.log"
        self._console = Console(self._log)
        self._endpoint_log = log
        self._reader: asyncio.Task[None] | None = None
        self._command: list[str] = []
        self._environment: dict[str, str] = {}
        self._process: leash.Leashed | None = None
        self._guard: asyncio.Task[None] | None = None
        self._collector = Collector(
            appender=appender, endpoint=spec.endpoint, deployment=spec.name, instance=self.id, source=source
        )

    async def start(self, session: aiohttp.ClientSession) -> None:
        """Start and wait until it is healthy; from then on it is started again when it ends by itself.

        Raises:
            DeploymentFailed: it ended, or did not become healthy in time.
        """
        self._folder.mkdir(parents=True)
        self._log.touch()
        self._reader = asyncio.create_task(self._read(), name=f"console of {self.id}")
        try:
            settings = await asyncio.to_thread(surroundings.lay_out, self._spec, self._folder)
            self._command = [
                str(self._spec.python), "-m", "gunicorn", "--config", str(settings),
                "azureml_inference_server_http.server.entry:app",
            ]  # fmt: skip
            self._environment = surroundings.variables(
                self._spec, self._folder, instance=self.id, collector_port=await self._collector.start()
            )
            self._process = await self._launch(session)
        except OSError as error:
            await self.stop()
            raise DeploymentFailed(f"The inference server could not be started: {error}") from error
        except BaseException:
            await self.stop()
            raise
        self._guard = asyncio.create_task(self._keep(session, self._process), name=f"guard of {self.id}")

    async def stop(self) -> None:
        """End the server, then the collector, so that nothing which was collected is lost."""
        if self._guard is not None:
            self._guard.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._guard
        if self._process is not None:
            self._tell("Killing", "Stopping container inference-server")
            await self._process.stop()
            self._process = None
        await self._collector.stop()
        if self._reader is not None:
            self._reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reader
            self._reader = None
            self._write_console(last=True)

    def log(self) -> str:
        """What the server has said."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def discard(self) -> None:
        """Remove the instance's folder."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _tell(self, name: str, message: str) -> None:
        self._endpoint_log.event(self._spec, self.id, name, message)

    async def _read(self) -> None:
        while True:
            await asyncio.sleep(EVERY)
            self._write_console()

    def _write_console(self, *, last: bool = False) -> None:
        for line in self._console.new(last=last):
            self._endpoint_log.console(self._spec, self.id, line)

    async def _launch(self, session: aiohttp.ClientSession) -> leash.Leashed:
        said = self._log.stat().st_size
        process = await leash.start(
            self._command,
            cwd=self._spec.code_dir,
            env=self._environment,
            stdout=self._log,
            stderr=self._log,
        )
        self._tell("Started", "Started container inference-server")
        try:
            self.url = await self._ready(session, process, said)
        except BaseException:
            await process.stop(grace=0.5)  # it has no requests to finish
            raise
        return process

    async def _keep(self, session: aiohttp.ClientSession, process: leash.Leashed) -> None:
        while True:
            code = await process.wait()
            self.url = ""
            log.warning("server of %s/%s ended with code %d", self._spec.endpoint, self._spec.name, code)
            self._tell("BackOff", "Back-off restarting failed container")
            self._process = None
            while self._process is None:
                await asyncio.sleep(PAUSE)
                try:
                    self._process = process = await self._launch(session)
                except (DeploymentFailed, OSError):
                    log.warning("server of %s/%s does not start", self._spec.endpoint, self._spec.name)

    async def _ready(self, session: aiohttp.ClientSession, process: leash.Leashed, said: int) -> str:
        ended = asyncio.ensure_future(process.wait())
        healthy = asyncio.ensure_future(self._healthy(session, said))
        try:
            await asyncio.wait(
                (ended, healthy), timeout=self._spec.ready_timeout, return_when=asyncio.FIRST_COMPLETED
            )
            if ended.done():
                raise self._failed(f"The scoring script or the server ended with code {ended.result()}.")
            if not healthy.done():
                self._tell("ReadinessProbeFailed", "Readiness probe failed: it does not answer")
                raise self._failed(f"Not healthy after {self._spec.ready_timeout:.0f} s.")
            return healthy.result()
        finally:
            ended.cancel()
            healthy.cancel()

    async def _healthy(self, session: aiohttp.ClientSession, said: int) -> str:
        while True:
            listening = LISTENING.search(self._log.read_bytes(), said)
            if listening is not None and await _answers(session, listening[1].decode()):
                return listening[1].decode()
            await asyncio.sleep(0.05)

    def _failed(self, reason: str) -> DeploymentFailed:
        return DeploymentFailed(f"{reason} The end of its log:\n{self.log()[-TAIL:]}")


async def _answers(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(f"{url}/") as answer:
            return answer.status == 200
    except aiohttp.ClientError:
        return False
