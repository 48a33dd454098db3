"""A running deployment: its instances, and how it ends without failing a request."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from local.serving.instance import Instance
    from local.serving.spec import DeploymentSpec

COLLECTING = 0.3
"""Seconds for what was collected to leave a server: its collector sends after the answer, from a thread."""


class Deployment:
    """Ready instances behind one name."""

    def __init__(self, spec: DeploymentSpec, instances: Sequence[Instance]) -> None:
        self.spec = spec
        self._instances = tuple(instances)
        self._turns = itertools.cycle(instances)
        self._in_flight = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @contextmanager
    def instance(self) -> Iterator[Instance]:
        """Hold the next instance for one request; `drain` waits until nothing is held."""
        self._in_flight += 1
        self._idle.clear()
        try:
            yield next(self._turns)
        finally:
            self._in_flight -= 1
            if not self._in_flight:
                self._idle.set()

    async def drain(self) -> None:
        """Wait for the requests under way, then end the instances. The router must not know it any more."""
        await self._idle.wait()
        if self.spec.collections:
            await asyncio.sleep(COLLECTING)
        await asyncio.gather(*(instance.stop() for instance in self._instances))
        for instance in self._instances:
            instance.discard()

    def log(self) -> str:
        """What the instances have said."""
        return "\n".join(f"Instance {instance.id}:\n{instance.log()}" for instance in self._instances)
