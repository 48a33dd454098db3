"""Prepare step: from batches of Parquet files to rows for training and rows for evaluation.

    python -m pipelines.prepare --data DIR --manifest FILE --label NAME --task binary --rows DIR

Writes `training.parquet` (features, label and timestamp), `evaluation.parquet` (every column) and `rows.json`
(about both).
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.columns import kind, plain
from pipelines.errors import Unusable
from pipelines.manifest import Manifest, read_manifest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from pipelines.columns import Kind

HOLDOUT = 0.2
"""The share of the training rows that evaluates when no batch does."""
TASKS = ("binary", "regression")


def files(data: Path, batches: Sequence[str]) -> list[Path]:
    """The Parquet files of those batches, in order.

    Raises:
        Unusable: a batch lies outside the data, has no Parquet file, or others as well.
    """
    found = []
    for batch in batches:
        place = data / batch
        if not place.resolve().is_relative_to(data.resolve()):
            raise Unusable(f"batch {batch!r} lies outside the data")
        matches = sorted(_data_files(place)) if batch.endswith("/") else [place]
        if not matches or not matches[0].is_file():
            raise Unusable(f"batch {batch!r} has no Parquet file")
        others = [path for path in matches if path.suffix != ".parquet"]
        if others:
            raise Unusable(
                f"batch {batch!r} holds {others[0].relative_to(data)}: this step reads Parquet only"
            )
        found += matches
    return found


def _data_files(folder: Path) -> Iterator[Path]:
    """Its files with all below it, without what writers leave beside the data: `_SUCCESS`, `.part.crc`."""
    for path in folder.rglob("*"):
        steps = path.relative_to(folder).parts
        if path.is_file() and not any(step.startswith(("_", ".")) for step in steps):
            yield path


def read(data: Path, batches: Sequence[str]) -> dict[str, pa.Table]:
    """One table per file, by its path in the data."""
    tables = {}
    for path in files(data, batches):
        name = path.relative_to(data).as_posix()
        try:
            tables[name] = plain(pq.read_table(path, partitioning=None))
        except pa.ArrowException as error:
            raise Unusable(f"{name}: not a Parquet file that can be read: {error}") from error
    return tables


def features(tables: Mapping[str, pa.Table], wanted: Sequence[str], label: str) -> dict[str, Kind]:
    """The features and their kinds, the same in every file.

    Args:
        tables: by file.
        wanted: the features; empty for every usable column.
        label: not a feature.

    Raises:
        Unusable: with every column of every file that does not fit.
    """
    first, *_ = tables.values()
    names = list(wanted) or [field.name for field in first.schema if field.name != label and kind(field.type)]
    if label in names:
        raise Unusable(f"the label '{label}' cannot be a feature")
    if not names:
        raise Unusable("there is no column to learn from")
    kinds: dict[str, tuple[Kind, str]] = {}
    problems = []
    for file, table in tables.items():
        for name in (*names, label):
            if name not in table.column_names:
                problems.append(f"{file}: column '{name}' is missing")
                continue
            found = kind(table.schema.field(name).type)
            if found is None:
                what = table.schema.field(name).type
                problems.append(f"{file}: column '{name}' is {what}: neither a number nor a category")
                continue
            known, where = kinds.setdefault(name, (found, file))
            if found != known:
                problems.append(f"{file}: column '{name}' is a {found}, but a {known} in {where}")
    if problems:
        raise Unusable("the data does not fit:\n  " + "\n  ".join(problems))
    return {name: kinds[name][0] for name in names}


def joined(tables: Mapping[str, pa.Table], needed: Collection[str]) -> pa.Table:
    """All rows, with the columns that every file has in types that fit together.

    Raises:
        Unusable: a needed column has types that do not.
    """
    first, *_ = tables.values()
    columns = {}
    for name in first.column_names:
        if not all(name in table.column_names for table in tables.values()):
            continue
        parts = [table[name] for table in tables.values()]
        if len({part.type for part in parts}) > 1:  # Arrow promotes numbers, but not booleans among them
            parts = [pc.cast(part, pa.uint8()) if pa.types.is_boolean(part.type) else part for part in parts]
        try:
            columns[name] = pa.concat_tables(
                [pa.table({name: part}) for part in parts], promote_options="permissive"
            )[name]
        except pa.ArrowException as error:
            if name in needed:
                raise Unusable(f"column '{name}' does not fit together: {error}") from error
            print(f"column '{name}' is left out: its types differ between the files")
    return pa.table(columns).combine_chunks()


def labelled(table: pa.Table, label: str, task: str) -> pa.Table:
    """The rows that have a label, as a number.

    Raises:
        Unusable: the label is not what the task needs.
    """
    if kind(table.schema.field(label).type) != "number":
        raise Unusable(
            f"label '{label}' must be a number or true/false, not {table.schema.field(label).type}"
        )
    rows = table.filter(pc.is_valid(table[label]))
    if dropped := len(table) - len(rows):
        print(f"{dropped} rows without a label were left out")
    values = pc.cast(rows[label], pa.float64())
    if task == "binary":
        seen = sorted(pc.unique(values).to_pylist())
        if not set(seen) <= {0.0, 1.0}:
            raise Unusable(f"label '{label}' must be 0 or 1 for a binary task, not {seen[:5]}")
    return rows.set_column(rows.column_names.index(label), label, values)


def times(tables: Mapping[str, pa.Table], column: str | None) -> list[str]:
    """The timestamp column, where there is one, as a list.

    Raises:
        Unusable: a file lacks it, or it is neither a date nor a timestamp.
    """
    if column is None:
        return []
    problems = []
    for file, table in tables.items():
        if column not in table.column_names:
            problems.append(f"{file}: column '{column}' is missing")
            continue
        found = table.schema.field(column).type
        if not pa.types.is_timestamp(found) and not pa.types.is_date(found):
            problems.append(f"{file}: column '{column}' is {found}: neither a date nor a timestamp")
    if problems:
        raise Unusable("the timestamp column does not fit:\n  " + "\n  ".join(problems))
    return [column]


def prepare(
    data: Path, manifest: Manifest, label: str, task: str
) -> tuple[pa.Table, pa.Table, dict[str, Any]]:
    """Rows for training (none to evaluate what is there already), rows for evaluation, and what they are."""
    training_files = read(data, manifest.training)
    evaluation_files = read(data, manifest.evaluation)
    kinds = features(training_files | evaluation_files, manifest.features, label)
    moments = times(training_files, manifest.timestamp_column) if training_files else []
    holdout = None
    if evaluation_files:
        evaluation = labelled(joined(evaluation_files, {*kinds, label}), label, task)
    if training_files:
        training = labelled(joined(training_files, {*kinds, label, *moments}), label, task)
    else:
        training = evaluation.slice(0, 0)  # nothing is trained
    if not evaluation_files:
        kept_back = np.random.default_rng(manifest.seed).random(len(training)) < HOLDOUT
        evaluation = training.filter(pa.array(kept_back))
        training = training.filter(pa.array(~kept_back))
        holdout = {"share": HOLDOUT, "seed": manifest.seed}
    for name, rows in (("training", training), ("evaluation", evaluation)):
        if not len(rows) and (name == "evaluation" or training_files):
            raise Unusable(f"there are no rows for {name}")
    about = {
        "schema": 1,
        "task": task,
        "label": label,
        "features": kinds,
        "seed": manifest.seed,
        "data": {"training": list(manifest.training), "evaluation": list(manifest.evaluation)},
        "holdout": holdout,
        "timestamp_column": manifest.timestamp_column,
        "every": manifest.every,
    }
    return training.select([*kinds, label, *moments]), evaluation, about


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the step."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--label", required=True)
    parser.add_argument("--task", choices=TASKS, required=True)
    parser.add_argument("--rows", type=Path, required=True)
    given = parser.parse_args(arguments)
    try:
        training, evaluation, about = prepare(
            given.data, read_manifest(given.manifest), given.label, given.task
        )
    except Unusable as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    given.rows.mkdir(parents=True, exist_ok=True)
    pq.write_table(training, given.rows / "training.parquet")
    pq.write_table(evaluation, given.rows / "evaluation.parquet")
    (given.rows / "rows.json").write_text(json.dumps(about, indent=1))
    print(f"{len(training)} rows train, {len(evaluation)} evaluate, {len(about['features'])} features")
    return 0


if __name__ == "__main__":
    sys.exit(main())
