"""What is so: read at the moment of the decision from Azure ML, Storage and the ledger."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from control.traffic import Traffic

Verdict = Literal["pass", "fail", "inconclusive"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """One complete batch of data, as the ledger has it."""

    version: str
    """Data version in Azure ML: digest of path + eTag of its blobs."""
    path: str
    """Below the policy's prefix, e.g. `2013-01/`."""
    arrived: datetime
    quality: Verdict
    drift: Verdict
    rows: int
    reason: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """An Azure ML job, by name."""

    name: str
    status: Literal["missing", "active", "completed", "failed", "canceled"]
    reason: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    """What the evaluate step wrote: `evaluation.json`, schema 1, and `predictions.parquet`.

    docs/pipeline-contract.md has both. Before it is judged, `handlers/evidence.py` puts what follows from the
    rows in place of what the pipeline says of them.
    """

    digest: str
    """SHA-256 over both files: of what `sha256sum evaluation.json predictions.parquet` prints."""
    body: dict[str, Any]
    fault: str = ""
    """Why what it wrote cannot be used; the body is empty then."""
    predictions: bytes | None = field(default=None, repr=False, compare=False)
    """The rows, as Parquet, until they have been looked at."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelVersion:
    """A registered model version."""

    version: str
    path: str
    tags: dict[str, str] = field(default_factory=dict)
    authors: tuple[str, ...] | None = None
    """Names and ids of the person who made it; empty when no person did, None when nobody knows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Deployment:
    """An online or batch deployment as Azure ML has it."""

    name: str
    state: Literal["creating", "updating", "succeeded", "failed", "deleting"]
    model_version: str | None
    reason: str = ""
    instances: int | None = None
    """How many it runs on; None where that is not known."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Template:
    """What the policy's deployment YAML says of every deployment that is made from it."""

    kind: Literal["managed", "kubernetes", "batch"] = "managed"
    instances: int = 1
    """For all of the traffic."""
    scales_itself: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """An endpoint with its deployments; `state` missing when there is none.

    A batch endpoint's default deployment has all of its traffic: a job that names no deployment runs there.
    """

    name: str
    state: Literal["missing", "creating", "updating", "succeeded", "failed", "deleting"]
    traffic: dict[str, int] = field(default_factory=dict)
    mirror: dict[str, int] = field(default_factory=dict)
    kind: Literal["online", "batch"] = "online"
    deployments: dict[str, Deployment] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Probe:
    """Golden predictions asked of one deployment, and how far off the answers were.

    An online deployment was asked just now, a batch deployment by its trial run.
    """

    deployment: str
    verdict: Verdict
    reason: str = ""
    to_begin: bool = False
    """A trial run that could be begun, and is not yet."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """Everything one decision looks at. None means: not looked at, or not to be had."""

    batches: tuple[Batch, ...] = ()
    """Oldest first, by path."""
    job: Job | None = None
    evaluation: Evaluation | None = None
    models: tuple[ModelVersion, ...] = ()
    """Oldest first."""
    registry: tuple[ModelVersion, ...] | None = None
    """The versions in the policy's registry, oldest first."""
    refresh: Job | None = None
    """The pipeline run that brings data, as a job by its key."""
    vetting_job: Job | None = None
    vetting_evaluation: Evaluation | None = None
    endpoint: Endpoint | None = None
    template: Template | None = None
    probe: Probe | None = None
    reported: bool | None = None
    """Whether the report that the intent still owes is there."""
    traffic: Traffic | None = None
    """Since the step's traffic was confirmed; of a candidate that is gone: since it was first exposed."""
