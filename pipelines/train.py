"""Train step: from rows to a model folder that can be registered and served.

    python -m pipelines.train --rows DIR --model DIR

Writes the model, `golden.json` (a request and the answer given here) and `reference_profile.bin` (the profile
of the training rows' features).
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OrdinalEncoder

from drift.block_rule import ByTime
from drift.profile import profile_batches
from pipelines.errors import Unusable
from pipelines.frame import frame
from pipelines.score.tabular_model import TabularModel
from pipelines.tracking import track

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    import pyarrow as pa

    from drift.profile import Profile

MOST_CATEGORIES = 254
"""What a histogram of the boosted trees can hold; the rarest beyond that count as one."""
GOLDEN_ROWS = 20


def estimator(features: Mapping[str, str], task: str, seed: int, settings: Mapping[str, Any]) -> Pipeline:
    """Gradient-boosted trees; categories that are new, and nulls, take the branch for missing values."""
    categories = [name for name, kind in features.items() if kind == "category"]
    encode = ColumnTransformer(
        [
            (
                "categories",
                OrdinalEncoder(
                    handle_unknown="use_encoded_value",
                    unknown_value=np.nan,
                    encoded_missing_value=np.nan,
                    max_categories=MOST_CATEGORIES,
                ),
                categories,
            )
        ],
        remainder="passthrough",
    )
    boosted = HistGradientBoostingClassifier if task == "binary" else HistGradientBoostingRegressor
    boost = boosted(
        categorical_features=list(range(len(categories))) or None, random_state=seed, **settings
    )  # the encoder puts the categories first
    return Pipeline([("encode", encode), ("boost", boost)])


def golden(model: TabularModel, rows: pd.DataFrame) -> dict[str, Any]:
    """A request of rows from all over the training data, and what the model answers here."""
    places = np.unique(np.linspace(0, len(rows) - 1, GOLDEN_ROWS).astype(int))
    sample = rows.iloc[places].astype(object)
    sample = sample.where(sample.notna(), None)
    request = {"input_data": {"columns": list(rows.columns), "data": sample.to_numpy().tolist()}}
    return {"schema": 1, "request": request, "response": model.answer(request)}


def train(
    table: pa.Table, about: Mapping[str, Any], settings: Mapping[str, Any]
) -> tuple[TabularModel, pd.DataFrame]:
    """Fit a model to the rows; returns it with the rows as it saw them."""
    rows = frame(table, about["features"])
    truth = table[about["label"]].to_numpy()
    if about["task"] == "binary" and len(np.unique(truth)) < 2:
        raise Unusable(f"every training row has the same label '{about['label']}': there is nothing to learn")
    fitted = estimator(about["features"], about["task"], about["seed"], settings).fit(rows, truth)
    model = TabularModel(
        task=about["task"],
        label=about["label"],
        features=dict(about["features"]),
        threshold=0.5,
        estimator=fitted,
    )
    return model, rows


def reference(table: pa.Table, about: Mapping[str, Any]) -> Profile:
    """The profile of the features, which knows how the days (or hours) differ where the rows have a time."""
    moment = about.get("timestamp_column")
    blocks = ByTime(moment, about.get("every", "day")) if moment else None
    return profile_batches(table.to_batches(), columns=list(about["features"]), blocks=blocks)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the step."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--max-iter", type=int, default=100)
    parser.add_argument("--learning-rate", type=float, default=0.1)
    parser.add_argument("--max-leaf-nodes", type=int, default=31)
    given = parser.parse_args(arguments)
    about = json.loads((given.rows / "rows.json").read_text())
    table = pq.read_table(given.rows / "training.parquet")
    settings = {
        "max_iter": given.max_iter,
        "learning_rate": given.learning_rate,
        "max_leaf_nodes": given.max_leaf_nodes,
    }
    started = time.perf_counter()
    try:
        model, rows = train(table, about, settings)
    except Unusable as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    seconds = time.perf_counter() - started
    model.save(given.model)
    (given.model / "golden.json").write_text(json.dumps(golden(model, rows)))
    (given.model / "reference_profile.bin").write_bytes(reference(table, about).to_bytes())
    iterations = int(model.estimator["boost"].n_iter_)
    track(
        {
            "task": model.task,
            "label": model.label,
            "seed": about["seed"],
            "features": len(rows.columns),
            **settings,
        },
        {"training_rows": len(rows), "iterations": iterations, "fit_seconds": seconds},
    )
    print(f"{iterations} iterations on {len(rows)} rows in {seconds:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
