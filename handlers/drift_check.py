"""The timer's look at production: the inputs that the endpoint collected against the champion's reference."""

from __future__ import annotations

import logging
from dataclasses import replace

from control.effects import Publish
from control.errors import Conflict
from control.policy import Policy
from control.ports import Note, Services
from control.retraining import evidence
from handlers.converge import converge
from handlers.drift import against_reference

log = logging.getLogger("homeostat.drift_check")


def handle(policy: Policy, services: Services) -> None:
    """Check one model's production inputs. Drift that lasts is one piece of evidence, not one a tick."""
    signal = policy.inputs
    intent, etag = services.ledger.load(policy.name)
    champion = intent.releasing.champion
    if signal is None or champion is None:
        log.info(
            "%s: no drift check: %s", policy.name, "no champion yet" if signal else "the policy asks for none"
        )
        return
    now = services.clock.now()
    since = max(now - signal.lookback, champion.since)
    current = services.at(policy).profiles.production(policy, champion.deployment, since, now)
    if current is None:
        log.info("%s: drift check inconclusive: no production inputs since %s", policy.name, since)
        return
    verdict, reason, columns = against_reference(policy, champion, current, services, services.checks_every)
    log.info("%s: drift check of %d production rows: %s, %s", policy.name, current.rows, verdict, reason)
    drifting = champion.version if verdict == "fail" else None
    if verdict == "inconclusive" or drifting == intent.retraining.drifting:
        return
    detail = {"rows": current.rows, "verdict": verdict, "reason": reason, "columns": columns}
    found = Note(at=now, kind="evidence", name="production inputs", detail=detail)
    changed = replace(intent, retraining=replace(intent.retraining, drifting=drifting))
    notes: tuple[Note, ...] = (found,)
    if drifting and "drift" in policy.retrain_on:
        key = f"production {champion.version} {now.isoformat()}"
        changed, raised = evidence(changed, now, key, "production drift", champion=champion.version)
        notes = (found, *raised)
    try:
        services.ledger.commit(changed, etag, notes)
    except Conflict:
        log.info("%s: the intent changed during the check; the next tick looks again", policy.name)
        return
    if drifting:
        services.topic.publish(
            Publish(
                type="Homeostat.DriftDetected",
                subject=f"models/{policy.name}/production",
                data=(("model", policy.name), ("reason", reason)),
            )
        )
    converge(policy, services)
