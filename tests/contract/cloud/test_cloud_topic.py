"""Our own topic, against Event Grid."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from cloud.topic import EventGridTopic
from control.effects import Publish
from control.errors import Refused, Unavailable

if TYPE_CHECKING:
    from pathlib import Path

    from cloud.settings import Settings

EVENT = Publish(
    type="Homeostat.DriftDetected",
    subject="models/flight-delay/batches/2013-01",
    data=(("model", "flight-delay"), ("version", "0a1b")),
)


def test_an_event_arrives_in_event_grids_schema(settings: Settings, background: Any, tmp_path: Path) -> None:
    if not settings.is_local:
        EventGridTopic(settings).publish(EVENT)
        return
    from local.eventgrid import EventGrid, Topic

    seen: list[dict[str, Any]] = []
    service = EventGrid(
        state=tmp_path, topics=[Topic(name="homeostat", id="/topics/homeostat", key="k")], subscriptions=[]
    )
    service.watch(seen.append)
    background.run(service.start())
    try:
        here = replace(settings, topic_endpoint=service.endpoint("homeostat"), topic_key="k")
        EventGridTopic(here).publish(EVENT)
        with pytest.raises(Refused, match=r"publishing Homeostat.DriftDetected: .*401"):
            EventGridTopic(replace(here, topic_key="wrong")).publish(EVENT)
    finally:
        background.run(service.stop())
    (event,) = seen
    assert event["eventType"] == "Homeostat.DriftDetected"
    assert event["subject"] == "models/flight-delay/batches/2013-01"
    assert event["data"] == {"model": "flight-delay", "version": "0a1b"}


def test_a_topic_that_does_not_answer_is_unavailable(settings: Settings) -> None:
    gone = replace(settings, topic_endpoint="http://127.0.0.1:1/api/events", topic_key="k")
    with pytest.raises(Unavailable, match="publishing"):
        EventGridTopic(gone).publish(EVENT)
