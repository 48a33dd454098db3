"""None and Promoted: nothing is under way, and what is left of earlier releases goes. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from control.decision import Decision, decided
from control.effects import DeleteDeployment, Effect
from control.facts import Endpoint, Facts
from control.names import DEPLOYMENT
from control.policy import Policy
from control.release.endpoint import busy, differs, poll, set_traffic
from control.state import Champion, Intent


def resting(policy: Policy, intent: Intent, facts: Facts, now: datetime) -> Decision:
    """Nothing is under way: the champion answers everything, and what is left of earlier releases goes."""
    endpoint, champion = facts.endpoint, intent.releasing.champion
    if endpoint is None:
        return Decision(intent=intent)
    if champion is None:
        return _clear_up(policy, intent, endpoint, None)
    whole = {champion.deployment: 100}
    if champion.deployment in endpoint.deployments and not busy(endpoint) and differs(endpoint, whole, {}):
        # A late write of an earlier release has taken traffic away.
        return Decision(intent=intent, effects=(set_traffic(policy, whole),), wake=poll(policy))
    if champion.previous is None:
        return _clear_up(policy, intent, endpoint, champion)
    left = policy.release.keep_previous - (now - champion.since)
    if left > timedelta(0) and champion.previous in endpoint.deployments:
        return Decision(intent=intent, wake=left)
    alone = replace(intent.releasing, champion=replace(champion, previous=None))
    note = decided(now, "previous no longer kept", deployment=champion.previous)
    return Decision(intent=replace(intent, releasing=alone), notes=(note,))


def _clear_up(policy: Policy, intent: Intent, endpoint: Endpoint, champion: Champion | None) -> Decision:
    """Delete deployments of ours that nothing needs any more."""
    left = [
        name
        for name, deployment in endpoint.deployments.items()
        if DEPLOYMENT.match(name)
        and deployment.state != "deleting"
        and (champion is None or name != champion.deployment)
    ]
    if not left or busy(endpoint):
        return Decision(intent=intent, wake=poll(policy) if left else None)
    effects: tuple[Effect, ...] = tuple(
        DeleteDeployment(endpoint=policy.release.endpoint, deployment=name) for name in left
    )
    if any(endpoint.traffic.get(name) or endpoint.mirror.get(name) for name in left):
        effects = (set_traffic(policy, {}),)
    return Decision(intent=intent, effects=effects, wake=poll(policy))
