"""Data for the drift benchmark: 20 columns of numbers and 10 of categories, a reference and a current file.

Numbers are normal, lognormal or discrete with 2 % nulls; categories have 2 to 1,000 values, by Zipf's law.
In the current file three columns are shifted. Everything follows from the seed.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

SIZES = {"S": 100_000, "M": 1_000_000, "L": 10_000_000, "5L": 50_000_000}
CARDINALITIES = (2, 3, 5, 10, 20, 50, 100, 200, 500, 1000)
SHIFTED = {"number_00": 0.05, "number_01": 0.1, "number_02": 1.0}
GROUP = 1 << 20
"""Rows of a row group: what Arrow's own writer takes."""


def pair(folder: Path, size: str) -> tuple[Path, Path]:
    """The reference's and the current file of that size, made where they are missing."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / f"reference-{size}.parquet", folder / f"current-{size}.parquet"
    for seed, path in enumerate(paths, 1):
        if not path.exists():
            write(path, SIZES[size], seed, shifted=seed == 2)
    return paths


def write(path: Path, rows: int, seed: int, *, shifted: bool) -> None:
    """Write one file, a row group at a time."""
    random = np.random.default_rng([seed, rows])
    part = path.with_suffix(".part")
    writer = None
    for start in range(0, rows, GROUP):
        table = _rows(random, min(GROUP, rows - start), shifted=shifted)
        writer = writer or pq.ParquetWriter(part, table.schema)
        writer.write_table(table, row_group_size=GROUP)
    if writer:
        writer.close()
    part.rename(path)


def _rows(random: np.random.Generator, rows: int, *, shifted: bool) -> pa.Table:
    columns = {}
    for number in range(20):
        name = f"number_{number:02}"
        values = (random.normal, random.lognormal, _discrete(random))[number % 3](size=rows)
        values = values + (SHIFTED.get(name, 0.0) if shifted else 0.0)
        columns[name] = pa.array(values, mask=random.random(rows) < 0.02)
    for number, cardinality in enumerate(CARDINALITIES):
        chances = 1 / np.arange(1, cardinality + 1)
        places = random.choice(cardinality, rows, p=chances / chances.sum())
        names = pa.array([f"value {place}" for place in range(cardinality)])
        columns[f"category_{number:02}"] = pa.DictionaryArray.from_arrays(pa.array(places), names).cast(
            pa.string()
        )
    return pa.table(columns)


def _discrete(random: np.random.Generator):  # noqa: ANN202
    return lambda size: random.poisson(40, size).astype(np.float64)
