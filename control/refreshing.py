"""Newer data before a retraining: a Data Factory pipeline is run once before each, and waited for. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from control.decision import Decision, decided
from control.effects import Notify, StartRefresh
from control.facts import Facts, Job
from control.policy import Policy
from control.ports import Note
from control.state import Intent, Refreshing

POLL = timedelta(minutes=1)
"""Data Factory sends no event when a run ends."""
SETTLE = timedelta(seconds=5)
"""After the end of a run, until what it brought is in the ledger."""


def awaited(policy: Policy, intent: Intent) -> str | None:
    """The key of the run that a retraining waits for."""
    refresh = intent.retraining.refresh
    if policy.retrain.refresh is None or refresh is None or refresh.ended is not None:
        return None
    return refresh.key if refresh.handled == intent.retraining.handled else None


def before_launch(policy: Policy, intent: Intent, facts: Facts, now: datetime) -> Decision | None:
    """What to do before the retraining that is wanted is launched; None when its data are here.

    Evidence that the new data themselves are does not bring data again: it is the same retraining.
    """
    if policy.retrain.refresh is None:
        return None
    refresh = intent.retraining.refresh
    if refresh is None or refresh.handled != intent.retraining.handled:
        first = _attempt(policy, intent, 1)
        pipeline = policy.retrain.refresh.pipeline
        return _with(intent, first, decided(now, "refresh", key=first.key, pipeline=pipeline))
    if refresh.ended is not None:
        # The wake-up looks for every batch that was brought, also those whose events are still on their way.
        left = refresh.ended + SETTLE - now
        return Decision(intent=intent, wake=left) if left > timedelta(0) else None
    if refresh.not_before is not None and now < refresh.not_before:
        return Decision(intent=intent, wake=refresh.not_before - now)
    run = facts.refresh
    if run is None or run.name != refresh.key or run.status == "active":
        return Decision(intent=intent, wake=POLL)
    if run.status == "missing":
        return Decision(intent=intent, effects=(StartRefresh(key=refresh.key),), wake=POLL)
    if run.status == "completed":
        return _with(intent, replace(refresh, ended=now), decided(now, "refreshed", key=refresh.key))
    return _failed(policy, intent, refresh, run, now)


def refresh_refused(policy: Policy, intent: Intent, now: datetime, reason: str) -> Decision:
    """Data Factory refused the run: the same request will be refused again, so this is a failed attempt."""
    refresh = intent.retraining.refresh
    if refresh is None:
        return Decision(intent=intent)
    return _failed(policy, intent, refresh, Job(name=refresh.key, status="failed", reason=reason), now)


def _failed(policy: Policy, intent: Intent, refresh: Refreshing, run: Job, now: datetime) -> Decision:
    if refresh.attempt >= policy.retrain.max_attempts:
        note = decided(now, "refresh given up", key=refresh.key, reason=run.reason)
        text = f"{policy.name}: no newer data could be brought, retraining goes on without: {run.reason}"
        return replace(_with(intent, replace(refresh, ended=now), note), effects=(Notify(text=text),))
    wait = policy.retrain.backoff * 2 ** (refresh.attempt - 1)
    again = replace(_attempt(policy, intent, refresh.attempt + 1), not_before=now + wait)
    note = decided(now, "refresh failed", key=refresh.key, attempts=refresh.attempt, reason=run.reason)
    return replace(_with(intent, again, note), wake=wait)


def _attempt(policy: Policy, intent: Intent, number: int) -> Refreshing:
    handled = intent.retraining.handled
    return Refreshing(handled=handled, attempt=number, key=f"rf-{policy.name}-{handled}-{number}")


def _with(intent: Intent, refresh: Refreshing, note: Note) -> Decision:
    changed = replace(intent, retraining=replace(intent.retraining, refresh=refresh))
    return Decision(intent=changed, notes=(note,))
