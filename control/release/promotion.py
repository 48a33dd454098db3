"""Promoted: the candidate is the champion, the one before is kept for a while. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from control.decision import Decision, decided
from control.names import deployment_name
from control.release.endpoint import candidate_of
from control.state import Champion, Intent, Released

REMEMBERED = 20
"""Promoted versions that can be released again on the word of a person."""


def promote(intent: Intent, now: datetime, why: str) -> Decision:
    """Make the candidate the champion; one that was refused meanwhile is no way back."""
    state, candidate = intent.releasing, candidate_of(intent)
    before = state.champion
    kept = before if before and before.version not in state.refused else None
    champion = Champion(
        version=candidate.version,
        deployment=deployment_name(candidate.generation),
        since=now,
        exposed=candidate.exposed,
        previous=kept.deployment if kept else None,
        previous_version=kept.version if kept else None,
    )
    released = Released(
        version=candidate.version,
        evidence=candidate.evidence,
        approved_by=candidate.approved_by or "",
        authors=candidate.authors,
        report=candidate.report,
    )
    others = [one for one in state.released if one.version != candidate.version]
    promoted = replace(
        state,
        phase="promoted",
        candidate=None,
        champion=champion,
        entered=now,
        since=now,
        refused=tuple(version for version in state.refused if version != candidate.version),
        released=(*others, released)[-REMEMBERED:],
    )
    note = decided(
        now,
        "promoted",
        version=candidate.version,
        deployment=champion.deployment,
        instead_of=before.version if before else None,
        reason=why,
    )
    return Decision(intent=replace(intent, releasing=promoted), notes=(note,))
