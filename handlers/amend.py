"""Changing a model's intent by compare-and-swap: the one loop that every handler writes through."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from control.errors import Conflict
from control.facts import Batch
from control.ports import Note, Services
from control.state import Intent

ATTEMPTS = 10
Change = Callable[[Intent, datetime], tuple[Intent, Sequence[Note]]]
"""From the intent and the time: what it should be, and the notes; no notes mean that all is known already."""


def amend(
    model: str, what: str, change: Change, services: Services, batches: Sequence[Batch] = ()
) -> tuple[Note, ...]:
    """Write a change with its notes in one transaction; the notes written, none when nothing was new.

    Raises:
        Conflict: somebody else wrote at each attempt; `what` is what could not be written.
    """
    for _ in range(ATTEMPTS):
        intent, etag = services.ledger.load(model)
        changed, notes = change(intent, services.clock.now())
        if not notes:
            return ()
        try:
            services.ledger.commit(changed, etag, notes, batches)
        except Conflict:
            continue
        return tuple(notes)
    raise Conflict(f"{model}: {what} could not be written, the intent changes all the time")
