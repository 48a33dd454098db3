"""The Functions host of local Azure around one app: run as a script, in a fresh interpreter.

    python host_harness.py APP < requests.json > answers.json

Takes the same requests as worker_harness.py and gives answers of the same form, so that the two can be
compared. Events and HTTP requests go in over HTTP, as they would; timers and queue messages by the invoker.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import web
from azure.functions.meta import Datum

from local.host.indexing import AppBroken, load
from local.host.invocation import Invoker
from local.host.keys import Keys
from local.host.settings import Settings, SettingsError
from local.host.surface import WEBHOOK, Surface

if TYPE_CHECKING:
    from local.host.indexing import Function, Parameter


def plain(datum: Datum) -> dict[str, Any]:
    """A value that came out, as `{KIND: VALUE}`."""
    return {datum.type: datum.value.decode() if isinstance(datum.value, bytes) else datum.value}


class Harness:
    """The host's parts, with a list in the place of the storage queues."""

    def __init__(self, app: Path) -> None:
        settings = Settings.read(app, os.environ)
        self.functions = {each.name: each for each in load(app, settings)}
        self._invoker = Invoker(self._keep, settings.timeout)
        keys = Keys(master="m", functions="f", eventgrid="e")
        self._surface = Surface(list(self.functions.values()), self._invoker, keys, settings.route_prefix)
        self._sent: dict[str, Any] = {}

    async def _keep(self, end: Parameter, datum: Datum) -> None:
        self._sent[end.binding["name"]] = plain(datum)

    async def answers(self, invocations: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Make the invocations, one after the other."""
        runner = web.AppRunner(self._surface.application(), access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        made = []
        try:
            async with aiohttp.ClientSession(url) as client:
                for asked in invocations:
                    self._sent = {}
                    answer = await self._invoke(client, self.functions[asked["function"]], asked)
                    made.append(answer | {"function": asked["function"], "outputs": self._sent})
        finally:
            await self._invoker.drain(1)
            await runner.cleanup()
        return made

    async def _invoke(
        self, client: aiohttp.ClientSession, function: Function, asked: dict[str, Any]
    ) -> dict[str, Any]:
        ((kind, content),) = asked["data"].items()
        if function.kind == "eventGridTrigger":
            headers = {"aeg-event-type": "Notification"}
            async with client.post(
                WEBHOOK, params={"functionName": function.name}, data=content.encode(), headers=headers
            ) as response:
                text = await response.text()
                return {"ok": response.status == 202, "error": text or None, "returned": None}
        if kind == "http":
            path = f"/api/{function.trigger.binding['route']}"
            async with client.request(
                content["method"],
                path,
                params=content.get("query"),
                data=content["body"]["bytes"].encode(),
                headers=content["headers"],
            ) as response:
                http = {
                    "status_code": str(response.status),
                    "headers": {"content-type": response.headers["content-type"]},
                    "body": {"bytes": await response.text()},
                }
                return {"ok": response.status != 500, "error": None, "returned": {"http": http}}
        metadata = {
            name: Datum(next(iter(value.values())), next(iter(value)))
            for name, value in asked.get("metadata", {}).items()
        }
        outcome = await self._invoker.invoke(function, Datum(content, kind), metadata, reason="a test")
        return {"ok": outcome.error is None, "error": outcome.message or None, "returned": None}


def main() -> None:
    """Serve one app from standard input to standard output."""
    app = Path(sys.argv[1]).resolve()
    asked = json.load(sys.stdin)
    real, sys.stdout = sys.stdout, sys.stderr  # what the app prints is log
    try:
        harness = Harness(app)
    except (AppBroken, SettingsError) as err:
        json.dump({"load": {"ok": False, "error": str(err)}, "functions": {}, "answers": []}, real)
        return
    answers = asyncio.run(harness.answers(asked.get("invocations", [])))
    json.dump(
        {
            "load": {"ok": True, "error": None},
            "functions": dict.fromkeys(harness.functions),
            "answers": answers,
        },
        real,
    )


if __name__ == "__main__":
    main()
