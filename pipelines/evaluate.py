"""Evaluate step: candidate and champion on the same rows.

    python -m pipelines.evaluate --rows DIR --model DIR --champion DIR --evaluation DIR

Writes `evaluation.json` and `predictions.parquet` (docs/pipeline-contract.md).
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

from pipelines.bootstrap import compare
from pipelines.errors import Unusable
from pipelines.frame import frame
from pipelines.metrics import GREATER_IS_BETTER, measured, measures
from pipelines.score.tabular_model import TabularModel

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from pipelines.metrics import Array

NO_CHAMPION = "NO_CHAMPION"
MOST_SLICES = 200
"""Slices of one column, the largest first."""


def champion_in(folder: Path) -> TabularModel | None:
    """The champion, or None where the app says that there is none.

    Raises:
        Unusable: the folder holds neither a model of this pipeline nor the word that there is none.
    """
    if (folder / NO_CHAMPION).exists():
        return None
    try:
        return TabularModel.load(folder)
    except (FileNotFoundError, KeyError) as error:
        raise Unusable(f"the champion is not a model of this pipeline: {error}") from error


def scored(model: TabularModel, table: pa.Table) -> Array:
    """The model's scores of the rows."""
    return model.scores(frame(table, model.features))


def units(table: pa.Table, column: str | None) -> NDArray[np.intp]:
    """What the bootstrap draws: the rows, or all rows together that share a value (timestamps: a day)."""
    if column is None:
        return np.arange(len(table))
    values = _column(table, column)
    if pa.types.is_timestamp(values.type):
        values = pc.floor_temporal(values, unit="day")
    return _codes(values)[0]


def slices(table: pa.Table, by: Sequence[str]) -> Iterator[tuple[str, Any, NDArray[np.intp]]]:
    """Column, value and rows of every slice; the largest first."""
    for column in by:
        codes, values = _codes(_column(table, column))
        sizes = np.bincount(codes, minlength=len(values))
        for code in np.argsort(-sizes, kind="stable")[:MOST_SLICES]:
            yield column, values[code], np.flatnonzero(codes == code)


def evaluate(
    table: pa.Table,
    about: Mapping[str, Any],
    candidate: TabularModel,
    champion: TabularModel | None,
    *,
    by: Sequence[str] = (),
    count: int = 500,
    confidence: float = 0.95,
    drawn: str | None = None,
) -> tuple[dict[str, Any], pa.Table]:
    """The evaluation and the predictions that it is made of.

    Args:
        table: the evaluation rows.
        about: what they are (rows.json).
        candidate: the new model.
        champion: the present one, if any.
        by: columns whose values are slices.
        count: of bootstrap resamples.
        confidence: of the intervals.
        drawn: column whose values the bootstrap draws as a whole; None for single rows.
    """
    task = about["task"]
    truth = table[about["label"]].to_numpy()
    models = {"candidate": candidate} | ({"champion": champion} if champion else {})
    scores = {name: scored(model, table) for name, model in models.items()}
    of = {name: measures(task, truth, scores[name], model.threshold) for name, model in models.items()}
    parts = []
    for column, value, rows in slices(table, by):
        part: dict[str, Any] = {"by": column, "value": value, "rows": len(rows), "champion": None}
        for name, model in models.items():
            part[name] = measured(measures(task, truth[rows], scores[name][rows], model.threshold), len(rows))
        parts.append(part)
    result: dict[str, Any] = {
        "schema": 1,
        "data": about["data"],
        "holdout": about["holdout"],
        "rows": len(table),
        "candidate": {"metrics": measured(of["candidate"], len(table))},
        "champion": None,
        "comparison": None,
        "slices": parts,
        "metrics": {name: {"greater_is_better": up} for name, up in GREATER_IS_BETTER[task].items()},
    }
    if champion is not None:
        result["champion"] = {"metrics": measured(of["champion"], len(table))}
        result["comparison"] = compare(
            of["candidate"],
            of["champion"],
            units(table, drawn),
            count=count,
            seed=about["seed"],
            confidence=confidence,
            drawn=f"values of {drawn}" if drawn else "rows",
        )
    kept = {column: table[column] for column in dict.fromkeys(by)}
    return result, pa.table({"label": truth, **scores, **{f"slice_{name}": kept[name] for name in kept}})


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the step."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--champion", type=Path, required=True)
    parser.add_argument("--evaluation", type=Path, required=True)
    parser.add_argument("--slices", type=_names, default=(), help="columns, separated by commas, or none")
    parser.add_argument("--resamples", type=int, default=500)
    parser.add_argument("--confidence", type=float, default=0.95)
    parser.add_argument("--resample-by", type=_names, default=(), help="a column, or none for single rows")
    given = parser.parse_args(arguments)
    about = json.loads((given.rows / "rows.json").read_text())
    try:
        result, predictions = evaluate(
            pq.read_table(given.rows / "evaluation.parquet"),
            about,
            TabularModel.load(given.model),
            champion_in(given.champion),
            by=given.slices,
            count=given.resamples,
            confidence=given.confidence,
            drawn=given.resample_by[0] if given.resample_by else None,
        )
    except Unusable as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    given.evaluation.mkdir(parents=True, exist_ok=True)
    pq.write_table(predictions, given.evaluation / "predictions.parquet")
    (given.evaluation / "evaluation.json").write_text(json.dumps(result, indent=1))
    for name, value in result["candidate"]["metrics"].items():
        against = (result["comparison"] or {}).get(name)
        said = f", champion by [{against['lower']:+.4f}, {against['upper']:+.4f}]" if against else ""
        print(f"{name} {value:.4f}{said}")
    return 0


def _names(text: str) -> tuple[str, ...]:
    """Azure ML has no empty string inputs: `none` stands for nothing."""
    return () if text == "none" else tuple(name.strip() for name in text.split(","))


def _codes(values: pa.ChunkedArray) -> tuple[NDArray[np.intp], list[Any]]:
    encoded = pc.dictionary_encode(values.combine_chunks(), null_encoding="encode")
    return encoded.indices.to_numpy().astype(np.intp), encoded.dictionary.to_pylist()


def _column(table: pa.Table, name: str) -> pa.ChunkedArray:
    if name not in table.column_names:
        raise Unusable(f"the evaluation rows have no column '{name}'")
    return table[name]


if __name__ == "__main__":
    sys.exit(main())
