"""ISO 8601 durations of fixed length: weeks, days, hours, minutes, seconds.

Calendar units (years, months) have no length until a date is given, so a policy may not use them; that,
and the start of the app, is why no general ISO 8601 library stands here.
"""

from __future__ import annotations

import re
from datetime import timedelta

PATTERN = (
    r"^P(?!$)([0-9]{1,3}W|([0-9]{1,4}D)?(T(?!$)([0-9]{1,5}H)?([0-9]{1,6}M)?([0-9]{1,8}(\.[0-9]{1,3})?S)?)?)$"
)
"""As in the policy's JSON Schema. The digits are few enough for every sum with a date to exist."""

_PART = re.compile(r"([0-9.]+)([WDHMS])")
_UNIT = {"W": "weeks", "D": "days", "H": "hours", "M": "minutes", "S": "seconds"}


def parse_duration(text: str) -> timedelta:
    """The time span that `text` means, for instance `PT30M` or `P2DT12H`.

    Raises:
        ValueError: it is not such a duration.
    """
    if not re.fullmatch(PATTERN, text):
        raise ValueError(f"{text!r} is not an ISO 8601 duration of weeks, days, hours, minutes or seconds")
    return timedelta(**{_UNIT[unit]: float(number) for number, unit in _PART.findall(text)})
