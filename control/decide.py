"""One decision about one model: the release first, since it holds traffic, then the retraining. Pure."""

from __future__ import annotations

from datetime import datetime

from control import release, retraining
from control.decision import Decision, soonest
from control.facts import Facts
from control.policy import Policy
from control.state import Intent


def decide(policy: Policy, intent: Intent, facts: Facts, now: datetime) -> Decision:
    """(policy, intent, facts, now) -> (intent', effects, why, when to look again)."""
    releasing = release.decide(policy, intent, facts, now)
    if releasing.intent != intent or releasing.effects:
        return releasing
    training = retraining.decide(policy, intent, facts, now)
    return Decision(
        intent=training.intent,
        effects=training.effects,
        notes=training.notes,
        wake=soonest(releasing.wake, training.wake),
    )
