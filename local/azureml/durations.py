"""ISO 8601 durations, in which Azure writes time limits."""

from __future__ import annotations

import isodate  # type: ignore[import-untyped]


class BadDuration(ValueError):  # noqa: N818 - reads as what it is
    """Not a duration such as `PT5M`."""


def seconds(text: object) -> float:
    """Its length. Pipeline steps may give a plain number of seconds instead.

    Raises:
        BadDuration: it is neither.
    """
    if str(text).isdecimal():
        return float(str(text))
    try:
        return float(isodate.parse_duration(str(text)).total_seconds())
    except (isodate.ISO8601Error, AttributeError) as err:
        raise BadDuration(f"{text!r} is not a duration such as PT5M") from err
