"""Timers fire when NCRONTAB or a time span says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from local.host.schedule import Schedule
from local.host.settings import SettingsError, time_span

START = datetime(2024, 3, 14, 10, 0, 0, 500000, tzinfo=UTC)  # a Thursday


@pytest.mark.parametrize(
    ("expression", "first", "second"),
    [
        ("*/5 * * * * *", "2024-03-14T10:00:05", "2024-03-14T10:00:10"),
        ("0 */5 * * * *", "2024-03-14T10:05:00", "2024-03-14T10:10:00"),
        ("30 0 12 * * *", "2024-03-14T12:00:30", "2024-03-15T12:00:30"),
        ("*/15 * * * *", "2024-03-14T10:15:00", "2024-03-14T10:30:00"),
        ("0 0 9 * * MON-FRI", "2024-03-15T09:00:00", "2024-03-18T09:00:00"),
        ("0 0 0 13 * 5", "2024-09-13T00:00:00", "2024-12-13T00:00:00"),
        ("0 0 0 1 Jan *", "2025-01-01T00:00:00", "2026-01-01T00:00:00"),
        ("00:00:07", "2024-03-14T10:00:07.500000", "2024-03-14T10:00:14.500000"),
        ("1.02:00:00", "2024-03-15T12:00:00.500000", "2024-03-16T14:00:00.500000"),
    ],
)
def test_next_times(expression: str, first: str, second: str) -> None:
    schedule = Schedule(expression)
    fired = schedule.after(START)
    assert fired.isoformat() == f"{first}+00:00"
    assert schedule.after(fired).isoformat() == f"{second}+00:00"


def test_time_zone() -> None:
    fired = Schedule("0 0 3 * * *").after(START.astimezone(ZoneInfo("America/New_York")))
    assert fired.astimezone(UTC).isoformat() == "2024-03-15T07:00:00+00:00"


@pytest.mark.parametrize(
    "expression", ["every day", "* * * *", "99 * * * * *", "00:00:00", "25", "0 0 0 31 2 *"]
)
def test_what_is_no_schedule(expression: str) -> None:
    with pytest.raises(SettingsError):
        Schedule(expression)


def test_time_spans() -> None:
    assert time_span("00:00:02") == timedelta(seconds=2)
    assert time_span("1.00:00:00.5") == timedelta(days=1, milliseconds=500)
    with pytest.raises(SettingsError, match="time span"):
        time_span("2s")
