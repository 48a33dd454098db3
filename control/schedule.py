"""When a `cron` trigger was last due, and how often a timer ticks. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from control.policy import Schedule


def last_due(schedule: Schedule, now: datetime) -> datetime:
    """The schedule's latest moment at or before `now`, in the schedule's own time zone.

    Raises:
        StopIteration: the expression never was due (a policy with one is refused when it is read).
    """
    local = now.astimezone(ZoneInfo(schedule.time_zone))
    return next(CronSim(schedule.expression, local, reverse=True))


def spacing(ncrontab: str) -> timedelta | None:
    """The least time between two ticks of a timer; None when it is no NCRONTAB expression of six fields.

    The fields are seconds, minutes, hours, days, months and weekdays.
    """
    seconds, _, rest = ncrontab.strip().partition(" ")
    if not seconds.isdecimal():
        step = seconds.removeprefix("*/")
        return timedelta(seconds=int(step)) if step.isdecimal() and int(step) else None
    try:
        ticks = list(islice(CronSim(rest, datetime(2024, 1, 1, tzinfo=UTC)), _TICKS))
    except CronSimError:
        return None
    return min((later - earlier for earlier, later in pairwise(ticks)), default=None)


_TICKS = 100
