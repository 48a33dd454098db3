"""Azure ML's datastores as blob containers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from threading import Lock
from typing import IO, TYPE_CHECKING

from cloud.errors import NotFound, translated
from control.errors import Refused
from control.ports import Blob

if TYPE_CHECKING:
    from azure.storage.blob import BlobClient, ContainerClient

    from cloud.connections import Connections
    from cloud.location import Location

DEFAULT = "workspaceblobstore"
"""The workspace's own datastore: manifests, models and evaluations lie there."""


class Store:
    """One datastore's container."""

    def __init__(self, name: str, container: ContainerClient, service: str) -> None:
        self.name = name
        self.container = container
        self.service = service
        """Address of the account's blob service."""

    def read(self, path: str) -> bytes | None:
        """The blob's bytes; None when there is no such blob."""
        try:
            with translated(f"reading blob {path} of datastore {self.name}"):
                body: bytes = self.container.download_blob(path).readall()
        except NotFound:
            return None
        return body

    def write(self, path: str, body: bytes) -> None:
        """Write the blob, over one that is there."""
        with translated(f"writing blob {path} of datastore {self.name}"):
            self.container.upload_blob(path, body, overwrite=True)

    def upload(self, path: str, body: IO[bytes]) -> None:
        """Write the blob from an open file, over one that is there."""
        with translated(f"writing blob {path} of datastore {self.name}"):
            self.container.upload_blob(path, body, overwrite=True)

    def delete(self, path: str) -> None:
        """Delete the blob; one that is gone already is no error."""
        with suppress(NotFound), translated(f"deleting blob {path} of datastore {self.name}"):
            self.container.delete_blob(path)

    def blob(self, path: str) -> BlobClient:
        """The SDK's client of one blob."""
        return self.container.get_blob_client(path)

    def list(self, prefix: str, below: str = "") -> Iterator[Blob]:
        """The blobs whose path below `below` starts with `prefix`; folders are left out."""
        with translated(f"listing {below}{prefix} of datastore {self.name}"):
            for found in self.container.list_blobs(name_starts_with=below + prefix, include=["metadata"]):
                if (found.metadata or {}).get("hdi_isfolder") != "true":
                    yield Blob(
                        path=found.name[len(below) :],
                        etag=found.etag.strip('"'),
                        size=found.size,
                        modified=found.last_modified,
                    )


class Datastores:
    """Datastores by name; what a name means is asked once."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._lock = Lock()
        self._stores: dict[str, Store] = {}

    def __getitem__(self, name: str) -> Store:
        """The datastore of that name. Raises Refused when it is not one of blobs."""
        with self._lock:
            if name not in self._stores:
                self._stores[name] = self._look_up(name)
            return self._stores[name]

    def at(self, location: Location) -> Store:
        """The datastore of that place."""
        return self[location.datastore]

    def _look_up(self, name: str) -> Store:
        with translated(f"reading datastore {name}"):
            found = self._connections.ml.datastores.get(name)
            account = getattr(found, "account_name", None)
            container = getattr(found, "container_name", None) or getattr(found, "filesystem", None)
            if not account or not container:
                raise Refused(f"datastore {name} is of type {found.type}: it must be one of blobs")
            service = self._connections.blob_service(
                account, getattr(found, "endpoint", None) or "core.windows.net"
            )
            return Store(name, service.get_container_client(container), service.url)
