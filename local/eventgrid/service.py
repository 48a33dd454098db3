"""The service: topics that take events, from inside and over HTTP, and hand them to the outbox."""

from __future__ import annotations

import hmac
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiohttp import web

from local.eventgrid import schema
from local.eventgrid.delivery import Deliveries
from local.eventgrid.outbox import Outbox
from local.eventgrid.schema import Rejected

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from local.eventgrid.subscription import Subscription
    from local.storage import StorageAccount

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Topic:
    """A topic. `key` opens it to publishers over HTTP; a system topic has none and takes none."""

    name: str
    id: str
    """ARM id: every event of the topic carries it."""
    key: str | None = None


class EventGrid:
    """Event Grid: topics, subscriptions, delivery."""

    def __init__(
        self,
        *,
        state: Path,
        topics: Sequence[Topic],
        subscriptions: Sequence[Subscription],
        account: StorageAccount | None = None,
        port: int = 0,
    ) -> None:
        """`account` holds the dead-letter container; without it undeliverable events are dropped."""
        self._topics = {topic.name: topic for topic in topics}
        self._subscriptions = {each.name: each for each in subscriptions}
        unknown = {each.topic for each in subscriptions} - set(self._topics)
        if unknown or len(self._subscriptions) != len(subscriptions):
            raise ValueError(f"subscriptions to topics that are not there ({unknown}), or two of one name")
        self._state = state
        self._account = account
        self._port = port
        self._runner: web.AppRunner | None = None
        self._outbox: Outbox | None = None
        self._deliveries: Deliveries | None = None
        self._watchers: list[Callable[[dict[str, Any]], None]] = []

    def watch(self, watcher: Callable[[dict[str, Any]], None]) -> None:
        """Show every event that a topic takes to that function too."""
        self._watchers.append(watcher)

    async def start(self) -> str:
        """Listen and begin to deliver; the base URL."""
        self._outbox = Outbox(self._state / "eventgrid.sqlite")
        self._deliveries = Deliveries(self._outbox, self._subscriptions, self._account)
        self._deliveries.start()
        app = web.Application(client_max_size=8 * schema.MAX_BYTES)
        app.router.add_post("/topics/{topic}/api/events", self._published)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]
        return f"http://127.0.0.1:{self._port}"

    async def stop(self) -> None:
        """Stop; what was not delivered is delivered after the next start on this state."""
        if self._runner:
            await self._runner.cleanup()
        if self._deliveries:
            await self._deliveries.stop()
        if self._outbox:
            self._outbox.close()

    def endpoint(self, topic: str) -> str:
        """Where publishers send that topic's events."""
        return f"http://127.0.0.1:{self._port}/topics/{topic}/api/events"

    async def publish(self, topic: str, events: list[dict[str, Any]]) -> None:
        """Take events of a system topic, in Event Grid's schema; returns once they are on disk."""
        known = self._topics[topic]
        self._take(known, [{"topic": known.id, "metadataVersion": "1", **event} for event in events])

    def owed(self) -> int:
        """How many deliveries are owed: 0 means that everything arrived."""
        return self._outbox.owed() if self._outbox else 0

    def hurry(self) -> None:
        """Try now what waits for another try: the webhooks' host is back."""
        if self._outbox and self._deliveries:
            self._outbox.hurry()
            self._deliveries.wake()

    def _take(self, topic: Topic, events: list[dict[str, Any]]) -> None:
        if not (self._outbox and self._deliveries):
            raise RuntimeError("Event Grid has not started")
        self._outbox.add(
            (subscription.name, event)
            for event in events
            for subscription in self._subscriptions.values()
            if subscription.topic == topic.name and subscription.filter.matches(event)
        )
        self._deliveries.wake()
        for watcher in self._watchers:
            for event in events:
                watcher(event)

    async def _published(self, request: web.Request) -> web.Response:
        try:
            topic = self._topics.get(request.match_info["topic"])
            if topic is None or topic.key is None:
                raise Rejected(404, "NotFound", f"There is no topic '{request.match_info['topic']}'.")
            _authorize(request, topic.key)
            if "api-version" not in request.query:
                raise Rejected(400, "BadRequest", "The request must have the parameter 'api-version'.")
            body = await _bounded(request)
            self._take(topic, schema.parse(body, request.headers.get("Content-Type", ""), topic.id))
        except Rejected as err:
            log.info("event grid: refused a publish request: %s", err)
            return web.json_response(err.body(), status=err.status)
        return web.Response(status=200)


def _authorize(request: web.Request, key: str) -> None:
    given = request.headers.get("aeg-sas-key")
    if given is None:
        raise Rejected(
            401,
            "Unauthorized",
            "Request must contain one of the following authorization signature: aeg-sas-token, aeg-sas-key.",
        )
    if not hmac.compare_digest(given.encode(), key.encode()):
        raise Rejected(401, "Unauthorized", "The request authorization key is not authorized for this topic.")


async def _bounded(request: web.Request) -> bytes:
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge as err:
        raise Rejected(
            413, "RequestEntityTooLarge", f"The maximum size ({schema.MAX_BYTES}) has been exceeded."
        ) from err
