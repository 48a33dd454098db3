"""A batch that is too large for this app: its profile comes from a Spark job, for which it waits."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from control.errors import Conflict, Refused
from control.facts import Job
from control.policy import Policy
from control.ports import Services
from control.profiling import Arrived, decide, standing
from control.state import Profiling
from handlers.act import perform
from handlers.converge import record

if TYPE_CHECKING:
    from control.effects import Effect
    from drift.profile import Profile

log = logging.getLogger("homeostat.large_batch")

ROUNDS = 10
"""More than the way to a submitted job takes, also when others change the intent meanwhile."""


@dataclass(frozen=True, slots=True)
class GivenUp:
    """No job could profile the batch."""

    reason: str


def profile_of(policy: Policy, batch: Arrived, services: Services) -> Profile | GivenUp | None:
    """The profile that the batch's Spark job wrote; None while there is none: the job's end wakes the app.

    Raises:
        BadData: what the job wrote is no profile.
        Unavailable: the job cannot be submitted or read now; what is meant is written.
    """
    for _ in range(ROUNDS):
        intent, etag = services.ledger.load(policy.name)
        entry = standing(policy, intent, batch)
        if entry is not None and entry.given_up:
            return GivenUp(entry.given_up)
        job, profile = _observed(policy, entry, services)
        if profile is not None:
            return profile
        decision = decide(policy, intent, batch, job, services.clock.now())
        refused = _refused(policy, decision.effects, services)
        if refused and job is not None:  # the same request will be refused again
            job = replace(job, status="failed", reason=f"Azure ML refused it: {refused}")
            decision = decide(policy, intent, batch, job, services.clock.now())
        if decision.intent == intent:
            if decision.wake is not None:
                services.wakeups.wake(policy.name, decision.wake)
            return None
        try:
            services.ledger.commit(decision.intent, etag, decision.notes)
        except Conflict:
            continue
        for note in decision.notes:
            log.info("%s: %s %s", policy.name, note.name, note.detail)
    log.error("%s: batch %s did not settle; reconcile looks again", policy.name, batch.path)
    return None


def _observed(
    policy: Policy, entry: Profiling | None, services: Services
) -> tuple[Job | None, Profile | None]:
    """The job of the batch, and the profile that it wrote; one that wrote none has failed."""
    if entry is None:
        return None, None
    job = services.at(policy).workspace.job(entry.job)
    if job.status != "completed":
        return job, None
    profile = services.at(policy).profiles.made_by(policy, job.name)
    return (job, profile) if profile else (replace(job, status="failed", reason="it wrote no profile"), None)


def _refused(policy: Policy, effects: Sequence[Effect], services: Services) -> str:
    """Perform them; why one was refused, or nothing."""
    return next((why for effect in effects if (why := _act(policy, effect, services))), "")


def _act(policy: Policy, effect: Effect, services: Services) -> str:
    """Perform it; why it was refused, or nothing."""
    try:
        note = perform(policy, effect, services)
    except Refused as refusal:
        log.warning("%s: %s refused: %s", policy.name, type(effect).__name__, refusal)
        return str(refusal)
    if note is not None:
        log.info("%s: %s %s", policy.name, note.name, note.detail)
        record(policy.name, [note], services)
    return ""
