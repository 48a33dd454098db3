"""RollingBack: the traffic goes back to the champion, the candidate is deleted, both are read back. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from control.decision import Decision, decided
from control.effects import DeleteDeployment, ScaleDeployment
from control.facts import Endpoint, Facts
from control.names import deployment_name
from control.policy import Policy
from control.release.endpoint import busy, candidate_of, differs, poll, set_traffic
from control.release.scale import is_changing, needed, scaled_up
from control.state import Candidate, Intent, Releasing
from control.traffic import Traffic


def roll_back(intent: Intent, now: datetime, reason: str) -> Decision:
    """Give the traffic back and delete the candidate, whatever the phase."""
    candidate = intent.releasing.candidate
    if candidate is None or intent.releasing.phase == "rolling_back":
        return Decision(intent=intent)
    back = replace(intent.releasing, phase="rolling_back", entered=now, since=now, reason=reason)
    note = decided(
        now,
        "roll back",
        version=candidate.version,
        deployment=deployment_name(candidate.generation),
        reason=reason,
    )
    return Decision(intent=replace(intent, releasing=back), notes=(note,))


def rolling_back(policy: Policy, intent: Intent, facts: Facts, now: datetime) -> Decision:
    """One thing after the other, each read back before the next."""
    state, candidate, endpoint = intent.releasing, candidate_of(intent), facts.endpoint
    name = deployment_name(candidate.generation)
    if endpoint is None:
        return Decision(intent=intent, wake=poll(policy))
    if endpoint.state == "missing":
        return _ended(intent, facts, now)
    if busy(endpoint):
        return Decision(intent=intent, wake=poll(policy))
    if state.champion and state.champion.deployment not in endpoint.deployments:
        return _nobody(intent, now)
    back = {state.champion.deployment: 100} if state.champion else {}
    deployment = endpoint.deployments.get(name)
    if differs(endpoint, back, {}):
        # The traffic first: too few instances are better than wrong answers.
        grow = _grown(policy, endpoint, back, facts)
        return Decision(intent=intent, effects=(set_traffic(policy, back), *grow), wake=poll(policy))
    if deployment is None:
        return _ended(intent, facts, now)
    if deployment.state == "deleting":
        return Decision(intent=intent, wake=poll(policy))
    effect = DeleteDeployment(endpoint=endpoint.name, deployment=name)
    return Decision(intent=intent, effects=(effect,), wake=poll(policy))


def _grown(
    policy: Policy, endpoint: Endpoint, back: dict[str, int], facts: Facts
) -> tuple[ScaleDeployment, ...]:
    whole = needed(policy, facts.template, 100)
    idle = (name for name in back if not is_changing(endpoint, name))
    return tuple(effect for name in idle if (effect := scaled_up(endpoint, name, whole)) is not None)


def is_gone(intent: Intent, endpoint: Endpoint) -> bool:
    """Whether the candidate that is rolled back is deleted: what it answered can be counted."""
    candidate = intent.releasing.candidate
    return (
        intent.releasing.phase == "rolling_back"
        and candidate is not None
        and deployment_name(candidate.generation) not in endpoint.deployments
    )


def _nobody(intent: Intent, now: datetime) -> Decision:
    """Somebody deleted the champion's deployment: a bad candidate goes all the same."""
    state = intent.releasing
    assert state.champion is not None  # noqa: S101 - asked by the caller
    note = decided(now, "champion lost", version=state.champion.version, deployment=state.champion.deployment)
    return Decision(intent=replace(intent, releasing=replace(state, champion=None)), notes=(note,))


def _ended(intent: Intent, facts: Facts, now: datetime) -> Decision:
    state, candidate = intent.releasing, candidate_of(intent)
    ended: Releasing = replace(
        state,
        phase="promoted" if state.champion else "none",
        candidate=None,
        entered=now,
        since=now,
        refused=(*(version for version in state.refused if version != candidate.version), candidate.version),
    )
    note = decided(
        now,
        "rolled back",
        version=candidate.version,
        deployment=deployment_name(candidate.generation),
        reason=state.reason,
        **_answered(candidate, facts.traffic),
    )
    return Decision(intent=replace(intent, releasing=ended), notes=(note,))


def _answered(candidate: Candidate, traffic: Traffic | None) -> dict[str, Any]:
    """How many of the live requests the candidate answered since it got any, as far as the logs know."""
    if candidate.exposed is None:
        return {"answered": 0, "share": 0.0}
    if traffic is None or traffic.reason:
        return {"answered": None, "share": None, "unknown": traffic.reason if traffic else "not read"}
    answered = traffic.candidate.requests
    requests = answered + (traffic.champion.requests if traffic.champion else 0)
    share = answered / requests if requests else 0.0
    return {"answered": answered, "requests": requests, "share": round(share, 4)}
