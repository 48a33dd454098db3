"""The app's own `work` queue: messages to itself, with delay."""

from __future__ import annotations

import math
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from cloud import storage
from cloud.errors import NotFound, translated
from control.messages import Message

if TYPE_CHECKING:
    from azure.storage.queue import QueueClient

    from cloud.settings import Settings

QUEUE = "work"
LONGEST = timedelta(days=6, hours=23)
"""A message can stay invisible for at most seven days. Waking too early does no harm."""


class QueueWakeups:
    """Wake-ups through Queue Storage."""

    def __init__(self, settings: Settings, queue: str = QUEUE) -> None:
        self._settings = settings
        self._name = queue

    def wake(self, model: str, after: timedelta) -> None:
        """Put a `reconcile` message for the model on the queue, visible after that time."""
        body = Message(kind="reconcile", model=model, source="wake-up").to_json()
        seconds = math.ceil(max(timedelta(0), min(after, LONGEST)).total_seconds())
        try:
            self._send(body, seconds)
        except NotFound:  # the first message of all
            with translated(f"creating queue {self._name}"):
                self._queue.create_queue()
            self._send(body, seconds)

    def _send(self, body: str, seconds: int) -> None:
        with translated(f"sending to queue {self._name}"):
            self._queue.send_message(body, visibility_timeout=seconds, time_to_live=-1)

    @cached_property
    def _queue(self) -> QueueClient:
        return storage.queue(self._settings, self._name)
