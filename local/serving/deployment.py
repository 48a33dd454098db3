"""A running deployment: its instances, and how it ends without failing a request."""

from __future__ import annotations

import asyncio
from collections import Counter
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
        self._instances = list(instances)
        self._turn = 0
        self._held: Counter[str] = Counter()
        self._freed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._instances)

    @contextmanager
    def instance(self) -> Iterator[Instance]:
        """Hold the next instance for one request; nothing that is held is ended."""
        self._turn = (self._turn + 1) % len(self._instances)
        chosen = self._instances[self._turn]
        self._held[chosen.id] += 1
        try:
            yield chosen
        finally:
            self._held[chosen.id] -= 1
            self._freed.set()

    def add(self, instances: Sequence[Instance]) -> None:
        """Ready instances join."""
        self._instances += instances

    async def shrink(self, count: int) -> None:
        """Keep so many, at least one; the others end after the requests that they hold."""
        leaving = self._instances[count:]
        del self._instances[count:]
        await self._end(leaving)

    async def drain(self) -> None:
        """Wait for the requests under way, then end the instances. The router must not know it any more."""
        await self._end(self._instances)

    async def _end(self, instances: Sequence[Instance]) -> None:
        while any(self._held[instance.id] for instance in instances):
            self._freed.clear()
            await self._freed.wait()
        if self.spec.collections and instances:
            await asyncio.sleep(COLLECTING)
        await asyncio.gather(*(instance.stop() for instance in instances))
        for instance in instances:
            instance.discard()

    def log(self) -> str:
        """What the instances have said."""
        return "\n".join(f"Instance {instance.id}:\n{instance.log()}" for instance in self._instances)
