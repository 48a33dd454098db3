"""A person's answer becomes part of the intent, if the question still stands and they may give it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import get_args

from control.approval import Asked, clean
from control.approvers import BY_LINK, Principal, check_approver, check_named, is_author
from control.errors import AnswerRefused
from control.names import deployment_name
from control.policy import Policy
from control.ports import Note
from control.state import Answer, Candidate, Intent, Question, Refusals, Verdict

VERDICTS: dict[str, Verdict] = {verdict: verdict for verdict in get_args(Verdict)}
LONGEST_REASON = 500
LONGEST_NAME = 200
MOST_WITH_LINK, MOST_WITHOUT = 50, 20
"""Refused answers that the audit trail takes in a day: of those with a link of ours, and of all others."""
WITHOUT_LINK = frozenset({"malformed", "forged", "environment", "no key", "identity"})
DAY = timedelta(days=1)
_DONE = {"approve": "approved", "reject": "rejected", "withdraw": "withdrawn"}


def verdict_of(text: str) -> Verdict:
    """The word as a verdict.

    Raises:
        AnswerRefused: it is none.
    """
    if text not in VERDICTS:
        raise AnswerRefused("malformed", 400, f"verdict must be one of {', '.join(VERDICTS)}")
    return VERDICTS[text]


def answered(
    policy: Policy,
    intent: Intent,
    asked: Asked,
    verdict: Verdict,
    principal: Principal | None,
    reason: str,
    now: datetime,
) -> tuple[Intent, Sequence[Note]]:
    """The intent with the answer in it, and the audit entry.

    Raises:
        AnswerRefused: the question does not stand any more, was answered already, or is not theirs to answer.
    """
    candidate, _ = standing(policy, intent, asked)
    why = clean(reason, LONGEST_REASON)
    if not why:
        raise AnswerRefused("no reason", 400, "say why: an answer is kept with its reason")
    if verdict == "approve":
        check_approver(policy.approval, candidate, principal)
    elif verdict == "reject" or not is_author(candidate, principal):  # authors may take back what is theirs
        check_named(policy.approval, principal)
    answer = Answer(
        verdict=verdict,
        by=clean(principal.label, LONGEST_NAME) if principal else BY_LINK,
        at=now,
        reason=why,
    )
    detail = {
        "version": candidate.version,
        "deployment": deployment_name(candidate.generation),
        "verdict": verdict,
        "by": answer.by,
        "id": clean(principal.id, LONGEST_NAME) if principal else None,
        "reason": why,
        "question": asked.question,
        "evidence": asked.evidence,
        "policy": asked.policy,
    }
    releasing = replace(intent.releasing, candidate=replace(candidate, answer=answer))
    note = Note(at=now, kind="event", name="approval answered", detail=detail)
    return replace(intent, releasing=releasing), (note,)


def standing(policy: Policy, intent: Intent, asked: Asked) -> tuple[Candidate, Question]:
    """The candidate and the question that `asked` is about, where it can still be answered.

    Raises:
        AnswerRefused: it cannot; the message says what became of it.
    """
    state = intent.releasing
    candidate = state.candidate
    what = f"version {asked.version} of {asked.model}"
    if candidate is None or candidate.generation != asked.generation or candidate.version != asked.version:
        raise AnswerRefused("stale", 409, f"{what} does not wait any more{_fate(intent, asked)}")
    question = candidate.question
    if question is None or question.number != asked.question:
        raise AnswerRefused("stale", 409, f"{what} was asked about again since: use the newest link")
    if candidate.answer is not None:
        answer = candidate.answer
        raise AnswerRefused(
            "replayed",
            409,
            f"{what} was {_DONE[answer.verdict]} already, by {answer.by} at {answer.at.isoformat()}: a link "
            "counts once",
        )
    if state.phase != "proposed":
        raise AnswerRefused(
            "stale", 409, f"{what} does not wait any more: it was approved by {candidate.approved_by}"
        )
    if (asked.evidence, question.evidence) != (candidate.evidence, candidate.evidence):
        raise AnswerRefused("stale", 409, f"{what} has other evidence than it was asked about with")
    if (asked.policy, question.policy) != (policy.digest, policy.digest):
        raise AnswerRefused(
            "stale", 409, f"the policy of {asked.model} has changed since: {what} will be asked about again"
        )
    return candidate, question


def refused(
    intent: Intent, refusal: AnswerRefused, principal: Principal | None, now: datetime
) -> tuple[Intent, Sequence[Note]]:
    """An audit entry for an answer that was not taken; nothing once the day has had enough of them.

    Whoever has no link of ours can only use up what is set aside for them: their noise hides no insider.
    """
    day = intent.refusals
    if day.since is None or now - day.since >= DAY:
        day = Refusals(since=now)
    outside = refusal.kind in WITHOUT_LINK
    count, most = (day.without_link, MOST_WITHOUT) if outside else (day.with_link, MOST_WITH_LINK)
    if count >= most:
        return intent, ()
    day = replace(day, without_link=count + 1) if outside else replace(day, with_link=count + 1)
    detail = {
        "why": refusal.kind,
        "message": clean(str(refusal), LONGEST_REASON),
        "by": clean(principal.label, LONGEST_NAME) if principal else BY_LINK,
        "id": clean(principal.id, LONGEST_NAME) if principal else None,
    }
    if count + 1 == most:
        detail["after this"] = f"no more of these until {((day.since or now) + DAY).isoformat()}; see the log"
    note = Note(at=now, kind="event", name="approval refused", detail=detail)
    return replace(intent, refusals=day), (note,)


def _fate(intent: Intent, asked: Asked) -> str:
    state = intent.releasing
    if state.champion is not None and state.champion.version == asked.version:
        return ": it is the champion"
    if asked.version in state.refused:
        return ": it was refused, withdrawn or rolled back"
    return ""
