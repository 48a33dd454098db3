"""Event Grid through the unmodified publisher client, to a webhook that answers as the test wants."""

from __future__ import annotations

import asyncio
import json
import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import requests
from aiohttp import web
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.core.messaging import CloudEvent
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.eventgrid import EventGridEvent, EventGridPublisherClient
from azure.storage.blob import ContainerClient

from local.eventgrid import EventGrid, Filter, RetryPolicy, Subscription, Topic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from local.storage import StorageAccount

KEY = "a-key"
TOPIC_ID = "/subscriptions/s/resourceGroups/g/providers/Microsoft.EventGrid/topics/own"


@dataclass
class Webhook:
    """A webhook: gives validation codes back, notes what comes, answers with the next status of the list."""

    answers: list[int] = field(default_factory=list)
    got: list[tuple[dict[str, str], Any]] = field(default_factory=list)
    validations: int = 0
    validates: bool = True
    url: str = ""
    runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application()
        app.router.add_post("/", self.take)
        self.runner = web.AppRunner(app, access_log=None)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self.runner.addresses[0][1]}/"

    async def stop(self) -> None:
        assert self.runner
        await self.runner.cleanup()

    async def take(self, request: web.Request) -> web.Response:
        body = await request.json()
        if request.headers["aeg-event-type"] == "SubscriptionValidation":
            self.validations += 1
            if not self.validates:
                return web.Response(status=404)
            return web.json_response({"validationResponse": body[0]["data"]["validationCode"]})
        self.got.append((dict(request.headers), body))
        return web.Response(status=self.answers.pop(0) if self.answers else 202)


@dataclass
class Service:
    """Event Grid with one own topic, one system topic, and one subscription to each."""

    grid: EventGrid
    webhook: Webhook
    run: Callable[..., Any]

    def publisher(self, key: str = KEY) -> EventGridPublisherClient:
        return EventGridPublisherClient(
            self.grid.endpoint("own"), AzureKeyCredential(key), per_call_policies=[AllowHttp()]
        )


class AllowHttp(SansIOHTTPPolicy):  # type: ignore[misc]
    """The one thing that loopback needs."""

    def on_request(self, request: Any) -> None:
        request.context.options.setdefault("enforce_https", False)


def subscriptions(url: str, **retry: Any) -> list[Subscription]:
    policy = RetryPolicy(**{"time_scale": 0.01, **retry})
    return [
        Subscription(
            name="wanted",
            topic="own",
            endpoint=url,
            filter=Filter(included_event_types=["Wanted", "AlsoWanted"]),
            retry=policy,
        ),
        Subscription(name="system-events", topic="system", endpoint=url, retry=policy),
    ]


def grid(state: Path, url: str, account: StorageAccount | None, **retry: Any) -> EventGrid:
    topics = [Topic(name="own", id=TOPIC_ID, key=KEY), Topic(name="system", id="/the/system/topic")]
    return EventGrid(state=state, topics=topics, subscriptions=subscriptions(url, **retry), account=account)


@pytest.fixture
def webhook(background: Any) -> Iterator[Webhook]:
    hook = Webhook()
    background.run(hook.start())
    yield hook
    background.run(hook.stop())


@pytest.fixture
def service(background: Any, webhook: Webhook, azurite: StorageAccount, tmp_path: Path) -> Iterator[Service]:
    eventgrid = grid(tmp_path, webhook.url, azurite, max_delivery_attempts=3)
    background.run(eventgrid.start())
    yield Service(eventgrid, webhook, background.run)
    background.run(eventgrid.stop())


def event(kind: str = "Wanted", **data: Any) -> EventGridEvent:
    return EventGridEvent(subject="models/m", event_type=kind, data=data, data_version="1")


def test_events_in_event_grids_schema(service: Service, eventually: Any) -> None:
    with service.publisher() as client:
        client.send([event(number=1), event("Unwanted"), event("AlsoWanted", number=2)])
    eventually(lambda: service.grid.owed() == 0 and len(service.webhook.got) == 2)
    assert service.webhook.validations == 1
    bodies = {body[0]["eventType"]: body for _, body in service.webhook.got}
    assert {kind: len(body) for kind, body in bodies.items()} == {"Wanted": 1, "AlsoWanted": 1}
    delivered = bodies["Wanted"][0]
    assert delivered["topic"] == TOPIC_ID
    assert delivered["metadataVersion"] == "1"
    assert delivered["data"] == {"number": 1}
    headers = service.webhook.got[0][0]
    assert headers["aeg-event-type"] == "Notification"
    assert headers["aeg-subscription-name"] == "WANTED"
    assert headers["aeg-delivery-count"] == "0"


def test_cloud_events(service: Service, eventually: Any) -> None:
    with service.publisher() as client:
        client.send([CloudEvent(source="/s", type="Wanted", data={"a": 1}, extensions={"extra": "x"})])
    eventually(lambda: len(service.webhook.got) == 1)
    headers, body = service.webhook.got[0]
    assert headers["Content-Type"].startswith("application/cloudevents+json")
    assert (body["type"], body["data"], body["extra"], body["specversion"]) == (
        "Wanted",
        {"a": 1},
        "x",
        "1.0",
    )


def test_system_topics_are_published_to_from_inside_only(service: Service, eventually: Any) -> None:
    one = {"id": "1", "subject": "s", "eventType": "X", "eventTime": "2024-01-01T00:00:00Z", "data": {}}
    service.run(service.grid.publish("system", [one]))
    eventually(lambda: len(service.webhook.got) == 1)
    assert service.webhook.got[0][1] == [{**one, "topic": "/the/system/topic", "metadataVersion": "1"}]
    refused = requests.post(
        service.grid.endpoint("system") + "?api-version=2018-01-01",
        json=[one],
        headers={"aeg-sas-key": KEY},
        timeout=10,
    )
    assert refused.status_code == 404


def test_a_wrong_key_is_refused(service: Service) -> None:
    with service.publisher("wrong") as client, pytest.raises(ClientAuthenticationError):
        client.send([event()])
    bare = requests.post(service.grid.endpoint("own") + "?api-version=2018-01-01", json=[], timeout=10)
    assert bare.status_code == 401
    assert bare.json()["error"]["code"] == "Unauthorized"
    assert "aeg-sas-key" in bare.json()["error"]["message"]


GOOD = {
    "id": "1",
    "subject": "s",
    "eventType": "Wanted",
    "eventTime": "2024-01-01T00:00:00Z",
    "data": {},
    "dataVersion": "1",
}


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"{", 400, "not valid JSON"),
        (json.dumps(GOOD).encode(), 400, "Expected: StartArray, actual: StartObject"),
        (json.dumps(["x"]).encode(), 400, "must be a JSON object"),
        (json.dumps([{**GOOD, "eventType": ""}]).encode(), 400, "'eventType'"),
        (json.dumps([{name: value for name, value in GOOD.items() if name != "id"}]).encode(), 400, "'id'"),
        (json.dumps([{**GOOD, "eventTime": "yesterday"}]).encode(), 400, "yesterday"),
        (json.dumps([{**GOOD, "topic": "/another"}]).encode(), 400, "'topic'"),
        (json.dumps([{**GOOD, "data": "x" * 1024 * 1024}]).encode(), 413, "1048576"),
    ],
    ids=["json", "object", "string", "type", "id", "time", "topic", "size"],
)
def test_what_is_no_event_is_refused(service: Service, body: bytes, status: int, message: str) -> None:
    answer = requests.post(
        service.grid.endpoint("own") + "?api-version=2018-01-01",
        data=body,
        headers={"aeg-sas-key": KEY, "Content-Type": "application/json"},
        timeout=10,
    )
    assert answer.status_code == status
    assert message in answer.json()["error"]["message"]
    assert service.grid.owed() == 0


def test_one_wrong_event_refuses_the_whole_request(service: Service) -> None:
    with service.publisher() as client, pytest.raises(HttpResponseError, match="eventType"):
        client.send([event().__dict__ | GOOD, {**GOOD, "eventType": ""}])
    assert service.grid.owed() == 0
    assert service.webhook.got == []


def test_a_failure_is_tried_again(service: Service, eventually: Any) -> None:
    service.webhook.answers = [500, 503]
    with service.publisher() as client:
        client.send([event()])
    eventually(lambda: service.grid.owed() == 0)
    assert [headers["aeg-delivery-count"] for headers, _ in service.webhook.got] == ["0", "1", "2"]
    assert len({json.dumps(body) for _, body in service.webhook.got}) == 1


@pytest.mark.parametrize(
    ("answers", "reason", "outcome", "attempts"),
    [
        ([500, 500, 404], "MaxDeliveryAttemptsExceeded", "NotFound", 3),
        ([400], "UndeliverableDueToHttpBadRequest", "BadRequest", 1),
        ([401], "UndeliverableDueToHttpUnauthorized", "Unauthorized", 1),
        ([403], "UndeliverableDueToHttpForbidden", "Forbidden", 1),
        ([413], "UndeliverableDueToHttpRequestEntityTooLarge", "RequestEntityTooLarge", 1),
    ],
)
def test_what_cannot_be_delivered_becomes_a_blob(
    service: Service,
    azurite: StorageAccount,
    eventually: Any,
    answers: list[int],
    reason: str,
    outcome: str,
    attempts: int,
) -> None:
    mark = str(uuid.uuid4())
    service.webhook.answers = list(answers)
    with service.publisher() as client:
        client.send([event(mark=mark)])
    eventually(lambda: service.grid.owed() == 0)
    assert len(service.webhook.got) == attempts
    with ContainerClient.from_connection_string(azurite.connection_string, "deadletter") as container:
        names = [name for name in container.list_blob_names() if name.startswith("OWN/WANTED/")]
        letters = [json.loads(container.download_blob(name).readall()) for name in names]
    [letter] = [each for [each] in letters if each["data"]["mark"] == mark]
    assert letter["deadLetterReason"] == reason
    assert letter["lastDeliveryOutcome"] == outcome
    assert letter["deliveryAttempts"] == attempts
    assert letter["publishTime"] <= letter["lastDeliveryAttemptTime"]
    assert letter["eventType"] == "Wanted"


def test_a_restart_loses_nothing(background: Any, tmp_path: Path, webhook: Webhook, eventually: Any) -> None:
    before = grid(tmp_path, "http://127.0.0.1:9/", None)  # nobody listens there
    background.run(before.start())
    one = {"id": "1", "subject": "s", "eventType": "X", "eventTime": "2024-01-01T00:00:00Z", "data": {}}
    background.run(before.publish("system", [one, {**one, "id": "2"}]))
    background.run(before.stop())
    after = grid(tmp_path, webhook.url, None)
    background.run(after.start())
    try:
        eventually(lambda: after.owed() == 0)
    finally:
        background.run(after.stop())
    assert sorted(body[0]["id"] for _, body in webhook.got) == ["1", "2"]


def test_nothing_goes_to_a_webhook_that_does_not_validate(service: Service, eventually: Any) -> None:
    service.webhook.validates = False
    with service.publisher() as client:
        client.send([event()])
    eventually(lambda: service.webhook.validations >= 2)
    assert service.webhook.got == []
    service.webhook.validates = True
    eventually(lambda: service.grid.owed() == 0)


def test_hurry_does_not_wait(background: Any, tmp_path: Path, webhook: Webhook, eventually: Any) -> None:
    webhook.answers = [500]
    service = grid(tmp_path, webhook.url, None, time_scale=1.0, event_time_to_live=timedelta(hours=1))
    background.run(service.start())
    try:
        one = {"id": "1", "subject": "s", "eventType": "X", "eventTime": "2024-01-01T00:00:00Z", "data": {}}
        background.run(service.publish("system", [one]))
        eventually(lambda: len(webhook.got) == 1)

        async def soon() -> None:
            while service.owed():
                service.hurry()
                await asyncio.sleep(0.1)

        background.run(soon(), 5)
    finally:
        background.run(service.stop())
    assert len(webhook.got) == 2
