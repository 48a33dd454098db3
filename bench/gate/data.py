"""Made per-row results: a label, two models' scores and a column of slices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

SLICES = 20


def write(path: Path, rows: int, task: str, days: int) -> Path:
    """Write `predictions.parquet`: all scores differ, `days` units or (0) single rows."""
    if path.exists():
        return path
    random = np.random.default_rng(rows + days)
    label = (random.random(rows) < 0.3).astype(float) if task == "binary" else random.normal(0, 2, rows)
    better, worse = (1.2, 1.1) if task == "binary" else (1.0, 0.9)
    noise = {"candidate": random.normal(better * label, 1), "champion": random.normal(worse * label, 1)}
    if task == "binary":
        noise = {name: 1 / (1 + np.exp(1 - one)) for name, one in noise.items()}
    slices = pa.array([f"slice {n}" for n in range(SLICES)]).take(
        pa.array(random.integers(SLICES, size=rows))
    )
    columns = {"label": label, **noise, "slice_part": slices}
    if days:
        columns["unit"] = pa.array(np.sort(random.integers(days, size=rows)))
    pq.write_table(pa.table(columns), path)
    return path
