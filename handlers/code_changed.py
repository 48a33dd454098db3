"""Would a retraining run other code than it would have at the last look? Then it is worth another run.

A service hook is only a wake-up, and often comes before the code is registered: `reconcile` looks, too.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime

from control.errors import HomeostatError, Refused
from control.messages import Message
from control.policy import Policy
from control.ports import Note, Services
from control.retraining import code_seen
from control.state import Intent
from handlers.amend import amend
from handlers.converge import converge

log = logging.getLogger("homeostat.code_changed")

TRIGGER = "code_changed"


def handle(message: Message, services: Services) -> None:
    """Look at the code of every model whose policy asks for it.

    Raises:
        HomeostatError: the code of one cannot be read; the others have been looked at.
    """
    watching = [policy for policy in services.policies.all() if TRIGGER in policy.retrain_on]
    if not watching:
        log.warning("code_changed dropped: no policy's trigger names %s", TRIGGER)
    faults: list[HomeostatError] = []
    for policy in watching:
        try:
            if not look(policy, message.source, services):
                log.info("%s: a job would run the same code as before; reconcile looks again", policy.name)
            converge(policy, services)
        except HomeostatError as fault:
            log.error("%s: %s", policy.name, fault)  # noqa: TRY400 - the message says it all
            faults.append(fault)
    if faults:
        raise faults[0]


def look_again(policy: Policy, services: Services) -> None:
    """The timer's look, for hooks that were lost or came too early; what is wrong waits for the next one."""
    if TRIGGER not in policy.retrain_on:
        return
    try:
        look(policy, "reconcile", services)
    except Refused as fault:
        log.warning("%s: the training code cannot be looked at: %s", policy.name, fault)


def look(policy: Policy, source: str, services: Services) -> bool:
    """Take note of the code that a job would run now; False when it is the same as at the last look."""
    code = services.at(policy).workspace.code(policy)

    def change(intent: Intent, now: datetime) -> tuple[Intent, Sequence[Note]]:
        return code_seen(intent, now, code, source)

    written = amend(policy.name, "the training code", change, services)
    for note in written:
        log.info("%s: %s %s", policy.name, note.name, note.detail)
    return bool(written)
