"""Reference profiles, which travel with model versions, and profiles of what an endpoint was asked."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import TYPE_CHECKING

from cloud.collected import blobs_between, collected_batches, collector
from cloud.datastores import DEFAULT
from cloud.models import output
from control.errors import BadData

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from cloud.datastores import Datastores, Store
    from cloud.models import Models
    from control.policy import Policy
    from control.ports import Blob
    from drift.profile import Profile

log = logging.getLogger("homeostat.profiles")

REFERENCE = "reference_profile.bin"
BATCH = "profile.bin"


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

    def made_by(self, policy: Policy, job: str) -> Profile | None:
        """The profile of a large batch that the job wrote; None when it wrote none. Raises BadData."""
        from drift.profile import Profile

        path = f"{output(policy.name, job, 'profile').path}{BATCH}"
        body = self._datastores[DEFAULT].read(path)
        try:
            return None if body is None else Profile.from_bytes(body)
        except ValueError as err:
            raise BadData(f"{path}, which the job {job} wrote, is not a profile: {err}") from err

    def production(self, policy: Policy, deployment: str, since: datetime, until: datetime) -> Profile | None:
        """Profile of the inputs that the data collector wrote in that time; None when there are none.

        The time begins with the day (UTC) of `since`. What earlier checks have read is not read again.
        """
        from drift.window import Kept, window

        store, root = collector(self._datastores)
        root += f"{policy.release.endpoint}/{deployment}/model_inputs/"
        hours: dict[datetime, list[Blob]] = {}
        for hour, blob in blobs_between(store, root, since, until):
            hours.setdefault(hour, []).append(blob)
        kept = KeptProfiles(self._datastores[DEFAULT], f"homeostat/{policy.name}/windows/{deployment}/")
        every = policy.data.every if policy.data.timestamp_column else ""
        found = window(
            {hour: [f"{blob.path} {blob.etag}" for blob in blobs] for hour, blobs in hours.items()},
            lambda hour: _hour_profile(store, root, hours[hour], hour, policy),
            Kept(kept.get, kept.put),
            settings=f"{root} {every}",
        )
        kept.forget_all_but(found.needed)
        return found.profile if found.profile.rows else None


class KeptProfiles:
    """Profiles of parts of a window, as blobs below a folder."""

    def __init__(self, store: Store, folder: str) -> None:
        self._store = store
        self._folder = folder

    def get(self, name: str) -> Profile | None:
        """The profile of that name; None when it is not there, or damaged: it is made again then."""
        from drift.profile import Profile

        body = self._store.read(f"{self._folder}{name}.bin")
        try:
            return None if body is None else Profile.from_bytes(body)
        except ValueError:
            log.warning("%s%s.bin is damaged: it is made again", self._folder, name)
            return None

    def put(self, name: str, profile: Profile) -> None:
        """Keep a profile."""
        self._store.write(f"{self._folder}{name}.bin", profile.to_bytes())

    def names(self) -> Iterator[str]:
        """What is kept."""
        for blob in self._store.list("", below=self._folder):
            yield blob.path.removesuffix(".bin")

    def forget_all_but(self, names: Collection[str]) -> None:
        """Delete what no window needs any more."""
        for blob in list(self._store.list("", below=self._folder)):
            if blob.path.removesuffix(".bin") not in names:
                self._store.delete(self._folder + blob.path)


def _hour_profile(store: Store, root: str, blobs: list[Blob], hour: datetime, policy: Policy) -> Profile:
    from drift.block_rule import AtTime
    from drift.profile import profile_batches

    blocks = AtTime(hour, policy.data.every) if policy.data.timestamp_column else None
    return profile_batches(collected_batches(store, root, blobs), blocks=blocks)
