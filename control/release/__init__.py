"""The RELEASE machine of one endpoint: Proposed, Creating, Shadow, Canary, Promoted, RollingBack. Pure.

Traffic is only ever raised on a deployment that answered the golden predictions right, moment by moment.
Rolling back ends with the candidate's deletion: a late traffic write dies with the deployment it names.
"""

from __future__ import annotations

from control.release.endpoint import poll
from control.release.machine import decide
from control.release.proposed import EVIDENCE_TAG, propose
from control.release.rolling_back import roll_back

__all__ = ["EVIDENCE_TAG", "decide", "poll", "propose", "roll_back"]
