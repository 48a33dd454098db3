"""Which policy manages the model that a message is about."""

from __future__ import annotations

import logging

from control.messages import Message
from control.policy import Policy
from control.ports import Services
from handlers.home import expect_home

log = logging.getLogger("homeostat.managed")


def managed(message: Message, services: Services) -> list[Policy]:
    """The policy of the message's model, if it has one; else a line in the log names those that have.

    Raises:
        PolicyError: its file is wrong.
        Refused: it names another workspace than the model has been managed in.
    """
    policy = services.policies.get(message.model or "")
    if policy is None:
        known = ", ".join(services.policies.names()) or "none"
        log.warning(
            "%s dropped: no policy manages model %r (managed: %s)", message.kind, message.model, known
        )
        return []
    if not concerns(message, policy, services):
        return []
    expect_home(policy, services.ledger.load(policy.name)[0], services)
    return [policy]


def concerns(message: Message, policy: Policy, services: Services) -> bool:
    """Whether the message comes from the policy's own workspace; a line in the log where it does not.

    Another workspace may well have a model, a job, an endpoint or a monitor of the same name.
    """
    here = services.at(policy).id
    if message.workspace in {None, here}:
        return True
    log.warning(
        "%s dropped: it comes from %s, but %s manages its model in %s",
        message.kind,
        message.workspace,
        policy.source,
        here,
    )
    return False
