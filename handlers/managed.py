"""Which policy manages the model that a message is about."""

from __future__ import annotations

import logging

from control.messages import Message
from control.policy import Policy
from control.ports import Services

log = logging.getLogger("homeostat.managed")


def managed(message: Message, services: Services) -> list[Policy]:
    """The policy of the message's model, if it has one; else a line in the log names those that have.

    Raises:
        PolicyError: its file is wrong.
    """
    policy = services.policies.get(message.model or "")
    if policy is None:
        known = ", ".join(services.policies.names()) or "none"
        log.warning(
            "%s dropped: no policy manages model %r (managed: %s)", message.kind, message.model, known
        )
        return []
    return [policy]
