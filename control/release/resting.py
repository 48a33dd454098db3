"""None and Promoted: nothing is under way, and what is left of earlier releases goes. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from control.decision import Decision, decided
from control.effects import DeleteDeployment, Effect, ScaleDeployment
from control.facts import Endpoint, Facts
from control.names import DEPLOYMENT
from control.policy import Policy
from control.release.endpoint import busy, differs, poll, set_traffic
from control.release.scale import is_changing, needed, scaled_down, scaled_up
from control.state import Champion, Intent


def resting(policy: Policy, intent: Intent, facts: Facts, now: datetime) -> Decision:
    """The champion answers everything; the one before is kept for a while; nothing else is."""
    endpoint, champion = facts.endpoint, intent.releasing.champion
    if endpoint is None:
        return Decision(intent=intent)
    if champion is None:
        return _cleared(policy, intent, endpoint, set()) or Decision(intent=intent)
    whole = {champion.deployment: 100}
    if champion.deployment in endpoint.deployments and not busy(endpoint) and differs(endpoint, whole, {}):
        # A late write of an earlier release has taken traffic away.
        return Decision(intent=intent, effects=(set_traffic(policy, whole),), wake=poll(policy))
    left = policy.release.keep_previous - (now - champion.since)
    if champion.previous and (left <= timedelta(0) or champion.previous not in endpoint.deployments):
        return _let_go(intent, champion, now)
    wanted = {champion.deployment, champion.previous or champion.deployment}
    clearing = _cleared(policy, intent, endpoint, wanted)
    if clearing is not None:
        return clearing
    scaling = _scaled(policy, endpoint, champion, facts)
    if scaling:
        return Decision(intent=intent, effects=scaling, wake=poll(policy))
    return Decision(intent=intent, wake=left if champion.previous else None)


def _scaled(
    policy: Policy, endpoint: Endpoint, champion: Champion, facts: Facts
) -> tuple[ScaleDeployment, ...]:
    """All instances for the champion, few for the one before: up before down."""
    up = scaled_up(endpoint, champion.deployment, needed(policy, facts.template, 100))
    if up is not None:
        return () if is_changing(endpoint, champion.deployment) else (up,)
    if champion.previous is None or needed(policy, facts.template, 100) is None:
        return ()
    down = scaled_down(endpoint, champion.previous, policy.release.previous_instances)
    return (down,) if down and not is_changing(endpoint, champion.previous) else ()


def _let_go(intent: Intent, champion: Champion, now: datetime) -> Decision:
    alone = replace(champion, previous=None, previous_version=None)
    note = decided(now, "previous no longer kept", deployment=champion.previous)
    return Decision(
        intent=replace(intent, releasing=replace(intent.releasing, champion=alone)), notes=(note,)
    )


def _cleared(policy: Policy, intent: Intent, endpoint: Endpoint, needed: set[str]) -> Decision | None:
    """Delete deployments of ours that are not needed; None when there are none."""
    left = [
        name
        for name, deployment in endpoint.deployments.items()
        if DEPLOYMENT.match(name) and deployment.state != "deleting" and name not in needed
    ]
    if not left:
        return None
    if busy(endpoint):
        return Decision(intent=intent, wake=poll(policy))
    effects: tuple[Effect, ...] = tuple(
        DeleteDeployment(endpoint=policy.release.endpoint, deployment=name) for name in left
    )
    if any(endpoint.traffic.get(name) or endpoint.mirror.get(name) for name in left):
        effects = (set_traffic(policy, {}),)
    return Decision(intent=intent, effects=effects, wake=poll(policy))
