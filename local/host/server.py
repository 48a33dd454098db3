"""The host itself: loads the app, starts its triggers, answers requests, and stops gently."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from local.host.indexing import load
from local.host.invocation import Invoker
from local.host.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from aiohttp import web

    from local.host.queues import Listener, Queues
    from local.host.timers import Timer

log = logging.getLogger("host")
SUPPORTED = frozenset({"eventGridTrigger", "httpTrigger", "queueTrigger", "timerTrigger"})


class Host:
    """A running function app."""

    def __init__(self, *, app: Path, state: Path, port: int, environment: Mapping[str, str]) -> None:
        self._app = app
        self._state = state
        self._port = port
        self._environment = environment
        self._triggers: list[asyncio.Task[None]] = []
        self._listeners: list[Listener] = []
        self._runner: web.AppRunner | None = None
        self._site: web.TCPSite | None = None
        self._invoker: Invoker | None = None
        self._queues: Queues | None = None

    async def start(self) -> dict[str, Any]:
        """Start; where everything is.

        Raises:
            AppBroken: the app cannot be loaded.
            SettingsError: a setting is missing or wrong.
        """
        settings = Settings.read(self._app, self._environment)
        functions = load(self._app, settings)
        # what is broken has been said by now: the rest takes longer to import
        from aiohttp import web

        from local.host.keys import Keys
        from local.host.queues import Listener, Queues
        from local.host.surface import WEBHOOK, Surface
        from local.host.timers import Timer

        if strange := {each.kind for each in functions} - SUPPORTED:
            log.warning("triggers that local Azure does not have, and that never fire: %s", sorted(strange))
        keys = Keys.at(self._state / "host_keys.json")
        self._queues = queues = Queues(settings)
        threads = settings.values.get("PYTHON_THREADPOOL_THREAD_COUNT")
        self._invoker = invoker = Invoker(queues.send, settings.timeout, int(threads) if threads else None)
        active = [each for each in functions if not each.disabled]
        zone = settings.values.get("WEBSITE_TIME_ZONE")
        timers = [
            Timer(each, invoker, self._state / "timers", zone)
            for each in active
            if each.kind == "timerTrigger"
        ]
        self._listeners = [
            Listener(each, invoker, queues, settings.queues) for each in active if each.kind == "queueTrigger"
        ]
        surface = Surface(functions, invoker, keys, settings.route_prefix)
        self._runner = web.AppRunner(surface.application(), access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        self._site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await self._site.start()
        url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        runners: list[Timer | Listener] = [*timers, *self._listeners]
        self._triggers = [asyncio.create_task(_watched(each)) for each in runners]
        for each in functions:
            log.info("%s: %s%s", each.name, each.kind, ", disabled" if each.disabled else "")
        return {
            "url": url,
            "webhook": f"{url}{WEBHOOK}?functionName=",
            "functions": [each.name for each in functions],
            "keys": asdict(keys),
        }

    async def stop(self, grace: float) -> int:
        """Stop: take nothing new, let what runs end; how many invocations had to be broken off."""
        if self._site:
            await self._site.stop()
        for task in self._triggers:
            task.cancel()
        await asyncio.gather(*self._triggers, return_exceptions=True)
        left = 0
        if self._invoker:
            left = await self._invoker.drain(grace)
            for listener in self._listeners:
                await listener.drain(1)
        if self._runner:
            await self._runner.cleanup()
        if self._queues:
            await self._queues.close()
        return left


async def _watched(runs: Timer | Listener) -> None:
    while True:
        try:
            await runs.run()
        except asyncio.CancelledError:
            raise
        except Exception:
            log.exception("a trigger broke; it starts again in a second")
            with contextlib.suppress(TimeoutError):
                await asyncio.sleep(1)
