"""The test report of the last candidate: owed from its judgement until it is written. Pure.

It holds up nothing: the candidate is registered and released, or not, whatever becomes of its report.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from control.decision import Decision, decided
from control.effects import WriteReport
from control.facts import Facts
from control.policy import Policy
from control.state import Intent

GIVEN_UP = timedelta(hours=1)
AGAIN = timedelta(minutes=1)


def decide(policy: Policy, intent: Intent, facts: Facts, now: datetime) -> Decision:
    """Write what is owed, until it is there or it is too late."""
    owed = intent.report
    if owed is None:
        return Decision(intent=intent)
    settled = replace(intent, report=None)
    if facts.reported:
        return Decision(intent=settled)
    reason = ""
    if owed.policy_digest != policy.digest:
        reason = "the policy has changed since the candidate was judged"
    elif now - owed.since > GIVEN_UP:
        reason = f"it could not be written within {GIVEN_UP}"
    if reason:
        note = decided(now, "report given up", job=owed.job, reason=reason)
        return Decision(intent=settled, notes=(note,))
    return Decision(intent=intent, effects=(WriteReport(report=owed),), wake=AGAIN)
