"""Somebody who asks an endpoint at a steady rate, whatever it answers and however long that takes."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any, Self

import aiohttp
import flow_rain
import flow_steady
from flow_loop import Loop

from cloud.mlclient import ml_client
from cloud.settings import read_settings

PATIENCE = aiohttp.ClientTimeout(total=30)


@dataclass(frozen=True, slots=True)
class Answer:
    """One request's end."""

    status: int
    """0: no answer at all."""
    deployment: str
    said: str


class Load:
    """Requests of one row each to the endpoint of that name, so many a second, from a thread of its own."""

    def __init__(self, loop: Loop, endpoint: str, rate: float) -> None:
        ml = ml_client(read_settings(flow_steady.settings(loop)))
        self._uri = str(ml.online_endpoints.get(endpoint).scoring_uri)
        key = str(ml.online_endpoints.get_keys(endpoint).primary_key)
        self._headers = {"Authorization": f"Bearer {key}"}
        self._rate = rate
        rows = flow_rain.month(6).select(flow_rain.FEATURES).slice(0, 500).to_pylist()
        self._bodies = itertools.cycle(
            [
                {"input_data": {"columns": flow_rain.FEATURES, "data": [list(row.values())]}}
                for row in rows
                if None not in row.values()
            ]
        )
        self.answers: list[Answer] = []
        self.sent = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(60)

    def by(self, deployment: str) -> int:
        """How many requests that deployment answered, well or not."""
        return sum(answer.deployment == deployment for answer in self.answers)

    def failed(self) -> Counter[tuple[int, str, str]]:
        """What was not answered well."""
        return Counter(
            (answer.status, answer.deployment, answer.said) for answer in self.answers if answer.status != 200
        )

    async def _run(self) -> None:
        connector = aiohttp.TCPConnector(limit=0, force_close=True)
        async with aiohttp.ClientSession(
            headers=self._headers, connector=connector, timeout=PATIENCE
        ) as session:
            asked: set[asyncio.Task[None]] = set()
            due = time.monotonic()
            while not self._stop.is_set():
                task = asyncio.create_task(self._ask(session, next(self._bodies)))
                asked.add(task)
                task.add_done_callback(asked.discard)
                self.sent += 1
                due = max(due + 1 / self._rate, time.monotonic() - 1)
                await asyncio.sleep(max(0.0, due - time.monotonic()))
            await asyncio.gather(*asked)

    async def _ask(self, session: aiohttp.ClientSession, body: Any) -> None:
        try:
            async with session.post(self._uri, json=body) as answer:
                said = "" if answer.status == 200 else (await answer.text())[:120]
                name = answer.headers.get("azureml-model-deployment", "")
                self.answers.append(Answer(answer.status, name, said))
        except (aiohttp.ClientError, TimeoutError) as err:
            self.answers.append(Answer(0, "", f"{type(err).__name__}: {err}"))
