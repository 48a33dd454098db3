"""The `timespan` of a query: an ISO 8601 interval or duration. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import isodate  # type: ignore[import-untyped]


class BadTimespan(ValueError):  # noqa: N818 - reads as what it is
    """Not a time such as `PT1H` or `2026-01-01T00:00Z/2026-01-02T00:00Z`."""


@dataclass(frozen=True, slots=True)
class Timespan:
    """From `since` on, before `until`; None is without a bound."""

    since: datetime | None = None
    until: datetime | None = None


def timespan(text: str | None, now: datetime) -> Timespan:
    """Read `start/end`, `start/duration`, `duration/end`, or a duration that ends now.

    Raises:
        BadTimespan: it is none of these.
    """
    if not text:
        return Timespan()
    parts = text.split("/")
    try:
        if len(parts) == 1:
            return Timespan(now - _duration(text), now)
        if len(parts) == 2 and _is_duration(parts[0]):
            end = _moment(parts[1])
            return Timespan(end - _duration(parts[0]), end)
        if len(parts) == 2:
            start = _moment(parts[0])
            end = start + _duration(parts[1]) if _is_duration(parts[1]) else _moment(parts[1])
            if start <= end:
                return Timespan(start, end)
    except (isodate.ISO8601Error, ValueError, OverflowError, AttributeError, TypeError) as err:
        raise BadTimespan(f"{text!r} is no ISO 8601 time interval") from err
    raise BadTimespan(f"{text!r} is no ISO 8601 time interval")


def _is_duration(text: str) -> bool:
    return text.lstrip("+-").startswith("P")


def _duration(text: str) -> timedelta:
    found = isodate.parse_duration(text)
    return found if isinstance(found, timedelta) else found.totimedelta(start=datetime.now(UTC))


def _moment(text: str) -> datetime:
    found = isodate.parse_datetime(text) if "T" in text else datetime.fromisoformat(text)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
