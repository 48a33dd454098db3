"""What we mean to do about one model: the intent, one row of the ledger, changed by compare-and-swap."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

RetrainPhase = Literal["idle", "launching", "running", "gating", "registering", "backoff"]
ReleasePhase = Literal["none", "proposed", "creating", "shadow", "canary", "rolling_back", "promoted"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Training:
    """The exact content of one retraining job: what a second launch under the same name would send."""

    epoch: int
    job: str
    """`rt-<model>-<epoch>-<digest8>`: the digest is of everything below."""
    training: tuple[str, ...]
    """Batches (data versions), oldest first."""
    evaluation: tuple[str, ...]
    champion: str | None
    """Version of the champion that it is compared with."""
    policy_digest: str
    launched: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Retraining:
    """The RETRAIN machine of one model."""

    phase: RetrainPhase = "idle"
    wanted: int = 0
    """Greatest epoch of evidence that asks for a retraining."""
    handled: int = 0
    """Greatest epoch that a retraining has answered, or that was found not to need one."""
    wanted_since: datetime | None = None
    current: Training | None = None
    attempts: int = 0
    """How often the current epoch was tried; a failed job counts."""
    not_before: datetime | None = None
    """Back-off: nothing is launched before."""
    version: str | None = None
    """The model version that the passed candidate is registered under, fixed before the effect."""
    last_ended: datetime | None = None
    last_training: tuple[str, ...] = ()
    """Training batches of the last retraining that completed, whatever its verdict."""
    runs: tuple[datetime, ...] = ()
    """Launches of the last 31 days, for the budget."""
    seen: tuple[str, ...] = ()
    """Keys of the last evidence taken (alerts, monitors): the same key again is no new evidence."""
    drifting: str | None = None
    """Champion whose production inputs drifted at the last check; None while they do not."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A model version on its way to traffic."""

    version: str
    generation: int
    """Its deployment is `g<generation>`."""
    evidence: str
    """Digest of the evaluation that passed."""
    approved_by: str | None = None
    """`policy`, or who."""
    step: int = -1
    """Index into the policy's steps; -1 before the first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Champion:
    """The version that answers, and the deployment it answers from."""

    version: str
    deployment: str
    since: datetime
    previous: str | None = None
    """Deployment kept for the rollback window."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Releasing:
    """The RELEASE machine of one endpoint."""

    phase: ReleasePhase = "none"
    generation: int = 0
    """Greatest generation ever used; never reused."""
    candidate: Candidate | None = None
    champion: Champion | None = None
    since: datetime | None = None
    """When the present phase or step was entered."""
    reason: str = ""
    """Why it rolls back."""
    refused: tuple[str, ...] = ()
    """Versions that were rolled back or refused: never proposed again by themselves."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Intent:
    """Everything we mean about one model."""

    model: str
    retraining: Retraining = field(default_factory=Retraining)
    releasing: Releasing = field(default_factory=Releasing)
    wake_at: datetime | None = None
    """A wake-up is on the queue for then: do not order another."""
    audit_head: str = ""
    """Hash of the last audit entry (the chain's head)."""
    audit_count: int = 0
