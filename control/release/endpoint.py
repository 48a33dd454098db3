"""What an endpoint looks like next to what it should look like. Pure."""

from __future__ import annotations

from datetime import timedelta

from control.effects import SetTraffic
from control.facts import Deployment, Endpoint
from control.names import deployment_name
from control.policy import Policy
from control.state import Candidate, Intent, Releasing


def poll(policy: Policy) -> timedelta:
    """How often to look at something that sends no event."""
    return min(max(policy.release.bake / 10, timedelta(seconds=0.5)), timedelta(seconds=30))


def candidate_of(intent: Intent) -> Candidate:
    """The candidate of a phase that has one."""
    candidate = intent.releasing.candidate
    if candidate is None:
        raise ValueError(f"{intent.model}: phase {intent.releasing.phase} without a candidate")
    return candidate


def split(state: Releasing, candidate: Candidate, percent: int) -> dict[str, int]:
    """The traffic when the candidate has that percentage."""
    name = deployment_name(candidate.generation)
    if state.champion is None:
        return {name: 100}
    return {name: percent} | ({state.champion.deployment: 100 - percent} if percent < 100 else {})


def differs(endpoint: Endpoint, traffic: dict[str, int], mirror: dict[str, int]) -> bool:
    """Whether the endpoint has other traffic than that."""

    def present(split: dict[str, int]) -> dict[str, int]:
        return {name: percent for name, percent in split.items() if percent}

    return present(endpoint.traffic) != present(traffic) or present(endpoint.mirror) != present(mirror)


def set_traffic(policy: Policy, traffic: dict[str, int], mirror: dict[str, int] | None = None) -> SetTraffic:
    """The effect that brings the traffic there."""
    return SetTraffic(
        endpoint=policy.release.endpoint,
        traffic=tuple(sorted(traffic.items())),
        mirror=tuple(sorted((mirror or {}).items())),
    )


def busy(endpoint: Endpoint) -> bool:
    """A long-running operation of the endpoint itself is under way: Azure refuses another."""
    return endpoint.state in {"creating", "updating", "deleting"}


def broken(deployment: Deployment | None, candidate: Candidate) -> str:
    """Why this deployment can never carry the candidate, or nothing."""
    if deployment is None:
        return ""
    if deployment.state == "failed":
        return f"deployment {deployment.name} failed: {deployment.reason}"
    if deployment.state == "deleting":
        return f"deployment {deployment.name} is being deleted"
    if deployment.model_version not in {None, candidate.version}:
        return (
            f"deployment {deployment.name} holds version {deployment.model_version}, not {candidate.version}"
        )
    return ""
