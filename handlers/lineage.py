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
    lineage = services.at(policy).lineage
    if lineage is None:
        return
    account = lineage.account
    intent, _ = services.ledger.load(policy.name)
    before = _state(intent, account).last
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
            refused = lineage.put(policy.name, entities) if entities else ()
        except (Refused, TransientError) as fault:
            _held_up(policy, account, fault, services)
            return
        if not _remember(policy, account, (before, last), refused, services):
            return
        before = last


def begin_again(model: str, services: Services) -> None:
    """Let the next looks export the whole trail: something was mended in the data map, or lost there."""
    _changed(model, lambda intent: replace(intent, lineage=LineageExport()), lambda _: [], services)


def _state(intent: Intent, account: str) -> LineageExport:
    """How far this account has it; another one has nothing."""
    state = intent.lineage
    return state if state.account == account else LineageExport(account=account)


def _remember(
    policy: Policy,
    account: str,
    piece: tuple[int, int],
    refused: Sequence[tuple[str, str]],
    services: Services,
) -> bool:
    """Write that a piece (after which entry, up to which) is exported; False: somebody else is elsewhere.

    Whoever finds that another went further goes back: what it wrote itself may lie over what is newer.
    """
    before, last = piece

    def moved(intent: Intent) -> Intent:
        found = _state(intent, account).last
        here = last if found in piece else min(found, before)
        return replace(intent, lineage=LineageExport(account=account, last=here))

    def notes(intent: Intent) -> list[Note]:
        if not refused or _state(intent, account).last != before:  # the other one has told of them
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
    return _state(seen, account).last in piece


def _held_up(policy: Policy, account: str, fault: Exception, services: Services) -> None:
    """Nothing is lost: it is tried again at the next look. People are told, and not every time."""
    log.warning("%s: lineage is not exported for now: %s", policy.name, fault)
    now = services.clock.now()
    for_people = isinstance(fault, Refused)

    def tells(intent: Intent) -> bool:
        state = _state(intent, account)
        lasting = for_people or now - (state.since or now) >= BLIP
        return lasting and (state.told is None or now - state.told >= AGAIN)

    def held(intent: Intent) -> Intent:
        state = _state(intent, account)
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
