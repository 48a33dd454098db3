"""The data that a policy watches: blobs of its datastore, below its prefix."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloud.blob_url import path_below
from cloud.errors import NotFound, translated
from cloud.location import Location
from cloud.remote_source import files_below
from cloud.tables import table_batches
from control.errors import BadData

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloud.connections import Connections
    from cloud.datastores import Datastores
    from control.policy import Policy
    from control.ports import Blob
    from drift.profile import Profile


class BlobLanding:
    """Arriving data in Blob Storage."""

    def __init__(self, connections: Connections, datastores: Datastores) -> None:
        self._connections = connections
        self._datastores = datastores

    def owns(self, policy: Policy, url: str) -> str | None:
        """The blob's path below the policy's prefix, or None when it lies outside the policy's storage."""
        store = self._datastores[policy.data.datastore]
        return path_below(url, store.service, store.container.container_name, policy.data.prefix)

    def blobs(self, policy: Policy, folder: str = "") -> Sequence[Blob]:
        """The blobs below that folder, by path."""
        store = self._datastores[policy.data.datastore]
        return sorted(store.list(folder, below=policy.data.prefix), key=lambda blob: blob.path)

    def profile(self, policy: Policy, blobs: Sequence[Blob]) -> Profile:
        """One pass over the blobs' rows. Raises BadData (which blob, what is wrong with it)."""
        from drift.block_rule import ByTime
        from drift.errors import ProfileError
        from drift.profile import profile_batches

        data = policy.data
        blocks = ByTime(data.timestamp_column, data.every) if data.timestamp_column else None
        files = files_below(self._datastores[data.datastore], data.prefix, blobs)
        try:
            return profile_batches(table_batches(files), blocks=blocks)
        except ProfileError as err:
            raise BadData(f"{err} (data.timestamp_column of {policy.source})") from err

    def register(self, policy: Policy, version: str, folder: str) -> None:
        """Register the batch as a data version in Azure ML; a second time is no change."""
        from azure.ai.ml.entities import Data

        name = f"{policy.name}-data"
        ml = self._connections.ml
        try:
            with translated(f"reading data {name}:{version}"):
                ml.data.get(name, version)
        except NotFound:
            place = Location(policy.data.datastore, policy.data.prefix + folder)
            data = Data(
                name=name,
                version=version,
                type="uri_folder" if place.path.endswith("/") or not place.path else "uri_file",
                path=place.uri,
            )
            with translated(f"registering data {name}:{version}"):
                ml.data.create_or_update(data)
