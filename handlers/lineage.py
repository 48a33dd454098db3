"""What is new in a model's audit trail goes to the data map, in pieces; how far it got is in the intent.

At least once: a piece that was written and not remembered is written again, which changes nothing. It comes
last of a look and never holds one up: what cannot be exported now waits for the next one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import islice

from control.errors import Conflict, Refused, TransientError
from control.lineage import graph
from control.policy import Policy
from control.ports import Note, Services
from control.state import Intent, LineageExport

log = logging.getLogger("homeostat.lineage")

PIECE = 200
"""Audit entries whose entities are written together."""
PIECES = 10
"""In one look: a long history takes several."""
BLIP = timedelta(minutes=30)
"""For so long nobody is told that the data map is away."""
AGAIN = timedelta(days=1)
"""While a fault lasts, people are told so often."""
NAMED = 50
"""Refused entities that an audit entry names."""
ATTEMPTS = 10


def export(policy: Policy, services: Services) -> None:
    """Export what is new, as far as one look goes.

    Raises:
        Unavailable: the ledger cannot be read or written.
    """
    if services.lineage is None:
        return
    intent, _ = services.ledger.load(policy.name)
    before = intent.lineage.last
    if before >= intent.audit_count:
        return
    trail = services.ledger.audit(policy.name, before + 1)
    for _ in range(PIECES):
        entries = list(islice(trail, PIECE))
        if not entries:
            return
        last = int(entries[-1]["number"])
        try:
            entities = graph(entries)
            refused = services.lineage.put(policy.name, entities) if entities else ()
        except (Refused, TransientError) as fault:
            _held_up(policy, fault, services)
            return
        if not _remember(policy, before, last, refused, services):
            return
        before = last


def _remember(
    policy: Policy, before: int, last: int, refused: Sequence[tuple[str, str]], services: Services
) -> bool:
    """Write that the entries after `before` up to `last` are exported; False: somebody else is elsewhere.

    Whoever finds that another went further goes back: what it wrote itself may lie over what is newer.
    """

    def moved(intent: Intent) -> Intent:
        found = intent.lineage.last
        here = last if found in {before, last} else min(found, before)
        return replace(intent, lineage=LineageExport(last=here))

    def notes(intent: Intent) -> list[Note]:
        if not refused or intent.lineage.last != before:  # the other one has told of them
            return []
        named = [{"entity": what, "reason": why} for what, why in refused[:NAMED]]
        detail = {"count": len(refused), "refused": named}
        return [Note(at=services.clock.now(), kind="event", name="lineage refused", detail=detail)]

    seen = _changed(policy.name, moved, notes, services)
    if seen.lineage.fault:
        log.info("%s: lineage goes on", policy.name)
    for note in notes(seen):
        log.warning("%s: %s %s", policy.name, note.name, note.detail)
        entity, reason = refused[0]
        more = f"; and {len(refused) - 1} more, see the audit trail" if len(refused) > 1 else ""
        text = f"{policy.name}: lineage goes on without {entity}, which Purview refuses: {reason}{more}"
        services.notices.tell(policy, text)
    return seen.lineage.last in {before, last}


def _held_up(policy: Policy, fault: Exception, services: Services) -> None:
    """Nothing is lost: it is tried again at the next look. People are told, and not every time."""
    log.warning("%s: lineage is not exported for now: %s", policy.name, fault)
    now = services.clock.now()
    for_people = isinstance(fault, Refused)

    def tells(intent: Intent) -> bool:
        state = intent.lineage
        lasting = for_people or now - (state.since or now) >= BLIP
        return lasting and (state.told is None or now - state.told >= AGAIN)

    def held(intent: Intent) -> Intent:
        state = intent.lineage
        told = now if tells(intent) else state.told
        return replace(intent, lineage=replace(state, fault=str(fault), since=state.since or now, told=told))

    seen = _changed(policy.name, held, lambda _: [], services)
    if tells(seen):
        doing = "nothing is lost; it is tried again every few minutes"
        services.notices.tell(policy, f"{policy.name}: lineage cannot be exported: {fault} ({doing})")


def _changed(
    model: str,
    change: Callable[[Intent], Intent],
    notes: Callable[[Intent], Sequence[Note]],
    services: Services,
) -> Intent:
    """Change the intent by compare-and-swap; the intent as it was before."""
    for _ in range(ATTEMPTS):
        intent, etag = services.ledger.load(model)
        changed, told = change(intent), notes(intent)
        if changed == intent and not told:
            return intent
        try:
            services.ledger.commit(changed, etag, told)
        except Conflict:
            continue
        return intent
    raise Conflict(
        f"{model}: how far lineage was exported could not be written, the intent changes all the time"
    )
