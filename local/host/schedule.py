"""When a timer fires next: NCRONTAB expressions with five or six fields, or a time span. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from cronsim import CronSim, CronSimError

from local.host.settings import SettingsError, time_span


@dataclass(frozen=True, slots=True)
class Schedule:
    """A timer's schedule.

    Raises:
        SettingsError: the expression is neither; where the host would find out only when it starts the timer.
    """

    expression: str

    def __post_init__(self) -> None:
        self.after(datetime(2024, 1, 1))  # noqa: DTZ001 - any moment shows whether it can be read

    @property
    def is_cron(self) -> bool:
        """Whether it is an NCRONTAB expression."""
        return ":" not in self.expression

    def after(self, moment: datetime) -> datetime:
        """The first time after that moment, in its time zone."""
        if not self.is_cron:
            span = time_span(self.expression)
            if span <= timedelta(0):
                raise SettingsError(f"the schedule {self.expression!r} is not longer than nothing")
            return moment + span
        try:
            cron = CronSim(self.expression, moment)
            cron.day_and = True  # NCRONTAB: day of month and day of week must both fit; cron means either
            return next(cron)
        except (CronSimError, StopIteration) as err:
            raise SettingsError(
                f"the schedule {self.expression!r} is no NCRONTAB expression "
                "({second} {minute} {hour} {day} {month} {day-of-week}) and no time span (hh:mm:ss)"
            ) from err
