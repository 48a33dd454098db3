"""Which phase decides. Pure."""

from __future__ import annotations

from datetime import datetime

from control.decision import Decision
from control.facts import Facts
from control.policy import Policy
from control.release.creating import creating
from control.release.proposed import proposed
from control.release.resting import resting
from control.release.rolling_back import rolling_back
from control.release.steps import canary, shadow
from control.state import Intent


def decide(policy: Policy, intent: Intent, facts: Facts, now: datetime) -> Decision:
    """One step of the machine."""
    step = {
        "none": resting,
        "promoted": resting,
        "proposed": proposed,
        "creating": creating,
        "shadow": shadow,
        "canary": canary,
        "rolling_back": rolling_back,
    }[intent.releasing.phase]
    return step(policy, intent, facts, now)
