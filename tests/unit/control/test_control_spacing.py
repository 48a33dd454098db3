"""How far apart a timer's ticks are."""

from __future__ import annotations

from datetime import timedelta

import pytest

from control.schedule import spacing


@pytest.mark.parametrize(
    ("expression", "apart"),
    [
        ("0 0 * * * *", timedelta(hours=1)),
        ("0 */5 * * * *", timedelta(minutes=5)),
        ("0 30 9 * * 1-5", timedelta(days=1)),
        ("0 0 0 1 1 *", timedelta(days=365)),
        ("*/10 * * * * *", timedelta(seconds=10)),
        ("0 0 6,18,20 * * *", timedelta(hours=2)),
    ],
)
def test_the_least_time_between_two_ticks(expression: str, apart: timedelta) -> None:
    assert spacing(expression) == apart


@pytest.mark.parametrize(
    "expression", ["", "hourly", "00:05:00", "0 0 * * *", "*/0 * * * * *", "0 61 * * * *"]
)
def test_what_is_no_expression(expression: str) -> None:
    assert spacing(expression) is None
