"""The data collector beside an instance: takes what score.py collects and lays it down in Blob storage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from local.serving import records

if TYPE_CHECKING:
    from local.serving.appender import Appender


class Collector:
    """Listens for one instance, on a port of its own: payloads do not say where they are from."""

    def __init__(
        self, *, appender: Appender, endpoint: str, deployment: str, instance: str, source: str
    ) -> None:
        self._appender = appender
        self._endpoint = endpoint
        self._deployment = deployment
        self._instance = instance
        self._source = source
        self._runner: web.AppRunner | None = None

    async def start(self) -> int:
        """Listen; returns the port."""
        app = web.Application(client_max_size=256 * 1024 * 1024)
        app.router.add_post("/modeldata/log", self._take)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=2)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Stop to listen."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _take(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        try:
            name = records.collection(headers)
            line = records.line(headers, await request.read(), self._source)
            path = records.blob(
                self._endpoint, self._deployment, name, records.moment(headers), self._instance
            )
        except records.Malformed as error:
            return web.Response(status=400, text=str(error))
        self._appender.add(path, line)
        return web.Response(status=202)
