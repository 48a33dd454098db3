"""When a `cron` trigger was last due. Pure."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from cronsim import CronSim

from control.policy import Schedule


def last_due(schedule: Schedule, now: datetime) -> datetime:
    """The schedule's latest moment at or before `now`, in the schedule's own time zone.

    Raises:
        StopIteration: the expression never was due (a policy with one is refused when it is read).
    """
    local = now.astimezone(ZoneInfo(schedule.time_zone))
    return next(CronSim(schedule.expression, local, reverse=True))
