"""The RELEASE machine of one endpoint: Proposed, Creating, Shadow, Canary, Promoted, RollingBack. Pure.

Traffic is only ever raised on a deployment whose requests so far speak for it and that answers the golden
predictions right. No requests speak for nobody.
Rolling back ends with the candidate's deletion: a late traffic write dies with the deployment it names.
"""

from __future__ import annotations

from control.release.endpoint import poll
from control.release.machine import decide
from control.release.proposed import EVIDENCE_TAG, REPORT_TAG, propose
from control.release.rolling_back import is_gone, roll_back
from control.release.steps import may_go_on
from control.release.withdrawal import Withdrawal, withdraw

__all__ = [
    "EVIDENCE_TAG",
    "REPORT_TAG",
    "Withdrawal",
    "decide",
    "is_gone",
    "may_go_on",
    "poll",
    "propose",
    "roll_back",
    "withdraw",
]
