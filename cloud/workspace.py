"""Azure Machine Learning, as `control.ports.Workspace` asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloud.batch_endpoints import BatchEndpoints
    from cloud.endpoints import Endpoints
    from cloud.jobs import Jobs
    from cloud.models import Models
    from cloud.probe import Prober
    from cloud.registries import Registries
    from cloud.trial import Trials
    from control.facts import Batch, Endpoint, Evaluation, Job, ModelVersion, Probe, Template
    from control.policy import Policy
    from control.state import Evaluating, Profiling, Training


class AzureWorkspace:
    """The workspace: jobs, models, endpoints and the probe, behind one Protocol."""

    def __init__(
        self,
        *,
        jobs: Jobs,
        models: Models,
        endpoints: Endpoints,
        prober: Prober,
        batch_endpoints: BatchEndpoints,
        trials: Trials,
        registries: Registries,
    ) -> None:
        self._jobs = jobs
        self._models = models
        self._endpoints = endpoints
        self._prober = prober
        self._batch_endpoints = batch_endpoints
        self._trials = trials
        self._registries = registries

    def job(self, name: str) -> Job:
        """The job by name; status `missing` when there is none."""
        return self._jobs.get(name)

    def evaluation(self, policy: Policy, job: str) -> Evaluation | None:
        """What the evaluate step wrote; None when it wrote nothing. Raises BadData when it cannot be read."""
        return self._jobs.evaluation(policy, job)

    def reported(self, policy: Policy, job: str) -> bool:
        """Whether the test report on that job's candidate is written."""
        return self._jobs.reported(policy, job)

    def write_report(self, policy: Policy, job: str, files: Sequence[tuple[str, bytes]]) -> None:
        """Write the report's files in that order, over those that are there; the last says that all are."""
        self._jobs.write_report(policy, job, files)

    def code(self, policy: Policy) -> str:
        """Digest of the code that a retraining would run now. Raises Refused when it would run none."""
        return self._jobs.code(policy)

    def models(self, policy: Policy) -> Sequence[ModelVersion]:
        """The registered versions, oldest first."""
        return self._models.versions(policy.name)

    def registry(self, policy: Policy) -> Sequence[ModelVersion]:
        """The versions of the model in the policy's registry, oldest first."""
        return self._registries.versions(policy)

    def share(self, policy: Policy, version: str, evidence: str) -> bool:
        """Import the version into the policy's registry; False when it was there already."""
        return self._registries.share(policy, version, evidence)

    def take(self, policy: Policy, version: str) -> bool:
        """Copy the registry's version into the workspace and register it; False when it was there already."""
        return self._registries.take(policy, version)

    def file(self, policy: Policy, address: str) -> bytes | None:  # noqa: ARG002 - every policy's is the same
        """The file at that place of a datastore; None when there is none."""
        return self._models.read(address)

    def endpoint(self, name: str) -> Endpoint:
        """The endpoint with its deployments; state `missing` when there is none."""
        found = self._endpoints.get(name)
        if found.state != "missing":
            return found
        batch = self._batch_endpoints.get(name)  # names are unique: an endpoint is of one kind
        return batch if batch.state != "missing" else found

    def probe(self, policy: Policy, deployment: str, version: str) -> Probe:
        """Ask the deployment for the golden predictions that travel with the version."""
        if self._is_batch(policy):
            return self._trials.probe(policy, deployment, version)
        return self._prober.probe(policy, deployment, version)

    def begin_trial(self, policy: Policy, deployment: str, version: str, job: str) -> bool:
        """Invoke the batch deployment; does not wait; False when the job was there already."""
        return self._trials.begin(policy, deployment, version, job)

    def submit(self, policy: Policy, training: Training, batches: Sequence[Batch]) -> bool:
        """Submit the retraining job under its deterministic name; False when it was there already."""
        return self._jobs.submit(policy, training, batches)

    def submit_evaluation(self, policy: Policy, evaluating: Evaluating, batches: Sequence[Batch]) -> bool:
        """Submit the evaluation job of a registered version; False when it was there already."""
        return self._jobs.evaluate(policy, evaluating, batches)

    def submit_profile(self, policy: Policy, profiling: Profiling, files: Sequence[str]) -> bool:
        """Submit the Spark job that profiles a batch; False when it was there already."""
        return self._jobs.profile(policy, profiling, files)

    def register(self, policy: Policy, version: str, job: str, tags: dict[str, str]) -> bool:
        """Register the model version from the job's output; False when it was there already."""
        return self._models.register(policy.name, version, job, tags)

    def create_endpoint(self, policy: Policy) -> bool:
        """Begin the endpoint; does not wait; False when it was there already."""
        template = self._endpoints.template(policy)
        if template is not None and template.kind == "batch":
            return self._batch_endpoints.create(policy)
        return self._endpoints.create(policy)

    def template(self, policy: Policy) -> Template | None:
        """What the policy's deployment YAML says; None when it cannot be read: deploying says why."""
        return self._endpoints.template(policy)

    def create_deployment(
        self, policy: Policy, deployment: str, version: str, instances: int | None = None
    ) -> bool:
        """Begin the deployment at 0 %; does not wait; False when it was there already."""
        if self._is_batch(policy):
            return self._batch_endpoints.deploy(policy, deployment, version)
        return self._endpoints.deploy(policy, deployment, version, instances)

    def scale_deployment(self, policy: Policy, deployment: str, instances: int) -> bool:
        """Begin to give the deployment that many instances; does not wait; False when it has them."""
        return self._endpoints.scale(policy.release.endpoint, deployment, instances)

    def set_traffic(self, policy: Policy, traffic: dict[str, int], mirror: dict[str, int]) -> None:
        """Begin to set the endpoint's traffic, of a batch endpoint its default deployment; does not wait."""
        if self._is_batch(policy):
            self._batch_endpoints.route(policy, traffic)
        else:
            self._endpoints.route(policy, traffic, mirror)

    def delete_deployment(self, policy: Policy, deployment: str) -> None:
        """Begin to delete the deployment; does not wait. One that is gone already is no error."""
        endpoints = self._batch_endpoints if self._is_batch(policy) else self._endpoints
        endpoints.delete_deployment(policy.release.endpoint, deployment)

    def _is_batch(self, policy: Policy) -> bool:
        """By what there is, not by the YAML: that may have been changed since."""
        return self.endpoint(policy.release.endpoint).kind == "batch"
