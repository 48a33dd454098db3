"""Delivers what the outbox owes: one event a request, at least once, in no order."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import logging
import time
import uuid
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import aiohttp

from local.eventgrid import deadletter
from local.eventgrid.deadletter import timestamp
from local.eventgrid.subscription import FINAL, SUCCESS, outcome

if TYPE_CHECKING:
    from local.eventgrid.outbox import Delivery, Outbox
    from local.eventgrid.subscription import Subscription
    from local.storage import StorageAccount

log = logging.getLogger(__name__)
PATIENCE = 30.0
"""Seconds that Event Grid waits for an answer."""


class Deliveries:
    """The loop that works the outbox off."""

    def __init__(
        self, outbox: Outbox, subscriptions: dict[str, Subscription], account: StorageAccount | None
    ) -> None:
        self._outbox = outbox
        self._subscriptions = subscriptions
        self._account = account
        self._wake = asyncio.Event()
        self._running: dict[int, asyncio.Task[None]] = {}
        self._gates = {name: asyncio.Semaphore(each.max_concurrency) for name, each in subscriptions.items()}
        self._validating = {name: asyncio.Lock() for name in subscriptions}
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """Something is owed."""
        self._wake.set()

    def start(self) -> None:
        """Begin to deliver."""
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE))
        self._loop = asyncio.create_task(self._work(), name="event grid deliveries")

    async def stop(self) -> None:
        """Stop; what was not delivered stays owed."""
        tasks = [*self._running.values(), *([self._loop] if self._loop else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._session:
            await self._session.close()

    async def _work(self) -> None:
        while True:
            self._wake.clear()
            room = 256 - len(self._running)
            for delivery in self._outbox.due(excluding=self._running, limit=max(0, room)):
                task = asyncio.create_task(self._deliver(delivery))
                self._running[delivery.number] = task
                task.add_done_callback(functools.partial(self._ended, delivery.number))
            soonest = self._outbox.next_due(excluding=self._running) if room > 0 else None
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(
                    self._wake.wait(), None if soonest is None else max(0.0, soonest - time.time())
                )

    def _ended(self, number: int, task: asyncio.Task[None]) -> None:
        self._running.pop(number, None)
        self._wake.set()
        if not task.cancelled() and (failure := task.exception()):
            log.error("event grid: a delivery broke", exc_info=failure)

    async def _deliver(self, delivery: Delivery) -> None:
        subscription = self._subscriptions.get(delivery.subscription)
        if subscription is None:  # it was there when the event was published
            log.warning("event grid: subscription %s is gone, its event is dropped", delivery.subscription)
            self._outbox.done(delivery.number)
            return
        async with self._gates[subscription.name]:
            status, said = await self._attempt(subscription, delivery)
        if status in SUCCESS:
            self._outbox.done(delivery.number)
            return
        tried = replace(delivery, attempts=delivery.attempts + 1, outcome=said, attempted=time.time())
        age = timedelta(seconds=time.time() - delivery.published)
        reason = (
            f"UndeliverableDueToHttp{said}"
            if status in FINAL
            else subscription.retry.given_up(attempts=tried.attempts, age=age)
        )
        if reason is None:
            wait = subscription.retry.wait(tried.attempts).total_seconds()
            log.info(
                "event grid: %s answered %s, attempt %d; again in %.1f s",
                subscription.name, said, tried.attempts, wait,
            )  # fmt: skip
            self._outbox.failed(delivery.number, outcome=said, due=time.time() + wait)
            return
        if subscription.dead_letter and self._account:
            try:
                blob = await asyncio.to_thread(
                    deadletter.write, self._account, subscription.topic, tried, reason
                )
            except Exception:
                log.exception("event grid: the dead-letter blob could not be written; trying again")
                self._outbox.failed(delivery.number, outcome=said, due=time.time() + 1)
                return
            log.warning("event grid: %s gave up (%s, %s): %s", subscription.name, reason, said, blob)
        else:
            log.warning("event grid: %s gave up (%s, %s): dropped", subscription.name, reason, said)
        self._outbox.done(delivery.number)

    async def _attempt(self, subscription: Subscription, delivery: Delivery) -> tuple[int, str]:
        """One try: the status, 0 when there was none, and the outcome's name."""
        try:
            async with self._validating[subscription.name]:
                if not self._outbox.validated(subscription.name, subscription.endpoint):
                    status = await self._validate(subscription)
                    if status != 200:
                        # Azure would not even create the subscription: wait until the endpoint is right
                        return 0, outcome(status) if status else "GenericError"
                    self._outbox.set_validated(subscription.name, subscription.endpoint)
            cloud = "specversion" in delivery.event
            status, _ = await self._post(
                subscription,
                json.dumps(delivery.event if cloud else [delivery.event]),
                content_type="application/cloudevents+json" if cloud else "application/json",
                kind="Notification",
                delivered=delivery.attempts,
            )
        except TimeoutError:
            return 0, "TimedOut"
        except aiohttp.ClientError:
            return 0, "GenericError"
        return status, outcome(status)

    async def _validate(self, subscription: Subscription) -> int:
        """Event Grid's handshake: 200 when the endpoint gave the code back, else its status or 0."""
        code = str(uuid.uuid4())
        event: dict[str, Any] = {
            "id": str(uuid.uuid4()),
            "topic": subscription.topic,
            "subject": "",
            "data": {"validationCode": code},
            "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
            "eventTime": timestamp(time.time()),
            "metadataVersion": "1",
            "dataVersion": "2",
        }
        status, body = await self._post(
            subscription, json.dumps([event]), content_type="application/json", kind="SubscriptionValidation"
        )
        with contextlib.suppress(ValueError, AttributeError):
            if status == 200 and json.loads(body).get("validationResponse") == code:
                return 200
        log.warning("event grid: %s did not validate: status %d", subscription.name, status)
        return status if status not in {200, *FINAL} else 0

    async def _post(
        self, subscription: Subscription, body: str, *, content_type: str, kind: str, delivered: int = 0
    ) -> tuple[int, bytes]:
        assert self._session is not None  # noqa: S101 - start() came first
        async with self._session.post(
            subscription.endpoint,
            data=body.encode(),
            headers={
                "Content-Type": f"{content_type}; charset=utf-8",
                "aeg-event-type": kind,
                "aeg-subscription-name": subscription.name.upper(),
                "aeg-delivery-count": str(delivered),
                "aeg-data-version": "",
                "aeg-metadata-version": "1",
            },
        ) as answer:
            return answer.status, await answer.read()
