"""Our own Event Grid topic."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from cloud.credentials import credential
from cloud.errors import translated

if TYPE_CHECKING:
    from azure.eventgrid import EventGridPublisherClient

    from cloud.settings import Settings
    from control.effects import Publish


class EventGridTopic:
    """Publishes in Event Grid's own schema."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def publish(self, event: Publish) -> None:
        """Send one event."""
        from azure.eventgrid import EventGridEvent

        with translated(f"publishing {event.type}"):
            self._client.send(
                EventGridEvent(
                    subject=event.subject, event_type=event.type, data=dict(event.data), data_version="1"
                ),
                retry_total=2,
            )

    @cached_property
    def _client(self) -> EventGridPublisherClient:
        from azure.core.credentials import AzureKeyCredential
        from azure.eventgrid import EventGridPublisherClient

        key = self._settings.topic_key
        return EventGridPublisherClient(
            self._settings.topic_endpoint, AzureKeyCredential(key) if key else credential(self._settings)
        )
