"""One decision about one model: the release first, it holds traffic; then the others. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from control import release, reporting, retraining, vetting
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
    if training.intent != intent or training.effects:
        return replace(training, wake=soonest(releasing.wake, training.wake))
    registered = vetting.decide(policy, intent, facts, now)
    if registered.intent != intent or registered.effects:
        return replace(registered, wake=soonest(releasing.wake, training.wake, registered.wake))
    report = reporting.decide(policy, intent, facts, now)
    return replace(report, wake=soonest(releasing.wake, training.wake, registered.wake, report.wake))
