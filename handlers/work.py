"""The `work` queue: which handler a message is for.

A raised error puts the message back; after five tries the host moves it to `work-poison`, and the reason is
in the log. A message about something that no policy manages is dropped here, with its reason.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from control.errors import PermanentError
from control.messages import Kind, Message
from control.ports import Services
from control.vetting import is_known
from handlers import code_changed, drift_check, lineage, new_data, outside_evidence
from handlers.converge import converge
from handlers.managed import concerns, managed

log = logging.getLogger("homeostat.work")

TICKS: frozenset[Kind] = frozenset({"reconcile", "drift_check"})
"""They carry nothing that the next one does not: a fault that lasts must not fill `work-poison` with them."""


def handle(body: bytes, services: Services) -> None:
    """Do what one message asks for.

    Raises:
        BadInput: the message is not one of ours.
        HomeostatError: what went wrong; the host tries the message again.
    """
    message = Message.from_json(body)
    log.info("%s %s from %s", message.kind, message.model or message.detail, message.source or "a wake-up")
    try:
        HANDLERS[message.kind](message, services)
    except PermanentError as fault:
        if message.kind not in TICKS:
            raise
        log.error("%s of %s ended, the next one looks again: %s", message.kind, message.model, fault)  # noqa: TRY400 - the message says it all


def _wake(message: Message, services: Services) -> None:
    """Something about a model changed: look at it."""
    for policy in managed(message, services):
        converge(policy, services)


def _job_finished(message: Message, services: Services) -> None:
    """A job of ours ended: a batch may have waited for it."""
    for policy in managed(message, services):
        new_data.look_at_waiting(policy, services)
        converge(policy, services)


def _registered(message: Message, services: Services) -> None:
    """A version was registered: ours is known already; another one is evaluated where the policy says how."""
    for policy in managed(message, services):
        version = str(message.detail.get("version"))
        intent, _ = services.ledger.load(policy.name)
        ours = is_known(intent, version) or intent.retraining.version == version
        if policy.gates.job is None and not ours:
            log.warning(
                "%s: version %s is not ours and is left alone: the policy names no pipeline (gates.job) that "
                "evaluates it",
                policy.name,
                version,
            )
        converge(policy, services)


def _deployed(message: Message, services: Services) -> None:
    endpoint = message.detail.get("endpoint")
    named = [policy for policy in services.policies.all() if policy.release.endpoint == endpoint]
    if not named:
        log.warning("model_deployed dropped: no policy releases to the endpoint %r", endpoint)
    for policy in named:
        if concerns(message, policy, services):
            converge(policy, services)


def _reconcile(message: Message, services: Services) -> None:
    for policy in managed(message, services):
        new_data.look_for_lost(policy, services)
        outside_evidence.schedules(policy, services)
        code_changed.look_again(policy, services)
        converge(policy, services)
        lineage.export(policy, services)


def _drift_check(message: Message, services: Services) -> None:
    for policy in managed(message, services):
        drift_check.handle(policy, services)


HANDLERS: dict[Kind, Callable[[Message, Services], None]] = {
    "new_data": new_data.handle,
    "drift_alert": outside_evidence.drift_alert,
    "code_changed": code_changed.handle,
    "alert": outside_evidence.alert,
    "job_finished": _job_finished,
    "model_registered": _registered,
    "model_deployed": _deployed,
    "reconcile": _reconcile,
    "drift_check": _drift_check,
}
