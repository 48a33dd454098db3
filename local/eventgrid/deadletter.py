"""Events that could not be delivered become blobs, in Azure's layout."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from local.eventgrid.outbox import Delivery
    from local.storage import StorageAccount

CONTAINER = "deadletter"


def describe(delivery: Delivery, reason: str) -> dict[str, Any]:
    """The event with what Azure adds to it; lower-case names on CloudEvents."""
    added: dict[str, Any] = {
        "deadLetterReason": reason,
        "deliveryAttempts": delivery.attempts,
        "lastDeliveryOutcome": delivery.outcome,
        "publishTime": timestamp(delivery.published),
    }
    if delivery.attempted is not None:
        added["lastDeliveryAttemptTime"] = timestamp(delivery.attempted)
    if "specversion" in delivery.event:
        added = {name.lower(): value for name, value in added.items()}
    return {**delivery.event, **added}


def blob_name(topic: str, subscription: str, now: datetime) -> str:
    """`TOPIC/SUBSCRIPTION/2020/8/13/17/<guid>.json`."""
    return (
        f"{topic}/{subscription}".upper()
        + f"/{now.year}/{now.month}/{now.day}/{now.hour}/{uuid.uuid4()}.json"
    )


def write(account: StorageAccount, topic: str, delivery: Delivery, reason: str) -> str:
    """Write the dead-letter blob; its name. Blocks."""
    from azure.storage.blob import BlobServiceClient, ContentSettings

    name = blob_name(topic, delivery.subscription, datetime.now(UTC))
    with BlobServiceClient.from_connection_string(account.connection_string) as client:
        client.get_blob_client(CONTAINER, name).upload_blob(
            json.dumps([describe(delivery, reason)]),
            content_settings=ContentSettings(content_type="application/json"),
        )
    return name


def timestamp(seconds: float) -> str:
    """As Event Grid writes times: seven digits and a Z."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S.%f}0Z"
