"""Batch endpoints and their deployments. Operations are begun, never waited for: the next wake-up looks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cloud.endpoints import INVOKING, deployment_state, model_version
from cloud.errors import NotFound, loading, translated
from control.errors import Refused
from control.facts import Deployment, Endpoint

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from azure.ai.ml.entities import BatchDeployment, BatchEndpoint

    from cloud.connections import Connections
    from cloud.location import Location
    from control.policy import Policy


class BatchEndpoints:
    """Batch endpoints in Azure ML. The default deployment is the one with all of the traffic."""

    def __init__(self, connections: Connections, root: Path) -> None:
        """`root` is the folder that the policies' paths start from."""
        self._connections = connections
        self._root = root

    def get(self, name: str) -> Endpoint:
        """The endpoint with its deployments; state `missing` when there is none."""
        ml = self._connections.ml
        try:
            with translated(f"reading batch endpoint {name}"):
                found = ml.batch_endpoints.get(name)
                deployments = [_deployment(one) for one in ml.batch_deployments.list(name)]
        except NotFound:
            return Endpoint(name=name, state="missing", kind="batch")
        default = _default(found)
        return Endpoint(
            name=name,
            kind="batch",
            state=deployment_state(found.provisioning_state),
            traffic={default: 100} if default else {},
            deployments={one.name: one for one in deployments},
        )

    def create(self, policy: Policy) -> bool:
        """Begin the endpoint; one that is there keeps its default deployment."""
        name = policy.release.endpoint
        if self.get(name).state != "missing":
            return False
        endpoint = self._new_endpoint(policy)
        with translated(f"creating batch endpoint {name}"):
            self._connections.ml.batch_endpoints.begin_create_or_update(endpoint)
        return True

    def deploy(self, policy: Policy, deployment: str, version: str) -> bool:
        """Begin the deployment, beside the default. One that is there under the name is that deployment."""
        name = policy.release.endpoint
        existing = self.get(name).deployments.get(deployment)
        if existing is not None:
            if existing.model_version not in {None, version}:
                raise Refused(
                    f"deployment {deployment} of {name} has model version {existing.model_version}, "
                    f"not {version}"
                )
            return False
        with loading(policy.release.deployment):
            wanted = self._load_deployment(policy)
        wanted.name = deployment
        wanted.endpoint_name = name
        wanted.model = f"azureml:{policy.name}:{version}"
        with translated(f"creating deployment {deployment} of {name}"):
            self._connections.ml.batch_deployments.begin_create_or_update(wanted)
        return True

    def route(self, policy: Policy, traffic: dict[str, int]) -> None:
        """Begin to make the deployment that has everything the default; none for no traffic."""
        name = policy.release.endpoint
        default = next((one for one, share in traffic.items() if share == 100), None)
        if any(traffic.values()) and default is None:
            raise Refused(f"batch endpoint {name} has one default deployment: {traffic} cannot be set")
        with translated(f"setting the default deployment of {name}"):
            endpoint = self._connections.ml.batch_endpoints.get(name)
            endpoint.defaults = {"deployment_name": default}
            self._connections.ml.batch_endpoints.begin_create_or_update(endpoint)

    def delete_deployment(self, endpoint: str, deployment: str) -> None:
        """Begin to delete; one that is gone is no error."""
        try:
            with translated(f"deleting deployment {deployment} of {endpoint}"):
                self._connections.ml.batch_deployments.begin_delete(deployment, endpoint)
        except NotFound:
            return

    def made(self, endpoint: str, deployment: str) -> datetime | None:
        """When the deployment was made; None where Azure ML does not say."""
        with translated(f"reading deployment {deployment} of {endpoint}"):
            found = self._connections.ml.batch_deployments.get(deployment, endpoint)
        return getattr(getattr(found, "creation_context", None), "created_at", None)

    def invoke(self, endpoint: str, deployment: str, job: str, rows: Location, predictions: Location) -> None:
        """Begin a job of that name on exactly that deployment, from one file of rows to one of predictions.

        Raises:
            Refused: also when Azure ML gave the job another name: it could never be found again.
        """
        from azure.ai.ml import Input, Output

        with INVOKING, translated(f"invoking deployment {deployment} of {endpoint}"):
            begun = self._connections.ml.batch_endpoints.invoke(
                endpoint,
                deployment_name=deployment,
                inputs={"rows": Input(type="uri_file", path=rows.uri)},
                outputs={"score": Output(type="uri_file", path=predictions.uri)},
                job_name=job,
            )
        if begun.name != job:
            raise Refused(f"Azure ML named the trial run {begun.name}, not {job}")

    def _load_deployment(self, policy: Policy) -> BatchDeployment:
        import yaml
        from azure.ai.ml import load_batch_deployment

        # The loader of `type: model` is exported nowhere; load_batch_deployment refuses its `settings`.
        from azure.ai.ml.entities._load_functions import load_model_batch_deployment

        path = self._root / policy.release.deployment
        body = yaml.safe_load(path.read_text("utf-8"))
        if body.get("type") == "pipeline" or "component" in body or "job_definition" in body:
            raise Refused(
                f"{policy.release.deployment} deploys a pipeline component, which holds no model version: "
                "write a model deployment (type: model)"
            )
        if body.get("type") == "model" or "settings" in body:
            return load_model_batch_deployment(path)
        return load_batch_deployment(path)

    def _new_endpoint(self, policy: Policy) -> BatchEndpoint:
        """From `endpoint.yml` beside the deployment's YAML, where there is one."""
        from azure.ai.ml import load_batch_endpoint
        from azure.ai.ml.entities import BatchEndpoint

        path = (self._root / policy.release.deployment).parent / "endpoint.yml"
        if not path.is_file():
            return BatchEndpoint(name=policy.release.endpoint)
        with loading(path.name):
            endpoint = load_batch_endpoint(path)
        endpoint.name = policy.release.endpoint
        endpoint.defaults = None
        return endpoint


def _deployment(found: BatchDeployment) -> Deployment:
    state = deployment_state(found.provisioning_state)
    return Deployment(
        name=found.name,
        state=state,
        model_version=model_version(found.model),
        reason="its operations in the studio say why" if state == "failed" else "",
    )


def _default(endpoint: Any) -> str | None:
    defaults = endpoint.defaults
    if isinstance(defaults, dict):
        return defaults.get("deployment_name") or None
    return getattr(defaults, "deployment_name", None) or None
