"""Data arrived: is the batch complete, is it good, has it drifted?"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from control.effects import Publish
from control.errors import BadData, Refused
from control.facts import Batch, Verdict
from control.messages import Message
from control.names import data_version
from control.policy import Policy, Quality
from control.ports import Blob, Note, Services
from control.profiling import Arrived, forgotten, is_large
from control.retraining import evidence
from control.state import Intent
from handlers.amend import amend
from handlers.converge import converge
from handlers.drift import against_reference, spacing
from handlers.home import expect_home
from handlers.large_batch import GivenUp, profile_of

if TYPE_CHECKING:
    from drift.profile import Profile

log = logging.getLogger("homeostat.new_data")


def handle(message: Message, services: Services) -> None:
    """One blob was closed: look at the batch it belongs to, for every policy that watches its storage."""
    url = str(message.detail.get("url") or "")
    watched = list(_watching(url, services))
    if not watched:
        log.warning("new_data dropped %r: no policy's data lies there", url)
    for policy, path in watched:
        arrive(policy, folder_of(policy, path), services)
        converge(policy, services)


def _watching(url: str, services: Services) -> Iterator[tuple[Policy, str]]:
    """The policies whose data lies there, each with the blob's path below its own."""
    for policy in services.policies.all():
        try:
            path = services.at(policy).landing.owns(policy, url)
            if path:
                expect_home(policy, services.ledger.load(policy.name)[0], services)
        except Refused as fault:  # its datastore is not there, or not its own: the others must not wait
            log.error("%s: data.path: %s", policy.source, fault)  # noqa: TRY400 - the message says it all
            continue
        if path:
            yield policy, path


def look_for_lost(policy: Policy, services: Services) -> None:
    """Take every complete batch that no event told us about."""
    folders = {folder_of(policy, blob.path) for blob in services.at(policy).landing.blobs(policy)}
    for folder in sorted(folders):
        arrive(policy, folder, services)
    _forget_gone(policy, folders, services)


def look_at_waiting(policy: Policy, services: Services) -> None:
    """Take up every large batch that waits for its profile."""
    for waiting in services.ledger.load(policy.name)[0].profiling:
        arrive(policy, waiting.path, services)


def _forget_gone(policy: Policy, folders: Collection[str], services: Services) -> None:
    """Wait no longer for the profiles of batches that were deleted."""

    def change(intent: Intent, now: datetime) -> tuple[Intent, Sequence[Note]]:
        gone = [one.path for one in intent.profiling if one.path not in folders]
        for path in gone:
            intent = forgotten(intent, path)
        return intent, [
            Note(at=now, kind="evidence", name="batch gone", detail={"path": path}) for path in gone
        ]

    amend(policy.name, "that a batch is gone", change, services)


def folder_of(policy: Policy, path: str) -> str:
    """The batch that a blob belongs to: its folder, or itself where each file is a batch."""
    if policy.data.complete_when.each_file:
        return path
    return path.rpartition("/")[0] + "/" if "/" in path else ""


def arrive(policy: Policy, folder: str, services: Services) -> None:
    """Take one batch into the ledger: profile, quality, data version, drift. A known one is no news."""
    landing = services.at(policy).landing
    found = [blob for blob in landing.blobs(policy, folder) if folder_of(policy, blob.path) == folder]
    blobs = [blob for blob in found if not blob.path.rpartition("/")[2].startswith(("_", "."))]
    if not blobs or not _complete(policy, folder, found, services):
        return
    version = data_version((blob.path, blob.etag) for blob in blobs)
    if _known(policy, folder, version, services):
        return
    looked = _look(policy, folder, version, blobs, services)
    if looked is None:
        return
    batch, detail, drifted = looked
    landing.register(policy, version, folder)
    if _take(policy, batch, detail, services) and drifted:
        _announce(policy, batch, services)


def _complete(policy: Policy, folder: str, found: Sequence[Blob], services: Services) -> bool:
    rule = policy.data.complete_when
    if rule.marker is not None:
        return any(blob.path == folder + rule.marker for blob in found)
    if rule.stable_for is None:
        return True
    quiet = services.clock.now() - max(blob.modified for blob in found)
    if quiet >= rule.stable_for:
        return True
    services.wakeups.wake(policy.name, rule.stable_for - quiet + timedelta(seconds=1))
    return False


def _known(policy: Policy, folder: str, version: str, services: Services) -> bool:
    return any(
        batch.path == folder and batch.version == version for batch in services.ledger.batches(policy.name)
    )


def _look(
    policy: Policy, folder: str, version: str, blobs: Sequence[Blob], services: Services
) -> tuple[Batch, dict[str, Any], bool] | None:
    """Profile the batch and judge it: (the batch, the evidence in detail, has it drifted).

    None while it waits for its profile.
    """
    large = is_large(policy, blobs)

    def batch(quality: Verdict, drift: Verdict, rows: int, reason: str) -> Batch:
        return Batch(
            version=version,
            path=folder,
            arrived=services.clock.now(),
            quality=quality,
            drift=drift,
            rows=rows,
            reason=reason,
        )

    try:
        profile = (
            profile_of(policy, Arrived(path=folder, version=version, files=_paths(blobs)), services)
            if large
            else services.at(policy).landing.profile(policy, blobs)
        )
    except BadData as fault:
        return batch("fail", "inconclusive", 0, str(fault)), {"reasons": [str(fault)]}, False
    if profile is None:
        return None
    if isinstance(profile, GivenUp):
        why = profile.reason
        return batch("inconclusive", "inconclusive", 0, why), {"reasons": [why]}, False
    # Each blob by itself would be read here, which is what a large batch is spared.
    reasons = _unfit(policy, folder, profile, () if large else blobs, services)
    if reasons:
        return batch("fail", "inconclusive", profile.rows, "; ".join(reasons)), {"reasons": reasons}, False
    champion = services.ledger.load(policy.name)[0].releasing.champion
    every = spacing(services.ledger.batches(policy.name), services.clock.now())
    verdict, reason, columns = against_reference(policy, champion, profile, services, every)
    return batch("pass", verdict, profile.rows, reason), {"columns": columns}, verdict == "fail"


def _paths(blobs: Sequence[Blob]) -> tuple[str, ...]:
    return tuple(blob.path for blob in blobs)


def _unfit(
    policy: Policy, folder: str, profile: Profile, blobs: Sequence[Blob], services: Services
) -> list[str]:
    """Why nothing may learn from the batch, and which of its blobs is to blame."""
    rule = policy.quality
    if rule is None:
        return []
    reasons = _quality(rule, profile, rule.min_rows)
    if not reasons or len(blobs) == 1:
        return [f"blob {blobs[0].path}: {reason}" for reason in reasons]
    blamed = [
        f"blob {blob.path}: {reason}"
        for blob in blobs
        for reason in _quality(rule, services.at(policy).landing.profile(policy, [blob]), 0)
    ]
    return [*(f"batch {folder}: {reason}" for reason in reasons), *blamed]


def _quality(rule: Quality, profile: Profile, min_rows: int) -> list[str]:
    from drift.quality import check_quality

    found = check_quality(profile, columns=rule.columns, max_null_rate=rule.max_null_rate, min_rows=min_rows)
    return list(found.reasons)


def _take(policy: Policy, batch: Batch, detail: dict[str, Any], services: Services) -> bool:
    """Write the batch and what follows from it in one transaction; False when somebody else did."""

    def change(intent: Intent, now: datetime) -> tuple[Intent, Sequence[Note]]:
        if _known(policy, batch.path, batch.version, services):
            return intent, ()
        told = {
            "path": batch.path,
            "version": batch.version,
            "rows": batch.rows,
            "quality": batch.quality,
            "drift": batch.drift,
            "reason": batch.reason,
        }
        intent = forgotten(intent, batch.path)
        arrived = Note(at=now, kind="evidence", name="batch", detail=told | detail)
        reason = _asks(policy, intent, batch)
        if not reason:
            return intent, (arrived,)
        raised, notes = evidence(intent, now, f"batch {batch.version}", reason, path=batch.path)
        return raised, (arrived, *notes)

    written = amend(policy.name, f"batch {batch.path}", change, services, [batch])
    if not written:
        return False
    log.info("%s: batch %s taken: %s", policy.name, batch.path, written[0].detail)
    if batch.quality != "pass":
        services.notices.tell(policy, f"{policy.name}: batch {batch.path} is not used: {batch.reason}")
    return True


def _asks(policy: Policy, intent: Intent, batch: Batch) -> str:
    """Why this batch asks for a retraining, or nothing."""
    if batch.quality != "pass":
        return ""
    if intent.releasing.champion is None:
        return "no champion yet"
    if batch.drift == "fail" and "drift" in policy.retrain_on:
        return "drift"
    return "data arrived" if "data_arrived" in policy.retrain_on else ""


def _announce(policy: Policy, batch: Batch, services: Services) -> None:
    event = Publish(
        type="Homeostat.DriftDetected",
        subject=f"models/{policy.name}/batches/{batch.path.rstrip('/')}",
        data=(
            ("model", policy.name),
            ("batch", batch.path),
            ("version", batch.version),
            ("reason", batch.reason),
        ),
    )
    services.topic.publish(event)
