"""A model stays in the workspace that it has been managed in."""

from __future__ import annotations

from control.errors import Refused
from control.policy import Policy
from control.ports import Services
from control.state import Intent


def expect_home(policy: Policy, intent: Intent, services: Services) -> None:
    """Let pass what is known of the model, where it is about the policy's workspace.

    Raises:
        Refused: its jobs, deployments and champion are those of another workspace.
    """
    here = services.at(policy).id
    if intent.home not in {"", here}:
        raise Refused(
            f"{policy.source}: {policy.name} has been managed in {intent.home}: what is known of it says "
            f"nothing about {here}. Put workspace back, or manage it there under a name of its own"
        )
