"""RollingBack: the traffic goes back to the champion, is read back, and the candidate is deleted. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from control.decision import Decision, decided
from control.effects import DeleteDeployment
from control.facts import Facts
from control.names import deployment_name
from control.policy import Policy
from control.release.endpoint import busy, candidate_of, differs, poll, set_traffic
from control.state import Intent, Releasing


def roll_back(intent: Intent, now: datetime, reason: str) -> Decision:
    """Give the traffic back and delete the candidate, whatever the phase."""
    candidate = intent.releasing.candidate
    if candidate is None:
        return Decision(intent=intent)
    back = replace(intent.releasing, phase="rolling_back", since=now, reason=reason)
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
    deployment = endpoint.deployments.get(name)
    if endpoint.state == "missing" or deployment is None:
        ended: Releasing = replace(
            state,
            phase="promoted" if state.champion else "none",
            candidate=None,
            since=now,
            refused=(*state.refused, candidate.version),
        )
        note = decided(now, "rolled back", version=candidate.version, reason=state.reason)
        return Decision(intent=replace(intent, releasing=ended), notes=(note,))
    if deployment.state == "deleting" or busy(endpoint):
        return Decision(intent=intent, wake=poll(policy))
    back = {state.champion.deployment: 100} if state.champion else {}
    if differs(endpoint, back, {}):
        return Decision(intent=intent, effects=(set_traffic(policy, back),), wake=poll(policy))
    effect = DeleteDeployment(endpoint=endpoint.name, deployment=name)
    return Decision(intent=intent, effects=(effect,), wake=poll(policy))
