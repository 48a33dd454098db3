"""The RELEASE machine of one endpoint: Proposed, Creating, Shadow, Canary, Promoted, RollingBack. Pure.

Traffic is only ever raised on a deployment that answered the golden predictions right, moment by moment.
Rolling back ends with the candidate's deletion: a late traffic write dies with the deployment it names.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from control.decision import Decision, decided
from control.effects import CreateDeployment, CreateEndpoint, DeleteDeployment, Effect, SetTraffic
from control.facts import Deployment, Endpoint, Facts, ModelVersion
from control.names import DEPLOYMENT, deployment_name
from control.policy import Policy
from control.state import Candidate, Champion, Intent, Releasing

EVIDENCE_TAG = "homeostat.evidence"


def propose(policy: Policy, intent: Intent, model: ModelVersion, now: datetime) -> Decision:
    """Put a registered version on its way, with the evidence that its tags carry."""
    state = intent.releasing
    generation = state.generation + 1
    candidate = Candidate(
        version=model.version,
        generation=generation,
        evidence=model.tags.get(EVIDENCE_TAG, ""),
        approved_by=None if policy.approval.required else "policy",
    )
    proposed = replace(
        state, phase="proposed", generation=generation, candidate=candidate, since=now, reason=""
    )
    note = decided(now, "release proposed", version=model.version, deployment=deployment_name(generation))
    return Decision(intent=replace(intent, releasing=proposed), notes=(note,))


def decide(policy: Policy, intent: Intent, facts: Facts, now: datetime) -> Decision:
    """One step of the machine."""
    step = {
        "none": _resting,
        "promoted": _resting,
        "proposed": _proposed,
        "creating": _creating,
        "shadow": _shadow,
        "canary": _canary,
        "rolling_back": _rolling_back,
    }[intent.releasing.phase]
    return step(policy, intent, facts, now)


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


def poll(policy: Policy) -> timedelta:
    """How often to look at something that sends no event."""
    return min(max(policy.release.bake / 10, timedelta(seconds=0.5)), timedelta(seconds=30))


def _resting(policy: Policy, intent: Intent, facts: Facts, now: datetime) -> Decision:
    """Nothing is under way: the champion answers everything, and what is left of earlier releases goes."""
    endpoint, champion = facts.endpoint, intent.releasing.champion
    if endpoint is None:
        return Decision(intent=intent)
    if champion is None:
        return _clear_up(policy, intent, endpoint, None)
    whole = {champion.deployment: 100}
    if champion.deployment in endpoint.deployments and not _busy(endpoint) and _differs(endpoint, whole, {}):
        # A late write of an earlier release has taken traffic away.
        return Decision(intent=intent, effects=(_traffic(policy, whole),), wake=poll(policy))
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
    if not left or _busy(endpoint):
        return Decision(intent=intent, wake=poll(policy) if left else None)
    effects: tuple[Effect, ...] = tuple(
        DeleteDeployment(endpoint=policy.release.endpoint, deployment=name) for name in left
    )
    if any(endpoint.traffic.get(name) or endpoint.mirror.get(name) for name in left):
        effects = (_traffic(policy, {}),)
    return Decision(intent=intent, effects=effects, wake=poll(policy))


def _proposed(policy: Policy, intent: Intent, _facts: Facts, now: datetime) -> Decision:
    state, candidate = intent.releasing, _candidate(intent)
    since = state.since or now
    if candidate.approved_by is None:
        left = policy.approval.expires - (now - since)
        if left > timedelta(0):
            return Decision(intent=intent, wake=left)
        return roll_back(intent, now, "nobody approved it in time")
    creating = replace(state, phase="creating", since=now)
    note = decided(
        now,
        "approved",
        version=candidate.version,
        by=candidate.approved_by,
        evidence=candidate.evidence,
        policy=policy.digest[:12],
    )
    return Decision(intent=replace(intent, releasing=creating), notes=(note,))


def _creating(policy: Policy, intent: Intent, facts: Facts, now: datetime) -> Decision:
    state, candidate, endpoint = intent.releasing, _candidate(intent), facts.endpoint
    if endpoint is None:
        return Decision(intent=intent, wake=poll(policy))
    name = deployment_name(candidate.generation)
    deployment = endpoint.deployments.get(name)
    broken = (
        f"endpoint {endpoint.name} failed" if endpoint.state == "failed" else _broken(deployment, candidate)
    )
    if broken:
        return roll_back(intent, now, broken)
    probe = facts.probe if facts.probe and facts.probe.deployment == name else None
    if probe and probe.verdict == "fail":
        return roll_back(intent, now, f"golden predictions: {probe.reason}")
    if probe and probe.verdict == "pass" and not _busy(endpoint):
        return _enter_shadow(policy, intent, now, probe.reason)
    if state.since is not None and now - state.since > policy.release.deadline:
        what = "deployment" if endpoint.state == "succeeded" else "endpoint"
        said = f": {deployment.reason}" if deployment and deployment.reason else ""
        why = f"golden predictions: {probe.reason}" if probe else f"the {what} is not ready{said}"
        return roll_back(intent, now, f"not ready within {policy.release.deadline}: {why}")
    missing: tuple[Effect, ...] = ()
    if endpoint.state == "missing":
        missing = (CreateEndpoint(endpoint=endpoint.name),)
    elif deployment is None and not _busy(endpoint):
        missing = (
            CreateDeployment(endpoint=endpoint.name, deployment=name, model_version=candidate.version),
        )
    return Decision(intent=intent, effects=missing, wake=poll(policy))


def _enter_shadow(policy: Policy, intent: Intent, now: datetime, why: str) -> Decision:
    state, candidate = intent.releasing, _candidate(intent)
    release = policy.release
    shadowed = state.champion is not None and release.mirror_percent > 0 and release.mirror_for > timedelta(0)
    if not shadowed:
        return _enter_step(policy, intent, now, why)
    shadow = replace(state, phase="shadow", since=None)
    note = decided(now, "shadow", version=candidate.version, percent=release.mirror_percent, reason=why)
    return Decision(intent=replace(intent, releasing=shadow), notes=(note,))


def _shadow(policy: Policy, intent: Intent, facts: Facts, now: datetime) -> Decision:
    candidate, state, endpoint = _candidate(intent), intent.releasing, facts.endpoint
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


def _canary(policy: Policy, intent: Intent, facts: Facts, now: datetime) -> Decision:
    candidate, state, endpoint = _candidate(intent), intent.releasing, facts.endpoint
    percent = policy.release.steps[candidate.step]
    waiting = _hold_traffic(policy, intent, endpoint, _split(state, candidate, percent), {}, now)
    if waiting is not None:
        return waiting
    since = state.since or now
    if now - since < policy.release.bake:
        return Decision(intent=intent, wake=policy.release.bake - (now - since))
    return _judged(policy, intent, facts, now, since + policy.release.bake)


def _judged(policy: Policy, intent: Intent, facts: Facts, now: datetime, baked: datetime) -> Decision:
    """The step has baked: pass goes on, fail goes back, inconclusive holds until the deadline."""
    candidate, probe = _candidate(intent), facts.probe
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
    state, candidate = intent.releasing, _candidate(intent)
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
    state, candidate = intent.releasing, _candidate(intent)
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


def _rolling_back(policy: Policy, intent: Intent, facts: Facts, now: datetime) -> Decision:
    state, candidate, endpoint = intent.releasing, _candidate(intent), facts.endpoint
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
    if deployment.state == "deleting" or _busy(endpoint):
        return Decision(intent=intent, wake=poll(policy))
    back = {state.champion.deployment: 100} if state.champion else {}
    if _differs(endpoint, back, {}):
        return Decision(intent=intent, effects=(_traffic(policy, back),), wake=poll(policy))
    effect = DeleteDeployment(endpoint=endpoint.name, deployment=name)
    return Decision(intent=intent, effects=(effect,), wake=poll(policy))


def _hold_traffic(
    policy: Policy,
    intent: Intent,
    endpoint: Endpoint | None,
    traffic: dict[str, int],
    mirror: dict[str, int],
    now: datetime,
) -> Decision | None:
    """Bring the traffic to where the phase wants it; None once it is there and `since` counts."""
    state, candidate = intent.releasing, _candidate(intent)
    if endpoint is None:
        return Decision(intent=intent, wake=poll(policy))
    name = deployment_name(candidate.generation)
    broken = _broken(endpoint.deployments.get(name), candidate) or (
        f"deployment {name} is gone" if name not in endpoint.deployments else ""
    )
    if broken:
        return roll_back(intent, now, broken)
    if _busy(endpoint):
        return Decision(intent=intent, wake=poll(policy))
    if _differs(endpoint, traffic, mirror):
        return Decision(intent=intent, effects=(_traffic(policy, traffic, mirror),), wake=poll(policy))
    if state.since is None:
        started = replace(state, since=now)
        note = decided(now, "traffic confirmed", traffic=dict(traffic), mirror=dict(mirror))
        return Decision(intent=replace(intent, releasing=started), notes=(note,))
    return None


def _split(state: Releasing, candidate: Candidate, percent: int) -> dict[str, int]:
    name = deployment_name(candidate.generation)
    if state.champion is None:
        return {name: 100}
    return {name: percent} | ({state.champion.deployment: 100 - percent} if percent < 100 else {})


def _differs(endpoint: Endpoint, traffic: dict[str, int], mirror: dict[str, int]) -> bool:
    def present(split: dict[str, int]) -> dict[str, Any]:
        return {name: percent for name, percent in split.items() if percent}

    return present(endpoint.traffic) != present(traffic) or present(endpoint.mirror) != present(mirror)


def _traffic(policy: Policy, traffic: dict[str, int], mirror: dict[str, int] | None = None) -> SetTraffic:
    return SetTraffic(
        endpoint=policy.release.endpoint,
        traffic=tuple(sorted(traffic.items())),
        mirror=tuple(sorted((mirror or {}).items())),
    )


def _busy(endpoint: Endpoint) -> bool:
    """A long-running operation of the endpoint itself is under way: Azure refuses another."""
    return endpoint.state in {"creating", "updating", "deleting"}


def _broken(deployment: Deployment | None, candidate: Candidate) -> str:
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


def _candidate(intent: Intent) -> Candidate:
    candidate = intent.releasing.candidate
    if candidate is None:
        raise ValueError(f"{intent.model}: phase {intent.releasing.phase} without a candidate")
    return candidate
