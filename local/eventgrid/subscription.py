"""A subscription, and when a delivery that failed is tried again. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from local.eventgrid.filters import Filter

SCHEDULE = tuple(timedelta(seconds=seconds) for seconds in (10, 30, 60, 300, 600, 1800, 3600, 10800, 21600))
"""Azure's waits before the second, third ... try; after these every 12 hours."""
LATER = timedelta(hours=12)
FINAL = frozenset({400, 401, 403, 413})
"""Answers of a webhook after which trying again is useless."""
SUCCESS = frozenset({200, 201, 202, 203, 204})
OUTCOMES = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    408: "TimedOut",
    413: "RequestEntityTooLarge",
    503: "Busy",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class RetryPolicy:
    """Whichever limit comes first ends it.

    `time_scale` is local Azure's own: every wait and the time to live are multiplied by it, so that a
    demonstration need not wait as long as Azure does.
    """

    max_delivery_attempts: int = 30
    event_time_to_live: timedelta = timedelta(hours=24)
    time_scale: float = 1.0

    def wait(self, attempts: int) -> timedelta:
        """How long to wait after that many attempts have failed."""
        if attempts < 1:
            raise ValueError("nothing was tried yet")
        return (SCHEDULE[attempts - 1] if attempts <= len(SCHEDULE) else LATER) * self.time_scale

    def given_up(self, *, attempts: int, age: timedelta) -> str | None:
        """Why no further attempt is made, in Azure's words; None while there is hope.

        Azure gives an event up when its next try would come after its time to live.
        """
        if attempts >= self.max_delivery_attempts:
            return "MaxDeliveryAttemptsExceeded"
        if age + self.wait(attempts) > self.event_time_to_live * self.time_scale:
            return "TimeToLiveExceeded"
        return None


@dataclass(frozen=True, kw_only=True, slots=True)
class Subscription:
    """Where events of a topic go. `name` is unique over all topics; `endpoint` is the webhook's URL."""

    name: str
    topic: str
    endpoint: str
    filter: Filter = field(default_factory=Filter)
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    dead_letter: bool = True
    max_concurrency: int = 8


def outcome(status: int) -> str:
    """What dead-letter blobs call the answer of the last attempt."""
    return OUTCOMES.get(status, "GenericError")
