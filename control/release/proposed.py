"""Proposed: a registered version waits for its approval, and is asked about. Pure.

The champion keeps what it is owed meanwhile: its traffic, and the end of what came before it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from control.decision import Decision, decided, soonest
from control.effects import AskApproval
from control.facts import Facts, ModelVersion
from control.names import deployment_name
from control.policy import Policy
from control.release.endpoint import candidate_of, poll
from control.release.resting import resting
from control.release.rolling_back import roll_back
from control.state import Candidate, Intent, Question

EVIDENCE_TAG = "homeostat.evidence"
REPORT_TAG = "homeostat.report"


def propose(policy: Policy, intent: Intent, model: ModelVersion, now: datetime) -> Decision:  # noqa: ARG001 - whether anybody is asked is decided when it is waited for, by the policy of then
    """Put a registered version on its way, with the evidence that its tags carry."""
    candidate = Candidate(
        version=model.version,
        generation=intent.releasing.generation + 1,
        evidence=model.tags.get(EVIDENCE_TAG, ""),
        authors=model.authors,
        report=model.tags.get(REPORT_TAG, ""),
    )
    return _put_forward(intent, candidate, now)


def proposed(policy: Policy, intent: Intent, facts: Facts, now: datetime) -> Decision:
    """Wait for the approval, until it expires."""
    candidate = candidate_of(intent)
    question, answer = candidate.question, candidate.answer
    if answer is not None and answer.verdict != "approve":
        word = "rejected" if answer.verdict == "reject" else "withdrawn"
        return roll_back(intent, now, f"{word} by {answer.by}: {answer.reason}")
    if not policy.approval.required:
        return _go_on(policy, intent, "policy", "the policy asks nobody", now)
    if question is None or not _stands(policy, candidate):
        return _ask(policy, intent, now)
    if answer is not None:
        return _go_on(policy, intent, answer.by, answer.reason, now)
    left = question.expires - now
    if left <= timedelta(0):
        return roll_back(intent, now, "nobody approved it in time")
    if question.told is None:
        ask = AskApproval(version=candidate.version, question=question.number)
        return Decision(intent=intent, effects=(ask,), wake=poll(policy))
    duties = resting(policy, intent, facts, now)
    return replace(duties, wake=soonest(left, duties.wake))


def approval_holds(policy: Policy, candidate: Candidate) -> bool:
    """Whether the candidate is still approved, now that the policy is this one."""
    if not policy.approval.required:
        return True
    return candidate.answer is not None and _stands(policy, candidate)


def propose_again(intent: Intent, now: datetime) -> Decision:
    """What was approved is not what would be done now: the same version waits under a new generation."""
    before = candidate_of(intent)
    candidate = Candidate(
        version=before.version,
        generation=intent.releasing.generation + 1,
        evidence=before.evidence,
        authors=before.authors,
        report=before.report,
    )
    stale = decided(
        now,
        "approval is stale",
        version=before.version,
        deployment=deployment_name(before.generation),
        by=before.approved_by,
        reason="the policy changed",
    )
    again = _put_forward(intent, candidate, now)
    return replace(again, notes=(stale, *again.notes))


def _put_forward(intent: Intent, candidate: Candidate, now: datetime) -> Decision:
    waiting = replace(
        intent.releasing,
        phase="proposed",
        generation=candidate.generation,
        candidate=candidate,
        entered=now,
        since=now,
        reason="",
    )
    note = decided(
        now, "release proposed", version=candidate.version, deployment=deployment_name(candidate.generation)
    )
    return Decision(intent=replace(intent, releasing=waiting), notes=(note,))


def _stands(policy: Policy, candidate: Candidate) -> bool:
    """Whether the question is about this evidence and this policy."""
    question = candidate.question
    return (
        question is not None and question.policy == policy.digest and question.evidence == candidate.evidence
    )


def _ask(policy: Policy, intent: Intent, now: datetime) -> Decision:
    candidate = candidate_of(intent)
    before = candidate.question
    question = Question(
        number=before.number + 1 if before else 1,
        evidence=candidate.evidence,
        policy=policy.digest,
        asked=now,
        expires=now + policy.approval.expires,
    )
    notes = [
        decided(
            now,
            "approval asked",
            version=candidate.version,
            question=question.number,
            evidence=question.evidence,
            policy=question.policy,
            expires=question.expires.isoformat(),
            approvers=list(policy.approval.approvers),
        )
    ]
    if candidate.answer is not None:
        stale = decided(
            now,
            "approval is stale",
            version=candidate.version,
            deployment=deployment_name(candidate.generation),
            by=candidate.answer.by,
            reason="the policy changed",
        )
        notes.insert(0, stale)
    asked = replace(candidate, question=question, answer=None)
    waiting = replace(intent.releasing, candidate=asked)
    return Decision(intent=replace(intent, releasing=waiting), notes=tuple(notes))


def _go_on(policy: Policy, intent: Intent, by: str, reason: str, now: datetime) -> Decision:
    candidate = replace(candidate_of(intent), approved_by=by)
    creating = replace(intent.releasing, phase="creating", entered=now, since=now, candidate=candidate)
    note = decided(
        now,
        "approved",
        version=candidate.version,
        deployment=deployment_name(candidate.generation),
        by=by,
        reason=reason,
        evidence=candidate.evidence,
        policy=policy.digest[:12],
    )
    return Decision(intent=replace(intent, releasing=creating), notes=(note,))
