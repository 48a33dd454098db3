"""Proposed: a registered version waits for its approval. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from control.decision import Decision, decided
from control.facts import Facts, ModelVersion
from control.names import deployment_name
from control.policy import Policy
from control.release.endpoint import candidate_of
from control.release.rolling_back import roll_back
from control.state import Candidate, Intent

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


def proposed(policy: Policy, intent: Intent, _facts: Facts, now: datetime) -> Decision:
    """Wait for the approval, until it expires."""
    state, candidate = intent.releasing, candidate_of(intent)
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
