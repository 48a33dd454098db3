"""People are told through the log, which Azure Monitor can alert on."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from control.policy import Policy

log = logging.getLogger("homeostat.notices")


class LogNotices:
    """Writes notices to the log.

    A link to approve by is a secret, and many may read a log in Azure: there the log says how to get it.
    `shows_links` is for local Azure, whose log belongs to the person at the machine.
    """

    def __init__(self, *, shows_links: bool) -> None:
        self._shows_links = shows_links

    def tell(self, policy: Policy, text: str) -> None:
        """Tell whoever reads the log."""
        log.warning("notice for the owners of %s: %s", policy.name, text)

    def ask(self, policy: Policy, text: str, link: str) -> None:
        """Ask whoever reads the log."""
        where = link if self._shows_links else f"homeostat approve {policy.name} --link shows where"
        log.warning("question for the owners of %s: %s: %s", policy.name, text, where)
