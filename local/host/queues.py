"""Queue triggers and queue output bindings, on Azure Storage queues."""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import json
import logging
import random
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError
from azure.functions.meta import Datum
from azure.storage.queue.aio import QueueServiceClient

from local.host.settings import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from azure.storage.queue import QueueMessage
    from azure.storage.queue.aio import QueueClient

    from local.host.indexing import Function, Parameter
    from local.host.invocation import Invoker
    from local.host.settings import QueueOptions, Settings

log = logging.getLogger("host")
LEASE = 30
"""Seconds for which a message that is being worked on is hidden; renewed at half of it.

Azure's host takes ten minutes. Here a host that was killed is back in seconds, and so should its messages be.
"""
SHORTEST = 0.1
"""Seconds between two looks at a queue that had messages."""
MAX_TEXT = 64 * 1024


class Queues:
    """Clients, one per connection, and the sending half."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._services: dict[str, QueueServiceClient] = {}

    def client(self, binding: dict[str, Any], *, suffix: str = "") -> QueueClient:
        """The binding's queue, or the one named like it with the suffix."""
        connection = self._settings.connection(binding.get("connection"))
        if connection not in self._services:
            try:
                self._services[connection] = QueueServiceClient.from_connection_string(connection)
            except ValueError as err:
                name = binding.get("connection") or "AzureWebJobsStorage"
                raise SettingsError(f"the app setting {name} is no connection string: {err}") from err
        return self._services[connection].get_queue_client(f"{binding['queueName']}{suffix}")

    async def close(self) -> None:
        """Close the clients."""
        for service in self._services.values():
            await service.close()

    async def send(self, end: Parameter, datum: Datum) -> None:
        """An output binding: one message, or one for each element of a JSON array.

        Raises:
            TypeError: the binding is not a queue.
        """
        if end.binding["type"] != "queue":
            raise TypeError(f"output binding of type {end.binding['type']} is not there in local Azure")
        client = self.client(end.binding)
        for text in messages(datum):
            await self.put(client, text)

    async def put(self, client: QueueClient, text: str | bytes) -> None:
        """Send one message; makes the queue when it is not there."""
        encoded = encode(text) if self._settings.queues.base64 else text
        if len(encoded) > MAX_TEXT:
            raise ValueError(f"a queue message holds {MAX_TEXT} bytes, this one needs {len(encoded)}")
        try:
            await client.send_message(encoded)
        except ResourceNotFoundError:
            with contextlib.suppress(ResourceExistsError):
                await client.create_queue()
            await client.send_message(encoded)


class Listener:
    """One queue trigger: looks, runs a batch at a time, tries again, and gives up to `<queue>-poison`."""

    def __init__(self, function: Function, invoker: Invoker, queues: Queues, options: QueueOptions) -> None:
        self._function = function
        self._invoker = invoker
        self._queues = queues
        self._options = options
        self._client = queues.client(function.trigger.binding)
        self._working: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Listen until cancelled. What is being worked on then goes on by itself."""
        pause, longest = SHORTEST, max(SHORTEST, self._options.max_polling_interval.total_seconds())
        while True:
            if len(self._working) > self._options.new_batch_size:
                await asyncio.wait(self._working, return_when=asyncio.FIRST_COMPLETED)
                continue
            try:
                batch = [
                    message
                    async for message in self._client.receive_messages(
                        max_messages=min(32, self._options.batch_size), visibility_timeout=LEASE
                    )
                ]
            except ResourceNotFoundError:  # nobody has sent anything yet
                batch = []
            except AzureError as err:
                log.warning("%s: the queue cannot be read: %s", self._function.name, str(err).splitlines()[0])
                batch = []
            for message in batch:
                task = asyncio.create_task(self._work(message))
                self._working.add(task)
                task.add_done_callback(self._worked)
            pause = SHORTEST if batch else min(longest, pause * (1.5 + random.random() / 2))  # noqa: S311
            if not batch:
                await asyncio.sleep(pause)

    async def drain(self, grace: float) -> None:
        """Wait for what is being worked on."""
        if self._working:
            await asyncio.wait(self._working, timeout=grace)

    def _worked(self, task: asyncio.Task[None]) -> None:
        self._working.discard(task)
        if not task.cancelled() and (failure := task.exception()):
            log.error("%s: a message got lost on the way", self._function.name, exc_info=failure)

    async def _work(self, message: QueueMessage) -> None:
        try:
            body = decode(message.content) if self._options.base64 else str(message.content).encode()
        except ValueError:
            log.warning(
                "%s: message %s is not base64, as messageEncoding asks", self._function.name, message.id
            )
            await self._poison(message)
            return
        done = asyncio.Event()
        hidden = asyncio.create_task(self._hide(message, done))
        try:
            outcome = await self._invoker.invoke(
                self._function, datum(body), metadata(message), reason=f"queue, try {message.dequeue_count}"
            )
        finally:
            done.set()
            await hidden
        with contextlib.suppress(ResourceNotFoundError):  # its lease ran out and another took it
            if outcome.error is None:
                await self._client.delete_message(message)
            elif (message.dequeue_count or 0) >= self._options.max_dequeue_count:
                await self._poison(message)
            else:
                wait = int(self._options.visibility_timeout.total_seconds())
                await self._client.update_message(message, visibility_timeout=wait)

    async def _hide(self, message: QueueMessage, done: asyncio.Event) -> None:
        """Renew the message's lease until it is done; never broken off half-way, for the receipt changes."""
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(done.wait(), LEASE / 2)
                return
            try:
                renewed = await self._client.update_message(message, visibility_timeout=LEASE)
                message.pop_receipt = renewed.pop_receipt
            except AzureError as err:
                log.warning("%s: lease not renewed: %s", self._function.name, str(err).splitlines()[0])

    async def _poison(self, message: QueueMessage) -> None:
        binding = self._function.trigger.binding
        poison = self._queues.client(binding, suffix="-poison")
        with contextlib.suppress(ResourceExistsError):
            await poison.create_queue()
        await poison.send_message(message.content)  # as it is, not encoded again
        await self._client.delete_message(message)
        log.error("%s: message %s went to %s-poison", self._function.name, message.id, binding["queueName"])


def encode(text: str | bytes) -> str:
    """A message's content on the wire."""
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def decode(content: str | bytes) -> bytes:
    """What a message says.

    Raises:
        ValueError: it is not base64.
    """
    try:
        return base64.b64decode(content, validate=True)
    except binascii.Error as err:
        raise ValueError(str(err)) from err


def datum(body: bytes) -> Datum:
    """The trigger's data: text, or bytes when it is none."""
    try:
        return Datum(body.decode(), "string")
    except UnicodeDecodeError:
        return Datum(body, "bytes")


def messages(datum: Datum) -> Iterable[str | bytes]:
    """The messages that a function's output stands for."""
    if datum.type in {"string", "bytes"}:
        return [datum.value]
    parsed = json.loads(datum.value)
    return [
        each if isinstance(each, str) else json.dumps(each)
        for each in (parsed if isinstance(parsed, list) else [parsed])
    ]


def metadata(message: QueueMessage) -> dict[str, Datum]:
    """Trigger metadata under the host's names."""
    times = {
        "InsertionTime": message.inserted_on,
        "ExpirationTime": message.expires_on,
        "NextVisibleTime": message.next_visible_on,
    }
    return {
        "Id": Datum(message.id, "string"),
        "PopReceipt": Datum(message.pop_receipt, "string"),
        "DequeueCount": Datum(json.dumps(message.dequeue_count), "json"),
        **{name: Datum(json.dumps(at.isoformat()), "json") for name, at in times.items() if at is not None},
    }
