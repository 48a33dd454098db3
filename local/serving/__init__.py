"""Online endpoints: real inference servers, a router in front of them, and data collection to Blob."""

from local.serving.serving import Serving
from local.serving.spec import DeploymentFailed, DeploymentSpec

__all__ = ["DeploymentFailed", "DeploymentSpec", "Serving"]
