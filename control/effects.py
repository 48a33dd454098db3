"""Effects are values. `handlers/act.py` performs them, under the deterministic names they carry."""

from __future__ import annotations

from dataclasses import dataclass

from control.state import Evaluating, OwedReport, Profiling, Training


@dataclass(frozen=True, kw_only=True, slots=True)
class SubmitJob:
    """PUT the retraining job. The same name with the same content is no second job."""

    training: Training


@dataclass(frozen=True, kw_only=True, slots=True)
class StartRefresh:
    """Run the Data Factory pipeline that brings data, once under that key."""

    key: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SubmitEvaluation:
    """PUT the evaluation job of a version that somebody registered."""

    evaluating: Evaluating


@dataclass(frozen=True, kw_only=True, slots=True)
class SubmitProfile:
    """PUT the Spark job that profiles a large batch."""

    profiling: Profiling
    files: tuple[str, ...]
    """The batch's blobs, below the policy's prefix."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RegisterModel:
    """PUT the model version that the job made, with its evidence in the tags."""

    version: str
    job: str
    evidence: str
    policy_digest: str


@dataclass(frozen=True, kw_only=True, slots=True)
class WriteReport:
    """Write the model's test report beside the job's evaluation. It decides nothing."""

    report: OwedReport


@dataclass(frozen=True, kw_only=True, slots=True)
class ShareModel:
    """Import the released version into the policy's registry, under its number. One that is there stays."""

    version: str
    evidence: str


@dataclass(frozen=True, kw_only=True, slots=True)
class TakeModel:
    """Copy the registry's version into the workspace, under its number. One that is there stays."""

    version: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CreateEndpoint:
    """PUT the endpoint, without traffic."""

    endpoint: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CreateDeployment:
    """PUT a deployment at 0 %."""

    endpoint: str
    deployment: str
    model_version: str
    instances: int | None = None
    """None: as the YAML says."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BeginTrial:
    """Invoke a batch endpoint on exactly that deployment, with the golden request. The name is the job's."""

    endpoint: str
    deployment: str
    model_version: str
    job: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ScaleDeployment:
    """PUT a deployment with another number of instances."""

    endpoint: str
    deployment: str
    instances: int


@dataclass(frozen=True, kw_only=True, slots=True)
class SetTraffic:
    """PUT the endpoint's traffic and mirror. Percent by deployment; a batch default has 100."""

    endpoint: str
    traffic: tuple[tuple[str, int], ...]
    mirror: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class DeleteDeployment:
    """DELETE a deployment: the fence against late writers."""

    endpoint: str
    deployment: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Publish:
    """Send one event to our own topic. Losing it changes nothing."""

    type: str
    """`Homeostat.DriftDetected` and the rest: docs/events.md."""
    subject: str
    data: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Notify:
    """Tell people."""

    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class AskApproval:
    """Tell the people whom the policy names that a release waits for them, with the link."""

    version: str
    question: int


Effect = (
    SubmitJob
    | StartRefresh
    | SubmitEvaluation
    | SubmitProfile
    | RegisterModel
    | WriteReport
    | ShareModel
    | TakeModel
    | CreateEndpoint
    | CreateDeployment
    | BeginTrial
    | ScaleDeployment
    | SetTraffic
    | DeleteDeployment
    | Publish
    | Notify
    | AskApproval
)
