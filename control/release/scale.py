"""How many instances a deployment needs for the share of the traffic that it gets. Pure.

The deployment's YAML says how many all of the traffic needs. A candidate gets its instances before it gets
its traffic; the champion keeps all of its own until the next one is promoted.
"""

from __future__ import annotations

from control.effects import ScaleDeployment
from control.facts import Endpoint, Template
from control.policy import Policy


def needed(policy: Policy, template: Template | None, percent: int) -> int | None:
    """Instances for that share of the traffic, rounded up; None: leave them as they are.

    They are left alone where the policy wants it, where the YAML lets the deployment scale by itself, and
    where one instance is all there ever is.
    """
    if (
        template is None
        or policy.release.scale == "fixed"
        or template.scales_itself
        or template.kind == "batch"  # its instances are those of each job
        or template.instances < 2
    ):
        return None
    return max(1, -(-template.instances * percent // 100))


def scaled_up(endpoint: Endpoint, name: str, instances: int | None) -> ScaleDeployment | None:
    """The effect that gives the deployment that many instances, when it has fewer."""
    there = endpoint.deployments.get(name)
    if instances is None or there is None or there.instances is None or there.instances >= instances:
        return None
    return ScaleDeployment(endpoint=endpoint.name, deployment=name, instances=instances)


def scaled_down(endpoint: Endpoint, name: str, instances: int | None) -> ScaleDeployment | None:
    """The effect that leaves the deployment that many instances, when it has more."""
    there = endpoint.deployments.get(name)
    if instances is None or there is None or there.instances is None or there.instances <= instances:
        return None
    return ScaleDeployment(endpoint=endpoint.name, deployment=name, instances=instances)


def is_changing(endpoint: Endpoint, name: str) -> bool:
    """Whether the deployment is being changed: its instances are not there yet."""
    there = endpoint.deployments.get(name)
    return there is not None and there.state in {"creating", "updating"}
