"""The small Protocols through which handlers reach services and the clock.

`cloud/services.py` builds the real ones; a simulator can stand in their place. Every method raises only
`control.errors`: `Unavailable` for what may pass, `Refused` for what will not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from control.approval import Sealer
from control.approvers import Principal
from control.effects import Publish
from control.facts import Batch, Endpoint, Evaluation, Job, ModelVersion, Probe, Template
from control.lineage import Entity
from control.policy import Policy
from control.state import Evaluating, Intent, Profiling, Training
from control.traffic import Traffic

if TYPE_CHECKING:
    from drift.profile import Profile


@dataclass(frozen=True, kw_only=True, slots=True)
class Blob:
    """A blob's identity: `path` is below the policy's prefix."""

    path: str
    etag: str
    size: int
    modified: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Note:
    """An audit entry before it is chained: what was decided or done, and from what."""

    at: datetime
    kind: str
    """`event`, `evidence`, `decision`, `effect` or `serving`."""
    name: str
    detail: dict[str, Any]


class Clock(Protocol):
    """Time."""

    def now(self) -> datetime:
        """The present moment, with UTC as its zone."""


class Policies(Protocol):
    """The policies this app was deployed with."""

    def names(self) -> Sequence[str]:
        """The managed models."""

    def get(self, model: str) -> Policy | None:
        """The policy of that model. Raises PolicyError when its file is wrong."""

    def all(self) -> Iterable[Policy]:
        """Every policy that is right; a wrong one is logged and left out."""


class Ledger(Protocol):
    """Intent, batches and audit trail in Table Storage."""

    def load(self, model: str) -> tuple[Intent, str]:
        """The intent and its ETag; a new model's is empty, with an empty ETag."""

    def commit(self, intent: Intent, etag: str, notes: Sequence[Note], batches: Sequence[Batch] = ()) -> str:
        """Write intent, chained audit entries and new batches in one transaction.

        Returns the new ETag. Raises Conflict when the intent has changed since it was loaded.
        """

    def batches(self, model: str) -> Sequence[Batch]:
        """Every batch known of that model, by path."""

    def audit(self, model: str, first: int = 1) -> Iterator[dict[str, Any]]:
        """The audit trail from its entry number `first` on, oldest first."""


class Landing(Protocol):
    """The data that a policy watches."""

    def owns(self, policy: Policy, url: str) -> str | None:
        """The blob's path below the policy's prefix, or None when it lies outside the policy's storage."""

    def blobs(self, policy: Policy, folder: str = "") -> Sequence[Blob]:
        """The blobs below that folder, by path."""

    def profile(self, policy: Policy, blobs: Sequence[Blob]) -> Profile:
        """One pass over the blobs' rows. Raises BadData (which blob, what is wrong with it)."""

    def register(self, policy: Policy, version: str, folder: str) -> None:
        """Register the batch as a data version in Azure ML; a second time is no change."""


class Profiles(Protocol):
    """Reference profiles and the profiles of batches, as blobs."""

    def reference(self, policy: Policy, version: str) -> Profile | None:
        """The profile that travels with that model version; None when it has none."""

    def made_by(self, policy: Policy, job: str) -> Profile | None:
        """The profile of a large batch that the job wrote; None when it wrote none. Raises BadData."""

    def production(self, policy: Policy, deployment: str, since: datetime, until: datetime) -> Profile | None:
        """Profile of the inputs that the data collector wrote in that time; None when there are none."""


class Workspace(Protocol):
    """Azure Machine Learning."""

    def job(self, name: str) -> Job:
        """The job by name; status `missing` when there is none."""

    def evaluation(self, policy: Policy, job: str) -> Evaluation | None:
        """What the evaluate step wrote; None when it wrote nothing. Raises BadData when it cannot be read."""

    def reported(self, policy: Policy, job: str) -> bool:
        """Whether the test report on that job's candidate is written."""

    def write_report(self, policy: Policy, job: str, files: Sequence[tuple[str, bytes]]) -> None:
        """Write the report's files in that order, over those that are there; the last says that all are."""

    def code(self, policy: Policy) -> str:
        """Digest of the code that a retraining would run now. Raises Refused when it would run none."""

    def models(self, policy: Policy) -> Sequence[ModelVersion]:
        """The registered versions, oldest first."""

    def file(self, policy: Policy, address: str) -> bytes | None:
        """The file at that place of a datastore (`azureml://datastores/...`); None when there is none."""

    def endpoint(self, name: str) -> Endpoint:
        """The endpoint, online or batch, with its deployments; state `missing` when there is none."""

    def probe(self, policy: Policy, deployment: str, version: str) -> Probe:
        """Ask the deployment for the golden predictions that travel with the version.

        Of a batch deployment: what its trial run says; it is begun by `begin_trial`.
        """

    def begin_trial(self, policy: Policy, deployment: str, version: str, job: str) -> bool:
        """Invoke the batch deployment; does not wait; False when the job was there already."""

    def submit(self, policy: Policy, training: Training, batches: Sequence[Batch]) -> bool:
        """PUT the retraining job under its deterministic name; False when it was there already."""

    def submit_evaluation(self, policy: Policy, evaluating: Evaluating, batches: Sequence[Batch]) -> bool:
        """PUT the evaluation job of a registered version; False when it was there already."""

    def submit_profile(self, policy: Policy, profiling: Profiling, files: Sequence[str]) -> bool:
        """PUT the Spark job that profiles a batch; False when it was there already.

        `files`: its blobs, below the policy's prefix.
        """

    def register(self, policy: Policy, version: str, job: str, tags: dict[str, str]) -> bool:
        """PUT the model version from the job's output; False when it was there already."""

    def registry(self, policy: Policy) -> Sequence[ModelVersion]:
        """The versions of the model in the policy's registry, oldest first."""

    def share(self, policy: Policy, version: str, evidence: str) -> bool:
        """Import the version into the policy's registry; False when it was there already.

        Raises Refused when that version is there from elsewhere.
        """

    def take(self, policy: Policy, version: str) -> bool:
        """Copy the registry's version into the workspace and register it; False when it was there already.

        Raises Refused when the workspace has that version from elsewhere.
        """

    def create_endpoint(self, policy: Policy) -> bool:
        """PUT the endpoint; does not wait; False when it was there already."""

    def template(self, policy: Policy) -> Template | None:
        """What the policy's deployment YAML says; None when it cannot be read: deploying says why."""

    def create_deployment(
        self, policy: Policy, deployment: str, version: str, instances: int | None = None
    ) -> bool:
        """PUT the deployment at 0 %; does not wait; False when it was there already."""

    def scale_deployment(self, policy: Policy, deployment: str, instances: int) -> bool:
        """PUT the deployment with that many instances; does not wait; False when it has them."""

    def set_traffic(self, policy: Policy, traffic: dict[str, int], mirror: dict[str, int]) -> None:
        """PUT the endpoint's traffic, of a batch endpoint its default deployment; does not wait."""

    def delete_deployment(self, policy: Policy, deployment: str) -> None:
        """DELETE the deployment; does not wait. One that is gone already is no error."""


class Refreshes(Protocol):
    """Data Factory pipelines that bring data."""

    def run(self, policy: Policy, key: str) -> Job:
        """The run of that key, as a job; status `missing` when nobody has started it."""

    def start(self, policy: Policy, key: str) -> bool:
        """Start the run; does not wait; False when somebody else has, or is about to."""


class Logs(Protocol):
    """What an endpoint's logs and its data collector say of the requests that its deployments answered."""

    def traffic(
        self, policy: Policy, candidate: str, champion: str | None, since: datetime, until: datetime
    ) -> Traffic:
        """Requests of both deployments from `since` on and before `until`, and how far their outputs differ.

        What cannot be read, is there only in part, or holds no request of either is said in `reason`: that is
        inconclusive, whatever the numbers beside it. Mirrored requests count; our own (probes) do not.
        """


class Lineage(Protocol):
    """A data map that shows where models come from: Purview."""

    @property
    def account(self) -> str:
        """Which one."""

    def put(self, model: str, entities: Sequence[Entity]) -> Sequence[tuple[str, str]]:
        """Create the model's entities there, or change them; what is not said of one stays as it is.

        Returns:
            Those that are refused for what they are (which, and why); all others are there. Empty: all are.

        Raises:
            Unavailable: it cannot be reached.
            Refused: it takes nothing from us as things stand; somebody has to change something there.
        """


class Topic(Protocol):
    """Our own Event Grid topic."""

    def publish(self, event: Publish) -> None:
        """Send one event."""


class Wakeups(Protocol):
    """The `work` queue, with delay."""

    def wake(self, model: str, after: timedelta) -> None:
        """Put a `reconcile` message for the model on the queue, visible after that time."""


class Notices(Protocol):
    """People."""

    def tell(self, policy: Policy, text: str) -> None:
        """Tell whoever the policy names."""

    def ask(self, policy: Policy, text: str, link: str) -> None:
        """Ask them. The link is a secret: it goes to nobody else."""


class Identities(Protocol):
    """Who somebody is: Entra."""

    def who(self, headers: Mapping[str, str]) -> Principal | None:
        """Who a request with these headers (names in lower case) comes from; None where it says nothing.

        Raises AnswerRefused when it says something that is not so.
        """

    def sign_in(self, path: str) -> str | None:
        """Where a person signs in to come back to that path; None where nobody can."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """One Azure ML workspace, and everything that belongs to it."""

    id: str
    """Its resource id, in small letters: what its events name."""
    workspace: Workspace
    landing: Landing
    profiles: Profiles
    refreshes: Refreshes
    logs: Logs
    sealer: Sealer
    """Its links open in no other workspace."""
    lineage: Lineage | None = None
    """None: nobody asked for it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Services:
    """The one value through which handlers reach everything outside."""

    clock: Clock
    policies: Policies
    ledger: Ledger
    places: Mapping[str | None, Place]
    """Workspaces by the names that policies use; None is the app's own."""
    topic: Topic
    wakeups: Wakeups
    notices: Notices
    identities: Identities
    checks_every: timedelta | None = None
    """How far apart the timer's checks of production are; None where that is not known."""

    def at(self, policy: Policy) -> Place:
        """The workspace that the policy's model lives in. A policy of an unknown one is never handed out."""
        return self.places[policy.workspace]
