from datetime import UTC, datetime

import pytest

from control.policy import Schedule
from control.schedule import last_due


@pytest.mark.parametrize(
    ("expression", "zone", "now", "due"),
    [
        ("15 3 * * *", "UTC", "2026-05-02T03:14:00", "2026-05-01T03:15:00+00:00"),
        ("15 3 * * *", "UTC", "2026-05-02T03:16:00", "2026-05-02T03:15:00+00:00"),
        ("0 8 * * 1", "Europe/Berlin", "2026-05-04T06:30:00", "2026-05-04T08:00:00+02:00"),
        ("0 8 * * 1", "Europe/Berlin", "2026-05-04T05:30:00", "2026-04-27T08:00:00+02:00"),
    ],
)
def test_the_last_due_moment_is_in_the_schedules_own_zone(
    expression: str, zone: str, now: str, due: str
) -> None:
    schedule = Schedule(expression=expression, time_zone=zone)
    assert last_due(schedule, datetime.fromisoformat(now).replace(tzinfo=UTC)) == datetime.fromisoformat(due)
