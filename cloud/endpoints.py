"""Online endpoints and their deployments. Operations are begun, never waited for: the next wake-up looks."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal

from cloud.errors import NotFound, loading, translated
from control.errors import HomeostatError, Refused
from control.facts import Deployment, Endpoint, Template

if TYPE_CHECKING:
    from azure.ai.ml.entities import OnlineDeployment, OnlineEndpoint

    from cloud.connections import Connections
    from control.policy import Policy

State = Literal["creating", "updating", "succeeded", "failed", "deleting"]
STATES: dict[str, State] = {
    "creating": "creating",
    "provisioning": "creating",
    "updating": "updating",
    "scaling": "updating",
    "succeeded": "succeeded",
    "failed": "failed",
    "canceled": "failed",
    "deleting": "deleting",
}
BATCH = {"model", "pipeline"}
"""Types of batch deployments; older YAML has none, and says it by its schema."""
INVOKING = Lock()
"""The SDK keeps the headers of requests to endpoints, the deployment's name among them, in one dict for the
whole process: two requests at a time, online or batch, could reach each other's deployment."""
LOG_LINES = 100
REASON = 2000
"""Characters of a failure that are kept: a traceback and what the server says after it."""


class Endpoints:
    """Online endpoints in Azure ML."""

    def __init__(self, connections: Connections, root: Path) -> None:
        """`root` is the folder that the policies' paths start from."""
        self._connections = connections
        self._root = root

    def get(self, name: str) -> Endpoint:
        """The endpoint with its deployments; state `missing` when there is none."""
        ml = self._connections.ml
        try:
            with translated(f"reading endpoint {name}"):
                found = ml.online_endpoints.get(name)
                deployments = [self._deployment(name, one) for one in ml.online_deployments.list(name)]
        except NotFound:
            return Endpoint(name=name, state="missing")
        return Endpoint(
            name=name,
            state=deployment_state(found.provisioning_state),
            traffic=_percent(found.traffic),
            mirror=_percent(found.mirror_traffic),
            deployments={one.name: one for one in deployments},
        )

    def create(self, policy: Policy) -> bool:
        """Begin the endpoint; one that is there keeps its traffic."""
        name = policy.release.endpoint
        if self.get(name).state != "missing":
            return False
        endpoint = self._new_endpoint(policy)
        with translated(f"creating endpoint {name}"):
            self._connections.ml.online_endpoints.begin_create_or_update(endpoint)
        return True

    def deploy(self, policy: Policy, deployment: str, version: str, instances: int | None = None) -> bool:
        """Begin the deployment at 0 %. A name is never used twice: one that is there is that deployment."""
        existing = self.get(policy.release.endpoint).deployments.get(deployment)
        if existing is not None:
            if existing.model_version not in {None, version}:
                raise Refused(
                    f"deployment {deployment} of {policy.release.endpoint} has model version "
                    f"{existing.model_version}, not {version}"
                )
            return False
        with loading(policy.release.deployment):
            wanted = self._load_deployment(policy)
        wanted.name = deployment
        wanted.endpoint_name = policy.release.endpoint
        wanted.model = f"azureml:{policy.name}:{version}"
        if instances is not None:
            wanted.instance_count = instances
        with translated(f"creating deployment {deployment} of {policy.release.endpoint}"):
            self._connections.ml.online_deployments.begin_create_or_update(wanted)
        return True

    def template(self, policy: Policy) -> Template | None:
        """What the policy's deployment YAML says; None when it cannot be read: deploying says why."""
        import yaml

        try:
            body = yaml.safe_load((self._root / policy.release.deployment).read_text("utf-8"))
            instances = int(body.get("instance_count") or 1)
            scaling = (body.get("scale_settings") or {}).get("type", "default")
        except (OSError, yaml.YAMLError, AttributeError, TypeError, ValueError):
            return None
        schema = str(body.get("$schema", "")).lower()
        if body.get("type") in BATCH or "batchdeployment" in schema:
            return Template(kind="batch")
        return Template(
            kind="kubernetes" if body.get("type") == "kubernetes" else "managed",
            instances=instances,
            scales_itself=scaling != "default",
        )

    def scale(self, endpoint: str, deployment: str, instances: int) -> bool:
        """Begin to give the deployment that many instances; one that is gone, or has them, is no error."""
        try:
            with translated(f"scaling deployment {deployment} of {endpoint}"):
                found = self._connections.ml.online_deployments.get(deployment, endpoint)
                if found.instance_count == instances:
                    return False
                path = f"onlineEndpoints/{endpoint}/deployments/{deployment}"
                self._connections.arm.patch(path, {"sku": {"name": "Default", "capacity": instances}})
        except NotFound:
            return False
        return True

    def route(self, policy: Policy, traffic: dict[str, int], mirror: dict[str, int]) -> None:
        """Begin to set the endpoint's traffic."""
        name = policy.release.endpoint
        with translated(f"setting the traffic of {name}"):
            endpoint = self._connections.ml.online_endpoints.get(name)
            endpoint.traffic = dict(traffic)
            endpoint.mirror_traffic = dict(mirror)
            self._connections.ml.online_endpoints.begin_create_or_update(endpoint)

    def delete_deployment(self, endpoint: str, deployment: str) -> None:
        """Begin to delete; one that is gone is no error."""
        try:
            with translated(f"deleting deployment {deployment} of {endpoint}"):
                self._connections.ml.online_deployments.begin_delete(deployment, endpoint)
        except NotFound:
            return

    def ask(self, endpoint: str, deployment: str, request: Any) -> str:
        """The deployment's answer to one request body, whatever the traffic is."""
        with tempfile.TemporaryDirectory(prefix="homeostat-") as folder:
            file = Path(folder) / "request.json"
            file.write_text(json.dumps(request))
            with INVOKING, translated(f"asking deployment {deployment} of {endpoint}"):
                return str(
                    self._connections.ml.online_endpoints.invoke(
                        endpoint, deployment_name=deployment, request_file=str(file)
                    )
                )

    def _deployment(self, endpoint: str, found: OnlineDeployment) -> Deployment:
        state = deployment_state(found.provisioning_state)
        return Deployment(
            name=found.name,
            state=state,
            model_version=model_version(found.model),
            instances=found.instance_count,
            reason=self._log(endpoint, found.name) if state in {"failed", "creating"} else "",
        )

    def _log(self, endpoint: str, deployment: str) -> str:
        """The end of the container's log, where one can be had: what a person would look at first."""
        try:
            with translated(f"reading the log of deployment {deployment} of {endpoint}"):
                log = self._connections.ml.online_deployments.get_logs(deployment, endpoint, lines=LOG_LINES)
        except HomeostatError as err:
            return f"its log cannot be read: {err}"
        return str(log).strip()[-REASON:] or "its log is empty"

    def _load_deployment(self, policy: Policy) -> OnlineDeployment:
        from azure.ai.ml import load_online_deployment

        path = self._root / policy.release.deployment
        if not path.is_file():
            raise Refused(
                f"{policy.source}: release.deployment names {policy.release.deployment}, which does not exist"
            )
        return load_online_deployment(path)

    def _new_endpoint(self, policy: Policy) -> OnlineEndpoint:
        """From `endpoint.yml` beside the deployment's YAML, which Kubernetes needs; else a managed one."""
        from azure.ai.ml import load_online_endpoint
        from azure.ai.ml.entities import ManagedOnlineEndpoint

        path = (self._root / policy.release.deployment).parent / "endpoint.yml"
        if not path.is_file():
            template = self.template(policy)
            if template and template.kind == "kubernetes":
                raise Refused(
                    f"{policy.release.deployment} is of type kubernetes: write an endpoint.yml beside it "
                    "that names the cluster (compute: azureml:<name>)"
                )
            return ManagedOnlineEndpoint(name=policy.release.endpoint, auth_mode="key")
        with loading(path.name):
            endpoint = load_online_endpoint(path)
        endpoint.name = policy.release.endpoint
        endpoint.traffic = {}
        return endpoint


def deployment_state(state: Any) -> State:
    """A state that we do not know is on its way somewhere."""
    return STATES.get(str(getattr(state, "value", state)).lower(), "updating")


def _percent(traffic: Any) -> dict[str, int]:
    return {str(name): int(share) for name, share in (traffic or {}).items() if int(share)}


def model_version(model: Any) -> str | None:
    """The version: from `.../models/<name>/versions/<version>` or `azureml:<name>:<version>`."""
    text = model if isinstance(model, str) else str(getattr(model, "version", None) or "")
    return text.replace(":", "/").rstrip("/").rpartition("/")[2] or None
