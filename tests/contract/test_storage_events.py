"""Writing and deleting blobs gives Azure's events, once each, over restarts too."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pytest
from azure.core.messaging import CloudEvent
from azure.eventgrid import EventGridEvent
from azure.storage.blob import BlobServiceClient, ContainerClient, ContentSettings

from local.storage_events import StorageEvents

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.storage import StorageAccount

EVENTS = Path(__file__).parents[3] / "shared" / "events" / "storage"
TOPIC_ID = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/a"


@pytest.fixture
def container(azurite: StorageAccount) -> Iterator[ContainerClient]:
    """A container of the test's own."""
    with BlobServiceClient.from_connection_string(azurite.connection_string) as service:
        client = service.create_container(f"events-{uuid.uuid4().hex[:12]}")
        yield client
        client.delete_container()


class Watch:
    """A watcher and what it told of one container."""

    def __init__(self, background: Any, azurite: StorageAccount, state: Path, container: str) -> None:
        self.told: list[dict[str, Any]] = []
        self._run = background.run
        self._container = f"/containers/{container}/"
        self.watcher = StorageEvents(
            state=state, account=azurite, topic_id=TOPIC_ID, publish=self._publish, interval=0.05
        )

    async def _publish(self, topic: str, events: list[dict[str, Any]]) -> None:
        assert topic == "storage"
        self.told += [each for each in events if self._container in each["subject"]]

    def __enter__(self) -> Self:
        self._run(self.watcher.start())
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self.watcher.stop())

    def kinds(self) -> list[tuple[str, str]]:
        return [(each["data"]["api"], each["subject"].rpartition("/blobs/")[2]) for each in self.told]


def test_created_and_deleted(
    background: Any, azurite: StorageAccount, container: ContainerClient, tmp_path: Path, eventually: Any
) -> None:
    name = "flights/2013-01/a b.txt"
    with Watch(background, azurite, tmp_path, container.container_name) as watch:
        written = container.upload_blob(
            name, b"12345", content_settings=ContentSettings(content_type="text/plain")
        )
        etag = written.get_blob_properties().etag.strip('"')
        eventually(lambda: len(watch.told) == 1)
        container.delete_blob(name)
        eventually(lambda: len(watch.told) == 2)
    created, deleted = watch.told
    assert created["eventType"] == "Microsoft.Storage.BlobCreated"
    assert created["topic"] == TOPIC_ID
    assert created["subject"] == f"/blobServices/default/containers/{container.container_name}/blobs/{name}"
    data = created["data"]
    assert data["url"] == f"{azurite.blob_endpoint}/{container.container_name}/flights/2013-01/a%20b.txt"
    assert (data["eTag"], data["contentLength"], data["contentType"]) == (etag, 5, "text/plain")
    assert (data["api"], data["blobType"]) == ("PutBlob", "BlockBlob")
    assert deleted["eventType"] == "Microsoft.Storage.BlobDeleted"
    assert deleted["data"]["sequencer"] > data["sequencer"]
    assert EventGridEvent.from_dict(created).event_time.tzinfo is not None
    with pytest.raises(ValueError, match="Eventgrid Schema"):
        CloudEvent.from_dict(created)


@pytest.mark.skipif(not EVENTS.is_dir(), reason="the sample events are not beside the repository")
@pytest.mark.parametrize(
    ("sample", "blocks", "delete"),
    [
        ("BlobCreated.PutBlob.eventgrid.json", False, False),
        ("BlobCreated.PutBlockList.eventgrid.json", True, False),
        ("BlobDeleted.DeleteBlob.eventgrid.json", False, True),
    ],
)
def test_the_same_keys_and_types_as_azures_samples(
    background: Any, azurite: StorageAccount, container: ContainerClient, tmp_path: Path, eventually: Any,
    sample: str, *, blocks: bool, delete: bool,
) -> None:  # fmt: skip
    with Watch(background, azurite, tmp_path, container.container_name) as watch:
        blob = container.get_blob_client("b")
        if blocks:
            blob.stage_block("MDAx", b"123")
            blob.commit_block_list(["MDAx"])
        else:
            blob.upload_blob(b"123")
        eventually(lambda: len(watch.told) == 1)
        if delete:
            blob.delete_blob()
            eventually(lambda: len(watch.told) == 2)
    found = json.loads((EVENTS / sample).read_text())
    expected = found[0] if isinstance(found, list) else found
    got = watch.told[-1]
    assert got["data"]["api"] == expected["data"]["api"]
    optional = {"clientRequestId"}  # Azure leaves it out where the client gave none
    assert got.keys() == expected.keys()
    assert got["data"].keys() - optional == expected["data"].keys() - optional
    for name in got["data"].keys() & expected["data"].keys():
        assert type(got["data"][name]) is type(expected["data"][name]), name


def test_overwriting_is_told_again_and_reading_is_not(
    background: Any, azurite: StorageAccount, container: ContainerClient, tmp_path: Path, eventually: Any
) -> None:
    with Watch(background, azurite, tmp_path, container.container_name) as watch:
        container.upload_blob("a", b"1")
        eventually(lambda: len(watch.told) == 1)
        container.download_blob("a").readall()
        container.upload_blob("a", b"22", overwrite=True)
        eventually(lambda: len(watch.told) == 2)
        container.upload_blob("b", b"3")
        eventually(lambda: len(watch.told) == 3)
    assert watch.kinds() == [("PutBlob", "a"), ("PutBlob", "a"), ("PutBlob", "b")]


def test_after_a_restart_only_what_changed_is_told(
    background: Any, azurite: StorageAccount, container: ContainerClient, tmp_path: Path, eventually: Any
) -> None:
    for name in ("same", "changed", "deleted"):
        container.upload_blob(name, b"1")
    with Watch(background, azurite, tmp_path, container.container_name) as before:
        eventually(lambda: len(before.told) == 3)
    container.upload_blob("new", b"1")
    container.upload_blob("changed", b"2", overwrite=True)
    container.delete_blob("deleted")
    with Watch(background, azurite, tmp_path, container.container_name) as after:
        eventually(lambda: len(after.told) == 3)
        container.upload_blob("last", b"1")
        eventually(lambda: len(after.told) == 4)
    assert sorted(after.kinds()) == [
        ("DeleteBlob", "deleted"), ("PutBlob", "changed"), ("PutBlob", "last"), ("PutBlob", "new"),
    ]  # fmt: skip


def test_a_failed_publish_is_told_again(
    background: Any, azurite: StorageAccount, container: ContainerClient, tmp_path: Path, eventually: Any
) -> None:
    told: list[str] = []

    async def publish(_: str, events: list[dict[str, Any]]) -> None:
        told.extend(each["subject"] for each in events if container.container_name in each["subject"])
        if len(told) == 1:
            raise OSError("not now")

    watcher = StorageEvents(
        state=tmp_path, account=azurite, topic_id=TOPIC_ID, publish=publish, interval=0.05
    )
    background.run(watcher.start())
    try:
        container.upload_blob("a", b"1")
        eventually(lambda: len(told) == 2)
    finally:
        background.run(watcher.stop())


def test_noisy_containers_are_left_out(
    background: Any, azurite: StorageAccount, container: ContainerClient, tmp_path: Path, eventually: Any
) -> None:
    noisy = f"noisy-{uuid.uuid4().hex}"
    with (
        Watch(background, azurite, tmp_path, "homeostat") as watch,
        ContainerClient.from_connection_string(azurite.connection_string, "homeostat") as excluded,
    ):
        excluded.upload_blob(noisy, b"1")
        with Watch(background, azurite, tmp_path / "other", container.container_name) as other:
            container.upload_blob("a", b"1")
            eventually(lambda: len(other.told) == 1)
    assert watch.told == []
