"""The year of flights: shapes that the demonstration relies on, counted from the package's own files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from cli import flights

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> dict[int, pa.Table]:
    state = tmp_path_factory.mktemp("flights")
    return {number: flights.month(number, state) for number in flights.MONTHS}


def test_every_flight_that_arrived_is_there(year: dict[int, pa.Table]) -> None:
    """327,346 of 336,776 flights have an arrival delay."""
    assert {number: len(table) for number, table in year.items()} == {
        1: 26398, 2: 23611, 3: 27902, 4: 27564, 5: 28128, 6: 27075,
        7: 28293, 8: 28756, 9: 27010, 10: 28618, 11: 26971, 12: 27020,
    }  # fmt: skip


def test_columns_and_types(year: dict[int, pa.Table]) -> None:
    schema = year[1].schema
    assert tuple(schema.names) == flights.COLUMNS
    types = dict(zip(schema.names, schema.types, strict=True))
    assert str(types["time_hour"].tz) == "UTC"
    assert [types[name] for name in ("carrier", "distance", "temp", "late")] == [
        pa.string(),
        pa.int64(),
        pa.float64(),
        pa.bool_(),
    ]
    assert not {"late", "time_hour"} & set(flights.FEATURES)


def test_the_first_morning_as_the_package_has_it(year: dict[int, pa.Table]) -> None:
    """UA 1545 to Houston: scheduled 5:15 on a Tuesday, 39.02 degrees, landed 11 minutes late."""
    first = year[1].slice(0, 1).to_pylist()[0]
    assert {
        name: first[name] for name in ("carrier", "origin", "dest", "hour", "weekday", "scheduled", "late")
    } == {
        "carrier": "UA",
        "origin": "EWR",
        "dest": "IAH",
        "hour": 5,
        "weekday": 1,
        "scheduled": 315,
        "late": False,
    }
    assert first["time_hour"].isoformat() == "2013-01-01T10:00:00+00:00"


def test_weather_is_there_but_for_a_few_hours(year: dict[int, pa.Table]) -> None:
    nulls = sum(table["temp"].null_count for table in year.values())
    assert 0 < nulls < 2000
    assert -10 < pc.mean(year[1]["temp"]).as_py() < 45 < pc.mean(year[7]["temp"]).as_py()


def test_months_are_kept_and_the_same_when_made_again(year: dict[int, pa.Table], tmp_path: Path) -> None:
    made = flights.month(3, tmp_path)
    assert made.equals(year[3])
    (tmp_path / "flights-2013-03.parquet").unlink()
    assert flights.month(3, tmp_path).equals(made)
    assert len(list(tmp_path.iterdir())) == 12


def test_there_is_no_thirteenth_month(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no month 13"):
        flights.month(13, tmp_path)
