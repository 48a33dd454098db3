"""People are asked, with a link: at least once, and the intent remembers that they were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from control.effects import AskApproval
from control.errors import AnswerRefused
from control.policy import Policy
from control.ports import Note, Services
from control.state import Candidate, Intent, Question
from handlers.amend import amend


def ask(policy: Policy, effect: AskApproval, services: Services) -> None:
    """Tell whom the policy names that a release waits, unless they know."""
    intent, _ = services.ledger.load(policy.name)
    asked = services.at(policy).sealer.asked(intent)
    if asked is None or not _waits(intent, effect):
        return
    who = f" ({', '.join(policy.approval.approvers)})" if policy.approval.approvers else ""
    text = f"{policy.name}: version {effect.version} waits for an approval{who}"
    try:
        services.notices.ask(policy, text, services.at(policy).sealer.link(asked))
    except AnswerRefused as fault:
        services.notices.tell(policy, f"{text}, but {fault}")

    def told(current: Intent, now: datetime) -> tuple[Intent, Sequence[Note]]:
        found = _waits(current, effect)
        if found is None:
            return current, ()
        candidate, question = found
        asked_of = replace(candidate, question=replace(question, told=now))
        note = Note(
            at=now,
            kind="effect",
            name="AskApproval",
            detail={"version": effect.version, "question": effect.question},
        )
        return replace(current, releasing=replace(current.releasing, candidate=asked_of)), (note,)

    amend(policy.name, "that people were told", told, services)


def _waits(intent: Intent, effect: AskApproval) -> tuple[Candidate, Question] | None:
    """The question that the effect is about, while it waits and nobody was told."""
    candidate = intent.releasing.candidate
    question = candidate.question if candidate else None
    if candidate is None or question is None or question.told is not None:
        return None
    same = (candidate.version, question.number) == (effect.version, effect.question)
    return (candidate, question) if same else None
