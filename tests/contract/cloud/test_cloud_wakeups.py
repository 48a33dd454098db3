"""Wake-ups against Queue Storage."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest

from cloud.settings import Settings
from cloud.storage import queue
from cloud.wakeups import QueueWakeups
from control.messages import Message


def test_a_wake_up_appears_after_its_delay_in_the_hosts_encoding(settings: Settings, unique: str) -> None:
    wakeups = QueueWakeups(settings, unique)
    with queue(settings, unique) as reader:
        try:
            wakeups.wake("flight-delay", timedelta(hours=2))
            wakeups.wake("flight-delay", timedelta(days=90))
            assert reader.receive_message() is None
            wakeups.wake("flight-delay", timedelta(0))
            found = reader.receive_message()
            assert found is not None
            message = Message.from_json(base64.b64decode(found.content, validate=True))
            assert (message.kind, message.model) == ("reconcile", "flight-delay")
            assert found.expires_on > datetime.now(UTC) + timedelta(days=365)
        finally:
            reader.delete_queue()


@pytest.mark.parametrize("after", [timedelta(seconds=-5), timedelta(microseconds=1)])
def test_odd_delays_are_taken(settings: Settings, unique: str, after: timedelta) -> None:
    wakeups = QueueWakeups(settings, unique)
    wakeups.wake("m", after)
    with queue(settings, unique) as reader:
        assert reader.get_queue_properties().approximate_message_count == 1
        reader.delete_queue()
