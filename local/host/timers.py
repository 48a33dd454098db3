"""Timer triggers: fire on schedule, remember when, catch up once after a time of silence."""

from __future__ import annotations

import asyncio
import json
import logging
import zoneinfo
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from azure.functions.meta import Datum

from local.host.schedule import Schedule

if TYPE_CHECKING:
    from pathlib import Path

    from local.host.indexing import Function
    from local.host.invocation import Invoker

log = logging.getLogger("host")
MONITORED = timedelta(minutes=1)
"""Schedules shorter than this are not remembered, as in Azure."""
NEVER = "0001-01-01T00:00:00"


class Timer:
    """One function's timer. It never runs twice at once: a run that takes long delays the next."""

    def __init__(self, function: Function, invoker: Invoker, state: Path, zone: str | None) -> None:
        binding = function.trigger.binding
        self._function = function
        self._invoker = invoker
        self._schedule = Schedule(str(binding["schedule"]))
        self._on_startup = bool(binding.get("runOnStartup", False))
        self._zone = zoneinfo.ZoneInfo(zone) if zone else UTC
        self._path = state / f"{function.name}.json"
        self._monitored = bool(binding.get("useMonitor", True)) and self._interval() >= MONITORED

    async def run(self) -> None:
        """Fire until cancelled."""
        status = self._recall()
        due = self._next(status)
        if self._on_startup or due <= self._now():
            await self._fire(status, past_due=due <= self._now())
            due = self._schedule.after(self._now())
        while True:
            log.debug("%s fires next at %s", self._function.name, due.isoformat())
            while (left := (due - self._now()).total_seconds()) > 0:
                await asyncio.sleep(min(left, 60))  # the clock may be set meanwhile
            await self._fire(self._recall(), past_due=False)
            due = self._schedule.after(max(due, self._now()))

    async def _fire(self, status: dict[str, str] | None, *, past_due: bool) -> None:
        payload: dict[str, Any] = {
            "Schedule": {"AdjustForDST": self._schedule.is_cron},
            "ScheduleStatus": status,
            "IsPastDue": past_due,
        }
        at = self._now()
        await self._invoker.invoke(
            self._function,
            Datum(json.dumps(payload), "json"),
            reason="timer, past due" if past_due else "timer",
        )
        if self._monitored:
            self._remember(at)

    def _next(self, status: dict[str, str] | None) -> datetime:
        """When to fire first: the time that was promised before, which may have passed."""
        if status and self._monitored:
            last = datetime.fromisoformat(
                status["Last"] if status["Last"] != NEVER else status["LastUpdated"]
            )
            return self._schedule.after(last.astimezone(self._zone))
        if self._monitored:
            self._remember(None)
        return self._schedule.after(self._now())

    def _recall(self) -> dict[str, str] | None:
        try:
            status: dict[str, str] = json.loads(self._path.read_text())
        except (FileNotFoundError, ValueError):
            return None
        return status

    def _remember(self, last: datetime | None) -> None:
        now = self._now()
        status = {
            "Last": last.isoformat() if last else NEVER,
            "Next": self._schedule.after(now).isoformat(),
            "LastUpdated": now.isoformat(),
        }
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._path.with_suffix(".new")
        fresh.write_text(json.dumps(status))
        fresh.replace(self._path)

    def _interval(self) -> timedelta:
        first = self._schedule.after(self._now())
        return self._schedule.after(first) - first

    def _now(self) -> datetime:
        return datetime.now(self._zone)
