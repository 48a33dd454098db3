"""A demand to roll a model back, by a person or an alert: the intent is written, the app acts on it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from control.policy import Policy
from control.ports import Note, Services
from control.release import Withdrawal, withdraw
from control.state import Intent
from handlers.amend import amend
from handlers.home import expect_home

Take = Callable[[Intent, datetime], tuple[Intent, tuple[Note, ...]]]
"""The intent that has heard of the demand, and the note of it; no note: it was heard before."""


def roll_back(
    policy: Policy, services: Services, reason: str, to: str | None = None, take: Take | None = None
) -> Withdrawal | None:
    """Write by compare-and-swap that the present version goes; whoever wakes next brings it about.

    Returns:
        What happens now, or why nothing can be done, then without notes. None: the demand was taken before.

    Raises:
        Unavailable: the endpoint or the ledger cannot be read.
        Conflict: the intent changes all the time.
        Refused: the model has been managed in another workspace.
    """
    outcome: Withdrawal | None = None

    def change(intent: Intent, now: datetime) -> tuple[Intent, tuple[Note, ...]]:
        nonlocal outcome
        expect_home(policy, intent, services)
        heard, first = take(intent, now) if take else (intent, ())
        if take and not first:
            outcome = None
            return intent, ()
        endpoint = services.at(policy).workspace.endpoint(policy.release.endpoint)
        outcome = withdraw(policy, heard, endpoint, now, reason, to)
        return outcome.intent, (*first, *outcome.notes)

    amend(policy.name, "the rollback", change, services)
    if outcome and outcome.notes:
        services.wakeups.wake(policy.name, timedelta(0))
    return outcome
