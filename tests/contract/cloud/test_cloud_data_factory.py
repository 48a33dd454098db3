"""Data Factory as the app sees it: the real SDK over http, against local Azure's pipelines, which copy for real."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.mgmt.datafactory import DataFactoryManagementClient
from azure.storage.blob import BlobServiceClient

from cloud.connections import Connections
from cloud.credentials import allow_loopback_http, credential
from cloud.data_factory import LEFT, DataFactories
from cloud.datastores import Datastores
from cloud.settings import Settings
from control.errors import Refused
from control.policy import Policy, Refresh
from control.policy_file import read_policy

FLIGHTS = read_policy(
    (Path(__file__).parents[3] / "policies" / "flight-delay.yaml").read_text("utf-8"), "flight-delay.yaml"
)
FACTORY = "adf-test"
KEY = {"parameters": {"homeostat": {"type": "String"}}}


@dataclass
class Clock:
    """The time, and how far it was put forward."""

    ahead: timedelta = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass
class Factory:
    """A factory of Azure's and what the app makes of it."""

    client: DataFactoryManagementClient
    settings: Settings
    policy: Policy
    app: DataFactories
    clock: Clock

    def pipeline(self, *activities: dict[str, Any], **properties: Any) -> None:
        body = {"properties": {"activities": list(activities), **(properties or KEY)}}
        self.client.pipelines.create_or_update("local", FACTORY, "Load", body)

    def runs(self) -> list[Any]:
        now = datetime.now(UTC)
        asked = {
            "lastUpdatedAfter": (now - timedelta(hours=1)).isoformat(),
            "lastUpdatedBefore": (now + timedelta(hours=1)).isoformat(),
        }
        found = self.client.pipeline_runs.query_by_factory("local", FACTORY, asked).value
        return [
            run for run in found if (run.parameters or {}).get("homeostat", "").startswith(self.policy.name)
        ]

    def ended(self, key: str) -> Any:
        deadline = time.monotonic() + 20
        while (job := self.app.run(self.policy, key)).status == "active":
            assert time.monotonic() < deadline, job
            time.sleep(0.05)
        return job


@pytest.fixture(scope="module")
def url(background: Any, azurite: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    from local.azureml import AzureML

    async def publish(_topic: str, _events: list[dict[str, Any]]) -> None:
        """Nobody listens."""

    state = tmp_path_factory.mktemp("factory")
    idle: Any = SimpleNamespace()  # no endpoint is asked for
    service = AzureML(
        state=state, account=azurite, publish=publish, environments=state / "environments", serving=idle
    )
    yield background.run(service.start())
    background.run(service.stop())


@pytest.fixture
def factory(settings: Settings, url: str, unique: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Factory]:
    monkeypatch.setenv("AZUREML_CURRENT_CLOUD", "AzureCloud")
    settings = replace(settings, azureml_url=url)
    refresh = Refresh(data_factory=FACTORY, pipeline="Load")
    policy = replace(FLIGHTS, name=unique, retrain=replace(FLIGHTS.retrain, refresh=refresh))
    connections, clock = Connections(settings), Clock()
    app = DataFactories(connections, Datastores(connections), clock)
    with DataFactoryManagementClient(
        credential(settings), settings.subscription, base_url=url, per_call_policies=[allow_loopback_http()]
    ) as client:
        yield Factory(client, settings, policy, app, clock)


pytestmark = pytest.mark.parametrize("settings", ["local"], indirect=True)


def test_a_run_brings_the_data_and_is_found_by_its_key(factory: Factory, unique: str, azurite: Any) -> None:
    def dataset(name: str, **location: str) -> None:
        where = {"type": "AzureBlobStorageLocation", "container": "landing", **location}
        body = {
            "properties": {
                "type": "Binary",
                "linkedServiceName": {"referenceName": "landing", "type": "LinkedServiceReference"},
                "typeProperties": {"location": where},
            }
        }
        factory.client.datasets.create_or_update("local", FACTORY, f"{name}{unique}", body)

    dataset("From", folderPath=f"{unique}-source")
    dataset("To", folderPath=f"{unique}/2026-02")
    copy = {
        "name": "copy",
        "type": "Copy",
        "inputs": [{"referenceName": f"From{unique}", "type": "DatasetReference"}],
        "outputs": [{"referenceName": f"To{unique}", "type": "DatasetReference"}],
        "typeProperties": {"source": {"type": "BinarySource"}, "sink": {"type": "BinarySink"}},
    }
    factory.pipeline(copy)
    key = f"{factory.policy.name}-1"
    with BlobServiceClient.from_connection_string(azurite.connection_string) as blobs:
        landing = blobs.get_container_client("landing")
        landing.upload_blob(f"{unique}-source/a.parquet", b"rows")
        assert factory.app.run(factory.policy, key).status == "missing"
        assert factory.app.start(factory.policy, key)
        assert not factory.app.start(factory.policy, key), "it has been started"
        assert factory.ended(key).status == "completed"
        assert landing.download_blob(f"{unique}/2026-02/a.parquet").readall() == b"rows"
    [run] = factory.runs()
    assert run.parameters == {"homeostat": key}


def test_a_failed_run_says_why(factory: Factory) -> None:
    factory.pipeline(
        {"name": "no", "type": "Fail", "typeProperties": {"message": "no rows", "errorCode": "1"}}
    )
    key = f"{factory.policy.name}-1"
    assert factory.app.start(factory.policy, key)
    ended = factory.ended(key)
    assert ended.status == "failed"
    assert "no rows" in ended.reason


def test_a_run_that_somebody_cancels(factory: Factory) -> None:
    factory.pipeline({"name": "w", "type": "Wait", "typeProperties": {"waitTimeInSeconds": 600}})
    key = f"{factory.policy.name}-1"
    assert factory.app.start(factory.policy, key)
    assert factory.app.run(factory.policy, key).status == "active"
    [run] = factory.runs()
    factory.client.pipeline_runs.cancel("local", FACTORY, run.run_id)
    assert factory.ended(key).status == "canceled"


def test_who_died_between_claim_and_number_has_started_it_and_is_found_by_the_key(factory: Factory) -> None:
    factory.pipeline()
    key = f"{factory.policy.name}-1"

    def dies(*_: Any) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(factory.app, "_write", dies)
        with pytest.raises(KeyboardInterrupt):
            factory.app.start(factory.policy, key)
    assert factory.ended(key).status == "completed"
    assert not factory.app.start(factory.policy, key)
    assert len(factory.runs()) == 1


def test_who_died_before_the_run_was_started_is_followed_by_one_other(factory: Factory) -> None:
    factory.pipeline()
    key = f"{factory.policy.name}-1"
    assert factory.app._take(factory.policy, key, factory.clock.now())
    assert factory.app.run(factory.policy, key).status == "active", "somebody is about to"
    assert not factory.app.start(factory.policy, key)
    factory.clock.ahead = LEFT * 2
    assert factory.app.run(factory.policy, key).status == "missing"
    assert factory.app.start(factory.policy, key)
    assert not factory.app.start(factory.policy, key)
    assert factory.ended(key).status == "completed"


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (lambda _: None, "was not found"),
        (lambda factory: factory.pipeline(parameters={"other": {"type": "String", "defaultValue": "x"}}), "no parameter homeostat"),
    ],
    ids=["no pipeline", "no parameter"],
)  # fmt: skip
def test_what_cannot_be_started_is_refused_with_what_to_do(
    factory: Factory, prepare: Callable[[Factory], None], words: str, unique: str
) -> None:
    refresh = Refresh(data_factory=f"adf-{unique}", pipeline="Load")
    factory.policy = replace(factory.policy, retrain=replace(factory.policy.retrain, refresh=refresh))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(f"{__name__}.FACTORY", refresh.data_factory)
        prepare(factory)
    for _ in range(2):  # and nobody keeps the claim
        with pytest.raises(Refused, match=words) as refused:
            factory.app.start(factory.policy, f"{unique}-1")
        assert "with a parameter 'homeostat' of type String" in str(refused.value)


def test_what_the_api_does_not_know_is_refused(factory: Factory) -> None:
    with pytest.raises(HttpResponseError, match="is of type Sql"):
        factory.pipeline({"name": "s", "type": "Sql"})
    with pytest.raises(HttpResponseError, match="is not valid"):
        factory.client.pipeline_runs.query_by_factory(
            "local",
            FACTORY,
            {
                "lastUpdatedAfter": "2026-01-01T00:00:00Z",
                "lastUpdatedBefore": "2030-01-01T00:00:00Z",
                "filters": [{"operand": "Colour", "operator": "Equals", "values": ["x"]}],
            },
        )
    with pytest.raises(HttpResponseError, match="was not found"):
        factory.client.pipeline_runs.get("local", FACTORY, "00000000-0000-0000-0000-000000000001")
