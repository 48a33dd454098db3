"""What we mean to do about one model: the intent, one row of the ledger, changed by compare-and-swap."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

VettingPhase = Literal["idle", "launching", "running", "gating"]
RetrainPhase = Literal["idle", "launching", "running", "gating", "registering", "backoff"]
Verdict = Literal["approve", "reject", "withdraw"]
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
    code: str | None = None
    """Digest of the code as it was seen last; None where the policy does not ask for `code_changed`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Refreshing:
    """Newer data are being brought before a retraining, or were."""

    handled: int
    """The retraining's `handled` at that time: data are brought once before each retraining."""
    attempt: int
    key: str
    """`rf-<model>-<handled>-<attempt>`: what the pipeline's run is found by."""
    not_before: datetime | None = None
    """Back-off: the run is not started before."""
    ended: datetime | None = None
    """When the run was seen to have ended, or was given up."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Retraining:
    """The RETRAIN machine of one model."""

    phase: RetrainPhase = "idle"
    wanted: int = 0
    """Greatest epoch of evidence that asks for a retraining."""
    handled: int = 0
    """Greatest epoch that a retraining has answered, or that was found not to need one."""
    wanted_since: datetime | None = None
    refresh: Refreshing | None = None
    current: Training | None = None
    attempts: int = 0
    """How often the current epoch was tried; a failed job counts."""
    not_before: datetime | None = None
    """Back-off: nothing is launched before."""
    version: str | None = None
    """The model version that the passed candidate is registered under, fixed before the effect."""
    evidence: str = ""
    """Digest of the evaluation that it passed by."""
    last_ended: datetime | None = None
    last_training: tuple[str, ...] = ()
    """Training batches of the last retraining that completed, whatever its verdict."""
    runs: tuple[datetime, ...] = ()
    """Launches of the last 31 days, for the budget."""
    seen: tuple[str, ...] = ()
    """Keys of the last evidence taken (alerts, monitors): the same key again is no new evidence."""
    code: str | None = None
    """Digest of the code that a job would run, at the last look."""
    learned_code: str | None = None
    """The code of the last training that completed: other code may learn more from the same batches."""
    drifting: str | None = None
    """Champion whose production inputs drifted at the last check; None while they do not."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """What people are asked: may this release go on? An answer counts for exactly this."""

    number: int
    """Rises with each asking about the same candidate: an answer to an earlier one is stale."""
    evidence: str
    policy: str
    """Digests of the evidence and of the policy that are to be approved."""
    asked: datetime
    expires: datetime
    told: datetime | None = None
    """When people were told; None until then."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What a person said to the question that stands."""

    verdict: Verdict
    by: str
    at: datetime
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A model version on its way to traffic."""

    version: str
    generation: int
    """Its deployment is `g<generation>`."""
    evidence: str
    """Digest of the evaluation that passed."""
    authors: tuple[str, ...] | None = None
    """Names and ids of the person who made it; empty when no person did, None when nobody knows."""
    report: str = ""
    """Address of its test report, where it has one."""
    question: Question | None = None
    answer: Answer | None = None
    approved_by: str | None = None
    """`policy`, or who; None while it waits."""
    step: int = -1
    """Index into the policy's steps; -1 before the first."""
    exposed: datetime | None = None
    """When live requests were first sent to it; None while none were."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Champion:
    """The version that answers, and the deployment it answers from."""

    version: str
    deployment: str
    since: datetime
    exposed: datetime | None = None
    """When live requests were first sent to it, before it was the champion."""
    previous: str | None = None
    """Deployment kept for the rollback window."""
    previous_version: str | None = None
    """The version that it holds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Released:
    """A version that was promoted, and what allowed it: it may be released again."""

    version: str
    evidence: str
    approved_by: str
    authors: tuple[str, ...] | None = None
    report: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Releasing:
    """The RELEASE machine of one endpoint."""

    phase: ReleasePhase = "none"
    generation: int = 0
    """Greatest generation ever used; never reused."""
    candidate: Candidate | None = None
    champion: Champion | None = None
    entered: datetime | None = None
    """When the present phase or step was entered."""
    since: datetime | None = None
    """From when it counts: the traffic was read back as the step wants it. None while it is being set."""
    reason: str = ""
    """Why it rolls back."""
    refused: tuple[str, ...] = ()
    """Versions that were rolled back or refused: never proposed again by themselves."""
    released: tuple[Released, ...] = ()
    """The last versions that were promoted, oldest first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusals:
    """How many refused answers the audit trail took in the present day: nobody may fill it."""

    since: datetime | None = None
    with_link: int = 0
    """Of those who had a link that we made."""
    without_link: int = 0
    """Of anybody else."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OwedReport:
    """A test report that is to be written: what was judged, by which policy."""

    job: str
    version: str | None
    """The model version, or None when the candidate was refused."""
    champion: str | None
    evidence: str
    policy_digest: str
    since: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluating:
    """The exact content of one evaluation job for a version that somebody registered."""

    number: int
    version: str
    job: str
    """`ev-<model>-<number>-<digest8>`: the digest is of everything below and the version."""
    evaluation: tuple[str, ...]
    """Batches (data versions), oldest first."""
    champion: str | None
    policy_digest: str
    launched: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Vetting:
    """The VETTING machine of one model."""

    phase: VettingPhase = "idle"
    number: int = 0
    """Greatest number of an evaluation ever used."""
    current: Evaluating | None = None
    attempts: int = 0
    not_before: datetime | None = None
    """Back-off: nothing is launched before."""
    known: tuple[str, ...] = ()
    """Versions that we registered, evaluated, or passed over for newer ones."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Profiling:
    """A large batch that waits for its profile, and the job that makes it."""

    path: str
    version: str
    attempt: int
    job: str
    """`pf-<model>-<attempt>-<digest8>`: the digest is of the batch and of how it is profiled."""
    since: datetime
    not_before: datetime | None = None
    """Back-off: the job is not submitted before."""
    given_up: str = ""
    """Why no further job is tried."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LineageExport:
    """How far the model's history was exported as lineage (docs/lineage.md)."""

    account: str = ""
    """Where to: another account has nothing of it yet."""
    last: int = 0
    """Number of the last audit entry that was."""
    fault: str = ""
    """Why it does not go on; empty while it does."""
    since: datetime | None = None
    """From when on it did not."""
    told: datetime | None = None
    """When people were told of the fault."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Moving:
    """A version on its way to a registry, or from one."""

    version: str
    evidence: str
    """Digest of the evaluation that it was released by, as far as it is said."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sharing:
    """The SHARING machine of one model."""

    current: Moving | None = None
    since: datetime | None = None
    """When it was begun."""
    attempts: int = 0
    """How often Azure ML refused the present version."""
    not_before: datetime | None = None
    """Back-off: nothing is asked for before."""
    settled: tuple[str, ...] = ()
    """Versions that are where they should be, were refused there, or passed over for newer ones."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Intent:
    """Everything we mean about one model."""

    model: str
    home: str = ""
    """Resource id of the Azure ML workspace that all else is about; empty before the first decision."""
    retraining: Retraining = field(default_factory=Retraining)
    releasing: Releasing = field(default_factory=Releasing)
    refusals: Refusals = field(default_factory=Refusals)
    report: OwedReport | None = None
    vetting: Vetting = field(default_factory=Vetting)
    sharing: Sharing = field(default_factory=Sharing)
    profiling: tuple[Profiling, ...] = ()
    """One a folder, at most."""
    lineage: LineageExport = field(default_factory=LineageExport)
    wake_at: datetime | None = None
    """A wake-up is on the queue for then: do not order another."""
    audit_head: str = ""
    """Hash of the last audit entry (the chain's head)."""
    audit_count: int = 0
