"""What a decision is: the next intent, the effects it asks for, and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from control.effects import Effect
from control.ports import Note
from control.state import Intent


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """The outcome of one look at (policy, intent, facts, now).

    Either the intent changes, or effects are asked for, or there is nothing to do but to look again
    after `wake`.
    """

    intent: Intent
    effects: tuple[Effect, ...] = ()
    notes: tuple[Note, ...] = ()
    wake: timedelta | None = None


def decided(now: datetime, name: str, **detail: Any) -> Note:
    """An audit entry about a decision."""
    return Note(at=now, kind="decision", name=name, detail=detail)


def soonest(*waits: timedelta | None) -> timedelta | None:
    """The shortest of the waits that are there."""
    present = [wait for wait in waits if wait is not None]
    return min(present) if present else None
