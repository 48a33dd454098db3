"""One decision about one model: the release first, it holds traffic; then the others. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from control import release, reporting, retraining, sharing, vetting
from control.decision import Decision, soonest
from control.effects import ScaleDeployment
from control.facts import Facts
from control.policy import Policy
from control.state import Intent


def decide(policy: Policy, intent: Intent, facts: Facts, now: datetime) -> Decision:
    """(policy, intent, facts, now) -> (intent', effects, why, when to look again)."""
    releasing = release.decide(policy, intent, facts, now)
    scaling = tuple(effect for effect in releasing.effects if isinstance(effect, ScaleDeployment))
    if releasing.intent != intent or scaling != releasing.effects:
        return releasing
    # Instances that Azure has not got (a quota) must not keep everything else waiting.
    wakes = [releasing.wake]
    decision = Decision(intent=intent)
    for machine in (retraining, sharing, vetting, reporting):
        decision = machine.decide(policy, intent, facts, now)
        wakes.append(decision.wake)
        if decision.intent != intent or decision.effects:
            break
    return replace(decision, effects=(*scaling, *decision.effects), wake=soonest(*wakes))
