from __future__ import annotations

from datetime import timedelta

import pytest

from control.durations import PATTERN, parse_duration
from control.policy_schema import schema


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("PT30M", timedelta(minutes=30)),
        ("P2D", timedelta(days=2)),
        ("P1DT12H", timedelta(days=1, hours=12)),
        ("P2W", timedelta(weeks=2)),
        ("PT0S", timedelta(0)),
        ("PT0.5S", timedelta(milliseconds=500)),
        ("PT1H1M1.250S", timedelta(hours=1, minutes=1, seconds=1.25)),
        ("PT99999999S", timedelta(seconds=99_999_999)),
    ],
)
def test_a_duration_is_its_length(text: str, span: timedelta) -> None:
    assert parse_duration(text) == span


@pytest.mark.parametrize(
    "text",
    [
        "",
        "P",
        "PT",
        "P1DT",
        "P1M",
        "P1Y",
        "30M",
        "pt30m",
        "PT30",
        "-P1D",
        "P1.5D",
        "PT30M\n",
        "P1W2D",
        "P99999D",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="ISO 8601"):
        parse_duration(text)


def test_the_schema_has_the_same_pattern() -> None:
    assert schema()["$defs"]["duration"]["pattern"] == PATTERN
    assert schema()["$defs"]["positive_duration"]["pattern"].endswith(PATTERN.removeprefix("^"))
