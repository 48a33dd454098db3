"""Operations on batch endpoints and deployments end after the time that they take."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

BUSY = {"Creating", "Updating", "Deleting"}


class Settling:
    """What is under way; what does not end before this stops ends after the next start."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._tasks: set[asyncio.Task[None]] = set()

    def later(self, done: Callable[[], None]) -> None:
        """Call that when the operation's time is over."""
        task = asyncio.create_task(self._wait(done))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Stop what is under way."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _wait(self, done: Callable[[], None]) -> None:
        await asyncio.sleep(self._seconds)
        done()
