"""Shadow and Canary: more and more of the traffic, each step held, baked and judged; then Promoted. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from control.decision import Decision, decided
from control.facts import Endpoint, Facts
from control.names import deployment_name
from control.policy import Policy
from control.release.endpoint import broken, busy, candidate_of, differs, poll, set_traffic, split
from control.release.rolling_back import roll_back
from control.state import Champion, Intent


def enter_shadow(policy: Policy, intent: Intent, now: datetime, why: str) -> Decision:
    """Mirrored traffic first, where there is a champion to mirror from and the policy asks for it."""
    state, candidate = intent.releasing, candidate_of(intent)
    release = policy.release
    shadowed = state.champion is not None and release.mirror_percent > 0 and release.mirror_for > timedelta(0)
    if not shadowed:
        return _enter_step(policy, intent, now, why)
    shadow = replace(state, phase="shadow", since=None)
    note = decided(now, "shadow", version=candidate.version, percent=release.mirror_percent, reason=why)
    return Decision(intent=replace(intent, releasing=shadow), notes=(note,))


def shadow(policy: Policy, intent: Intent, facts: Facts, now: datetime) -> Decision:
    """The candidate sees copies of live requests; nobody sees its answers."""
    candidate, state, endpoint = candidate_of(intent), intent.releasing, facts.endpoint
    name = deployment_name(candidate.generation)
    assert state.champion is not None  # noqa: S101 - no shadow without a champion
    traffic, mirror = {state.champion.deployment: 100}, {name: policy.release.mirror_percent}
    waiting = _hold_traffic(policy, intent, endpoint, traffic, mirror, now)
    if waiting is not None:
        return waiting
    since = state.since or now
    if now - since < policy.release.mirror_for:
        return Decision(intent=intent, wake=policy.release.mirror_for - (now - since))
    return _judged(policy, intent, facts, now, since + policy.release.mirror_for)


def canary(policy: Policy, intent: Intent, facts: Facts, now: datetime) -> Decision:
    """The candidate answers its step's share of the live requests."""
    candidate, state, endpoint = candidate_of(intent), intent.releasing, facts.endpoint
    percent = policy.release.steps[candidate.step]
    waiting = _hold_traffic(policy, intent, endpoint, split(state, candidate, percent), {}, now)
    if waiting is not None:
        return waiting
    since = state.since or now
    if now - since < policy.release.bake:
        return Decision(intent=intent, wake=policy.release.bake - (now - since))
    return _judged(policy, intent, facts, now, since + policy.release.bake)


def _judged(policy: Policy, intent: Intent, facts: Facts, now: datetime, baked: datetime) -> Decision:
    """The step has baked: pass goes on, fail goes back, inconclusive holds until the deadline."""
    candidate, probe = candidate_of(intent), facts.probe
    if probe is not None and probe.deployment == deployment_name(candidate.generation):
        if probe.verdict == "fail":
            return roll_back(intent, now, f"golden predictions: {probe.reason}")
        if probe.verdict == "pass":
            return _enter_step(policy, intent, now, probe.reason)
    hold = policy.release.deadline if policy.release.on_inconclusive == "hold" else timedelta(0)
    if now - baked > hold:
        reason = probe.reason if probe else "no answer"
        return roll_back(intent, now, f"inconclusive for longer than {hold}: {reason}")
    return Decision(intent=intent, wake=poll(policy))


def _enter_step(policy: Policy, intent: Intent, now: datetime, why: str) -> Decision:
    """The next step of the policy, or the promotion after the last."""
    state, candidate = intent.releasing, candidate_of(intent)
    steps = policy.release.steps
    if candidate.step == len(steps) - 1:
        return _promote(intent, now)
    # Without a champion there is nobody to share the traffic with.
    step = candidate.step + 1 if state.champion else len(steps) - 1
    canary = replace(state, phase="canary", since=None, candidate=replace(candidate, step=step))
    note = decided(
        now,
        "traffic step",
        version=candidate.version,
        deployment=deployment_name(candidate.generation),
        percent=steps[step],
        reason=why,
    )
    return Decision(intent=replace(intent, releasing=canary), notes=(note,))


def _promote(intent: Intent, now: datetime) -> Decision:
    state, candidate = intent.releasing, candidate_of(intent)
    before = state.champion
    champion = Champion(
        version=candidate.version,
        deployment=deployment_name(candidate.generation),
        since=now,
        previous=before.deployment if before else None,
    )
    promoted = replace(state, phase="promoted", candidate=None, champion=champion, since=now)
    note = decided(
        now,
        "promoted",
        version=candidate.version,
        deployment=champion.deployment,
        instead_of=before.version if before else None,
    )
    return Decision(intent=replace(intent, releasing=promoted), notes=(note,))


def _hold_traffic(
    policy: Policy,
    intent: Intent,
    endpoint: Endpoint | None,
    traffic: dict[str, int],
    mirror: dict[str, int],
    now: datetime,
) -> Decision | None:
    """Bring the traffic to where the phase wants it; None once it is there and `since` counts."""
    state, candidate = intent.releasing, candidate_of(intent)
    if endpoint is None:
        return Decision(intent=intent, wake=poll(policy))
    name = deployment_name(candidate.generation)
    fault = broken(endpoint.deployments.get(name), candidate) or (
        f"deployment {name} is gone" if name not in endpoint.deployments else ""
    )
    if fault:
        return roll_back(intent, now, fault)
    if busy(endpoint):
        return Decision(intent=intent, wake=poll(policy))
    if differs(endpoint, traffic, mirror):
        return Decision(intent=intent, effects=(set_traffic(policy, traffic, mirror),), wake=poll(policy))
    if state.since is None:
        started = replace(state, since=now)
        note = decided(now, "traffic confirmed", traffic=dict(traffic), mirror=dict(mirror))
        return Decision(intent=replace(intent, releasing=started), notes=(note,))
    return None
