"""People are told through the log, which Azure Monitor can alert on."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from control.policy import Policy

log = logging.getLogger("homeostat.notices")


class LogNotices:
    """Writes notices to the log."""

    def tell(self, policy: Policy, text: str) -> None:
        """Tell whoever reads the log."""
        log.warning("notice for the owners of %s: %s", policy.name, text)
