"""Evidence that others bring: Azure ML's monitors, Azure Monitor's alerts, the calendar.

The same key again is no news.
"""

from __future__ import annotations

import logging
from functools import partial

from control.messages import Message
from control.policy import Policy
from control.ports import Services
from control.retraining import evidence, happening
from handlers.amend import Change, amend
from handlers.converge import converge
from handlers.managed import concerns, managed
from handlers.roll_back import roll_back

log = logging.getLogger("homeostat.outside_evidence")


def drift_alert(message: Message, services: Services) -> None:
    """Drift was announced. Our own announcement is in the ledger already: it only wakes the model."""
    if message.model is not None:
        for policy in managed(message, services):
            converge(policy, services)
        return
    monitor = str(message.detail.get("monitor"))
    watched = [policy for policy in services.policies.all() if monitor in policy.monitors]
    if not watched:
        log.warning("drift_alert dropped: no policy names the monitor %r", monitor)
    for policy in watched:
        if not concerns(message, policy, services):
            continue
        if "drift" in policy.retrain_on:
            key = f"monitor {monitor} {message.detail.get('key')}"
            _evidence(policy, key, "monitor breached", message.source, services)
        converge(policy, services)


def alert(message: Message, services: Services) -> None:
    """An alert fired: retrain, roll back or notify, as the policies map its rule."""
    rule = str(message.detail.get("rule"))
    mapped = [
        (policy, entry.do)
        for policy in services.policies.all()
        for entry in policy.alerts
        if entry.rule == rule
    ]
    if not mapped:
        log.warning("alert dropped: no policy maps the rule %r", rule)
    key = f"alert {message.detail.get('key')}"
    told = {name: value for name, value in message.detail.items() if name != "key"}
    for policy, action in mapped:
        if action == "retrain":
            _evidence(policy, key, "alert", message.source, services)
            converge(policy, services)
            continue
        heard = partial(happening, key=key, name="alert", **told)
        if action == "roll_back":
            outcome = roll_back(policy, services, f"alert {rule}", take=heard)
            if outcome is None:
                log.info("%s: %s is known already", policy.name, key)
            else:
                services.notices.tell(policy, f"{policy.name}: alert {rule} fired: {outcome.said}")
            converge(policy, services)
        elif _take(policy, key, heard, services):
            severity = message.detail.get("severity") or "unknown"
            services.notices.tell(policy, f"{policy.name}: alert {rule} fired (severity {severity})")


def schedules(policy: Policy, services: Services) -> None:
    """The calendar: each moment that a `cron` trigger was due since the champion took over, once."""
    champion = services.ledger.load(policy.name)[0].releasing.champion if policy.schedules else None
    if champion is None:
        return
    from control.schedule import last_due

    for schedule in policy.schedules:
        due = last_due(schedule, services.clock.now())
        if due > champion.since:
            key = f"cron {schedule.expression} {due.isoformat()}"
            _evidence(policy, key, "schedule", f"cron {schedule.expression}", services)


def _evidence(policy: Policy, key: str, reason: str, source: str, services: Services) -> None:
    _take(policy, key, partial(evidence, key=key, reason=reason, source=source), services)


def _take(policy: Policy, key: str, change: Change, services: Services) -> bool:
    """Write what was heard; False when it was known already."""
    if amend(policy.name, key, change, services):
        return True
    log.info("%s: %s is known already", policy.name, key)
    return False
