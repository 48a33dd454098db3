"""Log Analytics without its service: timespans, values and types."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from local.loganalytics.kql import rendering, value_of
from local.loganalytics.service import preferences
from local.loganalytics.tables import TABLES, azure_type
from local.loganalytics.timespan import BadTimespan, Timespan, timespan

NOW = datetime(2026, 1, 2, tzinfo=UTC)
SPEC = (
    Path(__file__).parents[4]
    / "shared/specs/azure-rest/operationalinsights/data-plane/Microsoft.OperationalInsights"
    / "stable/2022-10-27/OperationalInsights.json"
)


@pytest.mark.parametrize(
    ("text", "since", "until"),
    [
        ("PT1H", NOW - timedelta(hours=1), NOW),
        ("PT86400.5S", NOW - timedelta(days=1, seconds=0.5), NOW),
        ("P1W", NOW - timedelta(weeks=1), NOW),
        ("2026-01-01T00:00:00Z/2026-01-01T12:00:00.250Z", datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 12, 0, 0, 250_000, tzinfo=UTC)),
        ("2026-01-01T02:00:00+02:00/PT1H", datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 1, tzinfo=UTC)),
        ("PT1H/2026-01-01T00:00:00", datetime(2025, 12, 31, 23, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)),
        (None, None, None),
        ("", None, None),
    ],
)  # fmt: skip
def test_timespans_are_read(text: str | None, since: datetime | None, until: datetime | None) -> None:
    assert timespan(text, NOW) == Timespan(since, until)


@pytest.mark.parametrize(
    "text",
    [
        "yesterday",
        "2026-01-01T00:00:00Z",
        "a/b",
        "PT1H/PT1H",
        "2026-01-02T00:00Z/2026-01-01T00:00Z",
        "1/2/3",
        "P",
    ],
)
def test_what_is_no_timespan_is_refused(text: str) -> None:
    with pytest.raises(BadTimespan, match="no ISO 8601"):
        timespan(text, NOW)


@pytest.mark.parametrize(
    ("kind", "value", "written"),
    [
        ("string", None, ""),
        ("int", None, None),
        ("real", float("inf"), "Infinity"),
        ("real", float("-inf"), "-Infinity"),
        ("real", float("nan"), "NaN"),
        ("real", 0.1, 0.1),
        ("datetime", datetime(2026, 1, 2, 3, 4, 5), "2026-01-02T03:04:05Z"),  # noqa: DTZ001 - as DuckDB gives it
        ("datetime", datetime(2026, 1, 2, 3, 4, 5, 120_000, tzinfo=UTC), "2026-01-02T03:04:05.12Z"),
        ("datetime", date(2026, 1, 2), "2026-01-02T00:00:00Z"),
        ("timespan", timedelta(0), "00:00:00"),
        ("timespan", timedelta(days=2, seconds=3, microseconds=4), "2.00:00:03.0000040"),
        ("timespan", -timedelta(hours=1), "-01:00:00"),
        ("guid", UUID(int=7), "00000000-0000-0000-0000-000000000007"),
        ("dynamic", '{"a":1}', '{"a":1}'),
        ("dynamic", [1, "x"], '[1, "x"]'),
        ("bool", True, True),
        ("long", 2**60, 2**60),
    ],
)
def test_values_are_written_as_azure_writes_them(kind: str, value: Any, written: Any) -> None:
    assert value_of(kind, value) == written


def test_types_are_those_of_the_specification() -> None:
    if not SPEC.is_file():
        pytest.skip("the specification (../shared/specs) is not beside this repository")
    known = set(json.loads(SPEC.read_text("utf-8"))["definitions"]["logsColumnType"]["enum"])
    kinds = {azure_type(kind) for columns in TABLES.values() for kind in columns.values()}
    kinds |= {
        azure_type(kind)
        for kind in ("BOOLEAN", "HUGEINT", "DECIMAL(18,3)", "UUID", "INTERVAL", "JSON", "INTEGER[]")
    }
    assert kinds <= known
    assert azure_type("INTEGER[]") == azure_type("JSON") == "dynamic"


def test_preferences_and_renderings_are_read() -> None:
    assert preferences("wait=30,include-statistics=true, Include-Render=True") == {
        "wait": "30", "include-statistics": "true", "include-render": "true",
    }  # fmt: skip
    assert preferences("") == {}
    assert rendering("T | render piechart")["visualization"] == "piechart"
    assert rendering("T | render piechart | take 1")["visualization"] is None
