"""Reference profiles, which travel with model versions, and profiles of what an endpoint was asked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cloud.datasets import collected_batches
from cloud.datastores import DEFAULT, Location
from cloud.errors import NotFound
from control.errors import BadData

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cloud.datastores import Datastores, Store
    from cloud.models import Models
    from control.policy import Policy
    from control.ports import Blob
    from drift.profile import Profile

REFERENCE = "reference_profile.bin"
COLLECTORS = (Location("modeldatacollector", ""), Location(DEFAULT, "modelDataCollector/"))
"""Where data collectors write: a datastore of that name where there is one, else Azure ML's own default."""
HOUR = timedelta(hours=1)


class BlobProfiles:
    """Profiles from blobs."""

    def __init__(self, datastores: Datastores, models: Models) -> None:
        self._datastores = datastores
        self._models = models

    def reference(self, policy: Policy, version: str) -> Profile | None:
        """The profile that travels with that model version; None when it has none."""
        from drift.profile import Profile

        body = self._models.file(policy.name, version, REFERENCE)
        if body is None:
            return None
        try:
            return Profile.from_bytes(body)
        except ValueError as err:
            raise BadData(f"{REFERENCE} of {policy.name}:{version} is not a profile: {err}") from err

    def production(self, policy: Policy, deployment: str, since: datetime, until: datetime) -> Profile | None:
        """Profile of the inputs that the data collector wrote in that time; None when there are none."""
        from drift.profile import profile_batches

        store, root = self._collector()
        root += f"{policy.release.endpoint}/{deployment}/model_inputs/"
        blobs = list(_between(store, root, since, until))
        profile = profile_batches(collected_batches(store, root, blobs))
        return profile if profile.rows else None

    def _collector(self) -> tuple[Store, str]:
        own, default = COLLECTORS
        try:
            return self._datastores.at(own), own.path
        except NotFound:
            return self._datastores.at(default), default.path


def _between(store: Store, root: str, since: datetime, until: datetime) -> Iterator[Blob]:
    """The collector's blobs of those hours: each has a folder `yyyy/MM/dd/HH/`, in UTC."""
    start = since.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    end = until.astimezone(UTC)
    day = start.date()
    while day <= end.date():
        for blob in store.list(f"{day:%Y/%m/%d}/", below=root):
            hour = _hour(blob.path)
            if hour is not None and start <= hour <= end:
                yield blob
        day += timedelta(days=1)


def _hour(path: str) -> datetime | None:
    try:
        return datetime.strptime(path[:13], "%Y/%m/%d/%H").replace(tzinfo=UTC)
    except ValueError:
        return None
