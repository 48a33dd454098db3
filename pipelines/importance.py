"""What mattered to a model: how much worse it does when one feature's values are shuffled (Breiman 2001).

Asked through the model's own scores, as requests are: it need not be an estimator of scikit-learn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.metrics import roc_auc_score, root_mean_squared_error

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from pipelines.score.tabular_model import TabularModel

ROWS = 2000
REPEATS = 3


def importance(
    model: TabularModel, rows: pd.DataFrame, truth: NDArray[np.float64], seed: int
) -> dict[str, Any] | None:
    """Mean loss of the metric by feature, greatest first, on some of the rows; None where not defined."""
    if model.task == "binary" and len(np.unique(truth)) < 2:
        return None
    random = np.random.default_rng(seed)
    some = random.permutation(len(rows))[:ROWS]
    features, truth = rows.iloc[some][list(model.features)], truth[some]
    if model.task == "binary" and len(np.unique(truth)) < 2:
        return None

    def badness(frame: pd.DataFrame) -> float:
        scores = model.scores(frame)
        if model.task == "binary":
            return -float(roc_auc_score(truth, scores))
        return float(root_mean_squared_error(truth, scores))

    as_it_is = badness(features)
    found = []
    for name in model.features:
        losses = [
            badness(features.assign(**{name: features[name].array[random.permutation(len(some))]})) - as_it_is
            for _ in range(REPEATS)
        ]
        found.append({"name": name, "loss": float(np.mean(losses)), "spread": float(np.std(losses))})
    return {
        "metric": "roc_auc" if model.task == "binary" else "rmse",
        "rows": len(some),
        "repeats": REPEATS,
        "features": sorted(found, key=lambda one: -float(one["loss"])),
    }
