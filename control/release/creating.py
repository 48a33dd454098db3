"""Creating: endpoint and deployment come up at 0 %, and answer the golden predictions. Pure.

A batch deployment answers them in a trial run: a job on exactly that deployment, before it is the default.
"""

from __future__ import annotations

from datetime import datetime

from control.decision import Decision
from control.effects import BeginTrial, CreateDeployment, CreateEndpoint, Effect
from control.facts import Facts
from control.names import deployment_name, trial_name
from control.policy import Policy
from control.release.endpoint import broken, busy, candidate_of, poll
from control.release.proposed import approval_holds, propose_again
from control.release.rolling_back import roll_back
from control.release.scale import needed
from control.release.steps import enter_shadow, first_percent
from control.state import Intent


def creating(policy: Policy, intent: Intent, facts: Facts, now: datetime) -> Decision:
    """What is missing is made; wrong answers, failures and silence past the deadline go back."""
    state, candidate, endpoint = intent.releasing, candidate_of(intent), facts.endpoint
    if not approval_holds(policy, candidate):
        return propose_again(intent, now)
    if endpoint is None:
        return Decision(intent=intent, wake=poll(policy))
    name = deployment_name(candidate.generation)
    deployment = endpoint.deployments.get(name)
    fault = (
        f"endpoint {endpoint.name} failed" if endpoint.state == "failed" else broken(deployment, candidate)
    )
    if fault:
        return roll_back(intent, now, fault)
    probe = facts.probe if facts.probe and facts.probe.deployment == name else None
    if probe and probe.verdict == "fail":
        return roll_back(intent, now, f"golden predictions: {probe.reason}")
    if probe and probe.verdict == "pass" and not busy(endpoint):
        return enter_shadow(policy, intent, facts, now, probe.reason)
    if state.since is not None and now - state.since > policy.release.deadline:
        what = "deployment" if endpoint.state == "succeeded" else "endpoint"
        said = f": {deployment.reason}" if deployment and deployment.reason else ""
        why = f"golden predictions: {probe.reason}" if probe else f"the {what} is not ready{said}"
        return roll_back(intent, now, f"not ready within {policy.release.deadline}: {why}")
    missing: tuple[Effect, ...] = ()
    if endpoint.state == "missing":
        missing = (CreateEndpoint(endpoint=endpoint.name),)
    elif deployment is None and not busy(endpoint):
        missing = (
            CreateDeployment(
                endpoint=endpoint.name,
                deployment=name,
                model_version=candidate.version,
                instances=needed(policy, facts.template, first_percent(policy, intent, facts.template)),
            ),
        )
    elif probe and probe.to_begin and not busy(endpoint):
        missing = (
            BeginTrial(
                endpoint=endpoint.name,
                deployment=name,
                model_version=candidate.version,
                job=trial_name(policy.name, name, candidate.version),
            ),
        )
    return Decision(intent=intent, effects=missing, wake=poll(policy))
