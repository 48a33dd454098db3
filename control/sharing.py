"""SHARING: what is released here goes to a registry, or candidates come from one. Pure.

A version is settled once: it is there, or it is refused and people were told. What came is a version that
somebody registered: control/vetting.py evaluates it, and the gate, the approval and the release are the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from control.decision import Decision, decided
from control.effects import Effect, Notify, ShareModel, TakeModel
from control.facts import Facts, ModelVersion
from control.names import REGISTRY_TAG, SOURCE_TAG, registry_address, source_of
from control.policy import Policy, Registry
from control.release import EVIDENCE_TAG
from control.state import Intent, Moving, Sharing
from control.vetting import RESTING, WAITING, unknown

AGAIN = timedelta(minutes=1)
"""What was interrupted, or cannot be seen yet, is asked for again."""
UNSAID = timedelta(minutes=15)
"""So long a version that we are sharing need not say where it comes from: its tags may follow its import."""


def looks(policy: Policy, intent: Intent) -> bool:
    """Whether the registry is looked at now."""
    rule, champion = policy.registry, intent.releasing.champion
    if rule is None:
        return False
    if rule.share:
        promoted = intent.releasing.phase == "promoted" and champion is not None
        return promoted and champion is not None and champion.version not in intent.sharing.settled
    resting = intent.releasing.phase in RESTING and intent.retraining.phase in WAITING
    return resting and intent.vetting.phase == "idle"


def decide(policy: Policy, intent: Intent, facts: Facts, now: datetime) -> Decision:
    """One step of the machine; none while nobody knows what the registry has."""
    if policy.registry is None or facts.registry is None or not looks(policy, intent):
        return Decision(intent=intent)
    if policy.registry.share:
        return _share(policy, policy.registry, intent, facts.registry, now)
    return _take(policy.registry, intent, facts.registry, facts.models, now)


def refused(policy: Policy, intent: Intent, now: datetime, reason: str) -> Decision:
    """Azure ML refused: the request is tried again after a while, a few times, and then people are told."""
    state, moving = intent.sharing, intent.sharing.current
    if policy.registry is None or moving is None:
        return Decision(intent=intent)
    attempts = state.attempts + 1
    if attempts >= policy.retrain.max_attempts:
        return _refused(policy.registry, intent, moving, now, f"{reason} ({attempts} attempts)")
    wait = policy.retrain.backoff * 2 ** (attempts - 1)
    again = replace(intent, sharing=replace(state, attempts=attempts, not_before=now + wait))
    note = decided(
        now,
        "sharing failed" if policy.registry.share else "taking failed",
        registry=policy.registry.name,
        version=moving.version,
        attempts=attempts,
        reason=reason,
    )
    return Decision(intent=again, notes=(note,), wake=wait)


def _share(
    policy: Policy, rule: Registry, intent: Intent, there: Sequence[ModelVersion], now: datetime
) -> Decision:
    champion = intent.releasing.champion
    if champion is None:
        return Decision(intent=intent)
    moving = Moving(version=champion.version, evidence=_evidence(intent, champion.version))
    if intent.sharing.current != moving:
        return _begun(rule, intent, moving, now)
    found = _of(there, moving.version)
    if found is None:
        return _due(intent, ShareModel(version=moving.version, evidence=moving.evidence), now)
    says, since = found.tags.get(SOURCE_TAG, ""), intent.sharing.since
    if not says and since is not None and now - since < UNSAID:
        return Decision(intent=intent, wake=AGAIN)
    return _ended(rule, intent, moving, says, source_of(intent.home, policy.name, moving.version), now)


def _take(
    rule: Registry,
    intent: Intent,
    there: Sequence[ModelVersion],
    here: Sequence[ModelVersion],
    now: datetime,
) -> Decision:
    fresh, older, newer = unknown(intent, [one for one in there if one.version not in intent.sharing.settled])
    if older:
        reason = f"version {newer} is newer"
        note = decided(now, "passed over", versions=older, registry=rule.name, reason=reason)
        return Decision(intent=_settled(intent, older), notes=(note,))
    offered = _of(there, fresh) if fresh else None
    if offered is None:
        return Decision(intent=intent)
    moving = Moving(version=offered.version, evidence=offered.tags.get(EVIDENCE_TAG, ""))
    if intent.sharing.current != moving:
        return _begun(rule, intent, moving, now, offered.tags.get(SOURCE_TAG))
    found = _of(here, moving.version)
    if found is None:
        return _due(intent, TakeModel(version=moving.version), now)
    address = registry_address(rule.name, rule.model, moving.version)
    return _ended(rule, intent, moving, found.tags.get(REGISTRY_TAG, ""), address, now)


def _begun(
    rule: Registry, intent: Intent, moving: Moving, now: datetime, source: str | None = None
) -> Decision:
    """The intent first: who comes after a crash knows what was meant."""
    note = decided(
        now,
        "share" if rule.share else "take",
        registry=rule.name,
        model=rule.model,
        version=moving.version,
        evidence=moving.evidence or None,
        **({"source": source} if source else {}),
    )
    begun = Sharing(current=moving, since=now, settled=intent.sharing.settled)
    return Decision(intent=replace(intent, sharing=begun), notes=(note,))


def _due(intent: Intent, effect: Effect, now: datetime) -> Decision:
    until = intent.sharing.not_before
    if until is not None and now < until:
        return Decision(intent=intent, wake=until - now)
    return Decision(intent=intent, effects=(effect,), wake=AGAIN)


def _ended(rule: Registry, intent: Intent, moving: Moving, says: str, wanted: str, now: datetime) -> Decision:
    """A version of that number is there: the one that was meant, or another."""
    if says != wanted:
        where = f"registry {rule.name}" if rule.share else "the workspace"
        told = says or "it does not say where from"
        reason = f"{where} has a version {moving.version} from elsewhere ({told})"
        return _refused(rule, intent, moving, now, reason)
    note = decided(
        now, "shared" if rule.share else "taken", registry=rule.name, version=moving.version, source=wanted
    )
    return Decision(intent=_settled(intent, [moving.version]), notes=(note,))


def _refused(rule: Registry, intent: Intent, moving: Moving, now: datetime, reason: str) -> Decision:
    what = "is not shared with" if rule.share else "is not taken from"
    note = decided(
        now,
        "sharing refused" if rule.share else "taking refused",
        registry=rule.name,
        version=moving.version,
        reason=reason,
    )
    text = f"{intent.model}: version {moving.version} {what} registry {rule.name}: {reason}"
    return Decision(intent=_settled(intent, [moving.version]), notes=(note,), effects=(Notify(text=text),))


def _settled(intent: Intent, versions: Sequence[str]) -> Intent:
    return replace(intent, sharing=Sharing(settled=(*intent.sharing.settled, *versions)))


def _of(versions: Sequence[ModelVersion], version: str) -> ModelVersion | None:
    return next((one for one in versions if one.version == version), None)


def _evidence(intent: Intent, version: str) -> str:
    """The digest that the version was released by."""
    released = reversed(intent.releasing.released)
    return next((one.evidence for one in released if one.version == version), "")
