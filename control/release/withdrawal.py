"""A person or an alert wants the version gone: in any phase, also after its promotion. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from control.decision import decided
from control.facts import Endpoint
from control.names import DEPLOYMENT, deployment_name
from control.policy import Policy
from control.ports import Note
from control.release.rolling_back import roll_back
from control.state import Candidate, Champion, Intent, Released

UNDER_WAY = frozenset({"proposed", "creating", "shadow", "canary"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Withdrawal:
    """What a demand to roll back comes to."""

    intent: Intent
    said: str
    """What happens now, or why nothing can, in a sentence for people."""
    notes: tuple[Note, ...] = ()
    """Empty: the intent is as it was."""


def withdraw(
    policy: Policy, intent: Intent, endpoint: Endpoint | None, now: datetime, reason: str, to: str | None
) -> Withdrawal:
    """Roll back to the version `to`, or to whatever answered before.

    A candidate under way goes; the champion answers as before. After a promotion the previous deployment,
    while it is kept, gets all the traffic again and the present one is deleted. A version that is kept no
    longer is released again, on the evidence that it was promoted with; where the policy asks for an
    approval, it does so again.
    """
    state = intent.releasing
    if state.phase == "rolling_back":
        return Withdrawal(intent=intent, said="is being rolled back already")
    if state.phase in UNDER_WAY:
        return _candidate(intent, now, reason, to)
    champion = state.champion
    if champion is None:
        return Withdrawal(intent=intent, said="no version is released, so there is none to roll back")
    if to == champion.version:
        return Withdrawal(intent=intent, said=f"version {to} is the champion: it has all the traffic")
    if _is_kept(champion, endpoint) and to in {None, champion.previous_version}:
        return _swapped(intent, champion, now, reason)
    known = {one.version: one for one in state.released if one.version != champion.version}
    if to in known:
        return _again(policy, intent, champion, known[to], now, reason)
    if to is None:
        said = f"no deployment from before version {champion.version} is kept"
    else:
        said = f"version {to} was never released here, so nothing says that it may be"
    choice = f"; --to one of: {', '.join(known)}" if known else "; no other version was released here"
    return Withdrawal(intent=intent, said=said + choice)


def _is_kept(champion: Champion, endpoint: Endpoint | None) -> bool:
    kept = endpoint.deployments.get(champion.previous) if endpoint and champion.previous else None
    return kept is not None and kept.state in {"succeeded", "updating"} and bool(champion.previous_version)


def _candidate(intent: Intent, now: datetime, reason: str, to: str | None) -> Withdrawal:
    state = intent.releasing
    version = state.candidate.version if state.candidate else ""
    champion = state.champion.version if state.champion else None
    if to == version:
        return Withdrawal(intent=intent, said=f"version {to} is on its way already")
    if to not in {None, champion}:
        said = f"version {version} is on its way: roll it back first, without --to"
        return Withdrawal(intent=intent, said=said)
    decision = roll_back(intent, now, reason)
    left = f"version {champion} answers" if champion else "no version is left to answer"
    return Withdrawal(
        intent=decision.intent, notes=decision.notes, said=f"version {version} goes back, {left}"
    )


def _swapped(intent: Intent, champion: Champion, now: datetime, reason: str) -> Withdrawal:
    """The champion becomes the candidate that is rolled back, the one before the champion."""
    match = DEPLOYMENT.match(champion.deployment)
    assert match and champion.previous and champion.previous_version  # noqa: PT018, S101 - asked by the caller
    bad = Candidate(
        version=champion.version,
        generation=int(match["generation"]),
        evidence="",
        exposed=champion.exposed or champion.since,
    )
    before = Champion(version=champion.previous_version, deployment=champion.previous, since=now)
    swapped = replace(intent.releasing, candidate=bad, champion=before)
    decision = roll_back(replace(intent, releasing=swapped), now, reason)
    said = f"version {champion.version} goes back, version {before.version} gets all the traffic again"
    return Withdrawal(intent=decision.intent, notes=decision.notes, said=said)


def _again(
    policy: Policy, intent: Intent, champion: Champion, version: Released, now: datetime, reason: str
) -> Withdrawal:
    state = intent.releasing
    generation = state.generation + 1
    candidate = Candidate(
        version=version.version,
        generation=generation,
        evidence=version.evidence,
        authors=version.authors,
        report=version.report,
    )
    proposed = replace(
        state,
        phase="proposed",
        generation=generation,
        candidate=candidate,
        entered=now,
        since=now,
        reason="",
        refused=(*(one for one in state.refused if one != champion.version), champion.version),
    )
    note = decided(
        now,
        "released again",
        version=version.version,
        instead_of=champion.version,
        deployment=deployment_name(generation),
        evidence=version.evidence,
        approved_by=version.approved_by,
        policy=policy.digest[:12],
        reason=reason,
    )
    said = (
        f"version {version.version} is released again instead of {champion.version}, step by step: "
        "its deployment is kept no longer" + (", once that is approved" if policy.approval.required else "")
    )
    return Withdrawal(intent=replace(intent, releasing=proposed), notes=(note,), said=said)
