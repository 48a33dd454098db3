"""Shadow and Canary: more and more of the traffic, each step held, watched, baked and judged. Pure.

While a step bakes, a proven fail goes back at once. It goes on only after the bake, when the requests it got
speak for it and the golden predictions are right. Inconclusive holds until the deadline, then goes back.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from control.decision import Decision, decided, soonest
from control.effects import Effect, ScaleDeployment
from control.facts import Endpoint, Facts, Template
from control.gate import Judgement
from control.names import deployment_name
from control.policy import Policy
from control.release.endpoint import broken, busy, candidate_of, differs, poll, set_traffic, split
from control.release.promotion import promote
from control.release.rolling_back import roll_back
from control.release.scale import is_changing, needed, scaled_up
from control.state import Intent
from control.traffic import Traffic
from control.traffic_gate import Phase, judge_traffic


def enter_shadow(policy: Policy, intent: Intent, facts: Facts, now: datetime, why: str) -> Decision:
    """Mirrored traffic first, where there is a champion to mirror from and the policy asks for it."""
    state, candidate = intent.releasing, candidate_of(intent)
    if facts.endpoint is not None and facts.endpoint.kind == "batch":
        return _switch(policy, intent, now, why)
    if not is_shadowed(policy, intent):
        return enter_step(policy, intent, now, why)
    if not _mirrors(facts.template):
        skipped = decided(
            now, "shadow skipped", version=candidate.version, reason="Kubernetes endpoints mirror no traffic"
        )
        first = enter_step(policy, intent, now, why)
        return replace(first, notes=(skipped, *first.notes))
    shadow = replace(state, phase="shadow", entered=now, since=None)
    note = decided(
        now, "shadow", version=candidate.version, percent=policy.release.mirror_percent, reason=why
    )
    return Decision(intent=replace(intent, releasing=shadow), notes=(note,))


def _switch(policy: Policy, intent: Intent, now: datetime, why: str) -> Decision:
    """The one step of a batch endpoint: it has no requests to share out, and nothing to watch them by."""
    skipped = decided(
        now,
        "steps skipped",
        version=candidate_of(intent).version,
        reason="a batch endpoint has one default deployment: mirror, steps, bake and abort_if mean nothing",
    )
    last = enter_step(policy, intent, now, why, at_once=True)
    return replace(last, notes=(skipped, *last.notes))


def is_shadowed(policy: Policy, intent: Intent) -> bool:
    """Whether the policy asks for a shadow phase, and there is something to mirror."""
    release = policy.release
    return (
        intent.releasing.champion is not None
        and release.mirror_percent > 0
        and release.mirror_for > timedelta(0)
    )


def _mirrors(template: Template | None) -> bool:
    return template is None or template.kind != "kubernetes"


def first_percent(policy: Policy, intent: Intent, template: Template | None) -> int:
    """The share of the requests that the candidate sees first, as copies or live."""
    if intent.releasing.champion is None:
        return 100
    shadowed = is_shadowed(policy, intent) and _mirrors(template)
    return policy.release.mirror_percent if shadowed else policy.release.steps[0]


def shadow(policy: Policy, intent: Intent, facts: Facts, now: datetime) -> Decision:
    """The candidate sees copies of live requests; nobody sees its answers."""
    candidate, state = candidate_of(intent), intent.releasing
    name = deployment_name(candidate.generation)
    assert state.champion is not None  # noqa: S101 - no shadow without a champion
    traffic, mirror = {state.champion.deployment: 100}, {name: policy.release.mirror_percent}
    return _hold_traffic(policy, intent, facts, traffic, mirror, now) or _watched(policy, intent, facts, now)


def canary(policy: Policy, intent: Intent, facts: Facts, now: datetime) -> Decision:
    """The candidate answers its step's share of the live requests."""
    candidate, state = candidate_of(intent), intent.releasing
    traffic = split(state, candidate, policy.release.steps[candidate.step])
    held = _hold_traffic(policy, intent, facts, traffic, {}, now)
    if held is None and facts.endpoint is not None and facts.endpoint.kind == "batch":
        return promote(intent, now, "its trial run was right, and it is the default deployment")
    return held or _watched(policy, intent, facts, now)


def bake_left(policy: Policy, intent: Intent, now: datetime) -> timedelta | None:
    """What is left of the step's bake, negative afterwards; None while its traffic is being set."""
    state = intent.releasing
    if state.since is None:
        return None
    bake = policy.release.mirror_for if state.phase == "shadow" else policy.release.bake
    return bake - (now - state.since)


def may_go_on(policy: Policy, intent: Intent, traffic: Traffic | None, now: datetime) -> bool:
    """Whether only the golden predictions are missing: they are requests too, and asked for no sooner."""
    left = bake_left(policy, intent, now)
    if left is None or left > timedelta(0):
        return False
    verdict = _judged(policy, intent, traffic).verdict
    # Without a champion there is nobody to wait for, and nobody to give the traffic back to.
    return verdict == "pass" or (verdict == "inconclusive" and intent.releasing.champion is None)


def _judged(policy: Policy, intent: Intent, traffic: Traffic | None) -> Judgement:
    state, release = intent.releasing, policy.release
    mirrored = state.phase == "shadow"
    percent = release.mirror_percent if mirrored else release.steps[candidate_of(intent).step]
    phase = Phase(percent=percent, mirrored=mirrored, champion=state.champion is not None)
    return judge_traffic(release, traffic, phase)


def _watched(policy: Policy, intent: Intent, facts: Facts, now: datetime) -> Decision:
    """The traffic is as the step wants it: what do the requests say so far?"""
    candidate = candidate_of(intent)
    probe = facts.probe
    if probe is not None and probe.deployment != deployment_name(candidate.generation):
        probe = None
    judgement = _judged(policy, intent, facts.traffic)
    if judgement.verdict == "fail":
        return roll_back(intent, now, judgement.reason)
    if probe is not None and probe.verdict == "fail":
        return roll_back(intent, now, f"golden predictions: {probe.reason}")
    left = bake_left(policy, intent, now)
    if left is None or left > timedelta(0):
        return Decision(intent=intent, wake=soonest(left, poll(policy)))
    if may_go_on(policy, intent, facts.traffic, now) and probe is not None and probe.verdict == "pass":
        return enter_step(policy, intent, now, judgement.reason)
    hold = policy.release.deadline if policy.release.on_inconclusive == "hold" else timedelta(0)
    if -left > hold:
        why = judgement.reason
        if judgement.verdict == "pass":
            why = f"golden predictions: {probe.reason if probe else 'no answer'}"
        return roll_back(intent, now, f"inconclusive for longer than {hold}: {why}")
    return Decision(intent=intent, wake=poll(policy))


def enter_step(policy: Policy, intent: Intent, now: datetime, why: str, *, at_once: bool = False) -> Decision:
    """The next step of the policy (`at_once`: the last), or the promotion after the last."""
    state, candidate = intent.releasing, candidate_of(intent)
    steps = policy.release.steps
    if candidate.step == len(steps) - 1:
        return promote(intent, now, why)
    # Without a champion there is nobody to share the traffic with.
    step = candidate.step + 1 if state.champion and not at_once else len(steps) - 1
    stepped = replace(candidate, step=step, exposed=candidate.exposed or now)
    canary = replace(state, phase="canary", entered=now, since=None, candidate=stepped)
    note = decided(
        now,
        "traffic step",
        version=candidate.version,
        deployment=deployment_name(candidate.generation),
        percent=steps[step],
        reason=why,
    )
    return Decision(intent=replace(intent, releasing=canary), notes=(note,))


def _hold_traffic(
    policy: Policy,
    intent: Intent,
    facts: Facts,
    traffic: dict[str, int],
    mirror: dict[str, int],
    now: datetime,
) -> Decision | None:
    """Bring instances, then traffic to where the phase wants them; None once `since` counts."""
    state, candidate, endpoint = intent.releasing, candidate_of(intent), facts.endpoint
    if endpoint is None:
        return Decision(intent=intent, wake=poll(policy))
    name = deployment_name(candidate.generation)
    fault = broken(endpoint.deployments.get(name), candidate) or (
        f"deployment {name} is gone" if name not in endpoint.deployments else ""
    )
    if fault:
        return roll_back(intent, now, fault)
    growing = scaled_up(
        endpoint, name, needed(policy, facts.template, traffic.get(name) or mirror.get(name, 0))
    )
    moving = _moving(policy, endpoint, name, traffic, mirror, growing)
    if moving is not None:
        begun = state.entered if state.since is None else None
        if begun is not None and now - begun > policy.release.deadline:
            what = "instances" if growing or is_changing(endpoint, name) else "traffic"
            return roll_back(intent, now, f"the {what} could not be set within {policy.release.deadline}")
        return Decision(intent=intent, effects=moving, wake=poll(policy))
    if state.since is None:
        if busy(endpoint) or is_changing(endpoint, name):
            return Decision(intent=intent, wake=poll(policy))
        started = replace(state, since=now)
        note = decided(now, "traffic confirmed", traffic=dict(traffic), mirror=dict(mirror))
        return Decision(intent=replace(intent, releasing=started), notes=(note,))
    return None


def _moving(
    policy: Policy,
    endpoint: Endpoint,
    name: str,
    traffic: dict[str, int],
    mirror: dict[str, int],
    growing: ScaleDeployment | None,
) -> tuple[Effect, ...] | None:
    """What brings the endpoint there, nothing while it is on its way; None: it is there."""
    on_its_way = busy(endpoint) or is_changing(endpoint, name)
    if growing is not None:
        return () if on_its_way else (growing,)
    if differs(endpoint, traffic, mirror):
        return () if on_its_way else (set_traffic(policy, traffic, mirror),)
    return None
