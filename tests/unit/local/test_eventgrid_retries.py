"""When a delivery that failed is tried again, and when it is given up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from local.eventgrid.deadletter import blob_name, describe, timestamp
from local.eventgrid.outbox import Delivery
from local.eventgrid.subscription import RetryPolicy

HOUR = 3600


def test_waits_are_azures() -> None:
    waits = [RetryPolicy().wait(attempt).total_seconds() for attempt in range(1, 13)]
    assert waits == [10, 30, 60, 300, 600, 1800, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, 12 * HOUR, 12 * HOUR]


def test_time_scale_shortens_waits_and_life() -> None:
    policy = RetryPolicy(time_scale=0.01)
    assert policy.wait(1) == timedelta(seconds=0.1)
    assert policy.given_up(attempts=1, age=timedelta(minutes=15)) == "TimeToLiveExceeded"
    assert policy.given_up(attempts=1, age=timedelta(minutes=14)) is None


def test_nothing_was_tried_yet() -> None:
    with pytest.raises(ValueError, match="nothing was tried"):
        RetryPolicy().wait(0)


def test_given_up_after_so_many_attempts() -> None:
    policy = RetryPolicy(max_delivery_attempts=3)
    assert policy.given_up(attempts=2, age=timedelta(minutes=1)) is None
    assert policy.given_up(attempts=3, age=timedelta(minutes=1)) == "MaxDeliveryAttemptsExceeded"


def test_given_up_when_the_next_try_would_come_too_late() -> None:
    age, attempts = timedelta(0), 0
    while RetryPolicy().given_up(attempts=attempts + 1, age=age) is None:
        attempts += 1
        age += RetryPolicy().wait(attempts)
    # 10 s + 30 s + 1 + 5 + 10 + 30 min + 1 + 3 + 6 h, and one of 12 h fits into a day
    assert attempts == 10
    assert age < timedelta(hours=24)


@pytest.mark.parametrize("cloud", [False, True])
def test_dead_letter_blob_is_like_azures(*, cloud: bool) -> None:
    event = {"specversion": "1.0", "id": "1"} if cloud else {"id": "1", "eventType": "T"}
    delivery = Delivery(
        number=1, subscription="s", event=event, attempts=2, published=0.5, outcome="NotFound", attempted=1.5
    )
    added = {
        "deadLetterReason": "MaxDeliveryAttemptsExceeded",
        "deliveryAttempts": 2,
        "lastDeliveryOutcome": "NotFound",
        "publishTime": "1970-01-01T00:00:00.5000000Z",
        "lastDeliveryAttemptTime": "1970-01-01T00:00:01.5000000Z",
    }
    expected = {name.lower(): value for name, value in added.items()} if cloud else added
    assert describe(delivery, "MaxDeliveryAttemptsExceeded") == {**event, **expected}


def test_dead_letter_blob_name() -> None:
    name = blob_name("storage", "new-data", datetime(2020, 8, 3, 7, tzinfo=UTC))
    assert name.startswith("STORAGE/NEW-DATA/2020/8/3/7/")
    assert name.endswith(".json")


def test_timestamp_has_seven_digits() -> None:
    assert timestamp(1.25) == "1970-01-01T00:00:01.2500000Z"
