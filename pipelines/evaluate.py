"""Evaluate step: candidate and champion on the same rows.

    python -m pipelines.evaluate --rows DIR --model DIR --champion DIR --evaluation DIR

Writes `evaluation.json` and `predictions.parquet` (docs/pipeline-contract.md). It needs of the other steps
only their folders: a model of this pipeline, rows of the prepare step, and a champion or `NO_CHAMPION`.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from drift.performance import PredictionsError, assess, from_table
from drift.performance.assessment import RESAMPLES
from drift.performance.predictions import described
from pipelines.errors import Unusable
from pipelines.frame import frame
from pipelines.importance import importance
from pipelines.robustness import ROWS, golden, robustness
from pipelines.score.tabular_model import TabularModel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NO_CHAMPION = "NO_CHAMPION"
GOLDEN = "golden.json"


def champion_in(folder: Path) -> TabularModel | None:
    """The champion, or None where the app says that there is none.

    Raises:
        Unusable: the folder holds neither a model of this pipeline nor the word that there is none.
    """
    if (folder / NO_CHAMPION).exists():
        return None
    return model_in(folder, "champion")


def model_in(folder: Path, what: str) -> TabularModel:
    """The model in the folder.

    Raises:
        Unusable: it holds none of this pipeline; `what` names it in the message.
    """
    try:
        return TabularModel.load(folder)
    except (FileNotFoundError, KeyError) as error:
        raise Unusable(f"the {what} is not a model of this pipeline: {error}") from error


def predicted(
    table: pa.Table,
    about: Mapping[str, Any],
    models: Mapping[str, TabularModel],
    *,
    by: Sequence[str] = (),
    drawn: str | None = None,
) -> pa.Table:
    """`predictions.parquet`: label, a column of scores for each model, unit and slices.

    Args:
        table: the evaluation rows.
        about: what they are (rows.json).
        models: `candidate` and, where there is one, `champion`.
        by: columns whose values are slices.
        drawn: column whose values (of timestamps, whose days) the bootstrap draws whole; None: single rows.
    """
    columns: dict[str, Any] = {"label": table[about["label"]]}
    columns |= {name: model.scores(frame(table, model.features)) for name, model in models.items()}
    if drawn:
        columns["unit"] = _units(_column(table, drawn))
    columns |= {f"slice_{name}": _column(table, name) for name in dict.fromkeys(by)}
    return described(
        pa.table(columns),
        task=about["task"],
        thresholds={name: model.threshold for name, model in models.items()},
        drawn=f"values of {drawn}" if drawn else None,
    )


def evaluate(
    table: pa.Table,
    about: Mapping[str, Any],
    candidate: TabularModel,
    champion: TabularModel | None,
    *,
    by: Sequence[str] = (),
    count: int = RESAMPLES,
    confidence: float = 0.95,
    drawn: str | None = None,
    golden_file: Mapping[str, Any] | None = None,
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
        golden_file: what the candidate answered where it was trained, if that is known.
    """
    models = {"candidate": candidate} | ({"champion": champion} if champion else {})
    predictions = predicted(table, about, models, by=by, drawn=drawn)
    try:
        found = assess(from_table(predictions), seed=about["seed"], confidence=confidence, count=count)
    except PredictionsError as error:
        raise Unusable(f"the predictions cannot be judged: {error}") from error
    rows = frame(table, candidate.features)
    sample = rows.iloc[:ROWS].astype(object)
    sample = sample.where(sample.notna(), None)
    result: dict[str, Any] = {
        "schema": 1,
        "data": about["data"],
        "holdout": about["holdout"],
        **found,
        "robustness": robustness(candidate, list(sample.columns), sample.to_numpy().tolist(), about["seed"]),
        "importance": importance(candidate, rows, table[about["label"]].to_numpy(), about["seed"]),
        "golden": golden(candidate, golden_file) if golden_file else None,
    }
    return result, predictions


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the step."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--champion", type=Path, required=True)
    parser.add_argument("--evaluation", type=Path, required=True)
    parser.add_argument("--slices", type=_names, default=(), help="columns, separated by commas, or none")
    parser.add_argument("--resamples", type=int, default=RESAMPLES)
    parser.add_argument("--confidence", type=float, default=0.95)
    parser.add_argument("--resample-by", type=_names, default=(), help="a column, or none for single rows")
    given = parser.parse_args(arguments)
    about = json.loads((given.rows / "rows.json").read_text())
    try:
        result, predictions = evaluate(
            pq.read_table(given.rows / "evaluation.parquet"),
            about,
            model_in(given.model, "candidate"),
            champion_in(given.champion),
            by=given.slices,
            count=given.resamples,
            confidence=given.confidence,
            drawn=given.resample_by[0] if given.resample_by else None,
            golden_file=_golden(given.model),
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
    for name, check in result["robustness"].items():
        print(f"{name}: {check['asked']} asked, {check['answered']} answered, {check['refused']} refused")
    return 0


def _golden(folder: Path) -> dict[str, Any] | None:
    """The candidate's golden predictions; a model that a person registered may have none."""
    found = sorted(folder.rglob(GOLDEN))
    body: dict[str, Any] | None = json.loads(found[0].read_text()) if found else None
    return body


def _names(text: str) -> tuple[str, ...]:
    """Azure ML has no empty string inputs: `none` stands for nothing."""
    return () if text == "none" else tuple(name.strip() for name in text.split(","))


def _units(values: pa.ChunkedArray) -> pa.Array:
    """Numbers of the values (of timestamps, of their days): who or what they are is not written down."""
    if pa.types.is_timestamp(values.type):
        values = pc.floor_temporal(values, unit="day")
    return pc.rank(values.combine_chunks(), tiebreaker="dense")


def _column(table: pa.Table, name: str) -> pa.ChunkedArray:
    if name not in table.column_names:
        raise Unusable(f"the evaluation rows have no column '{name}'")
    return table[name]


if __name__ == "__main__":
    sys.exit(main())
