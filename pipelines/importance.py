"""What mattered to a model: how much worse it does when one feature's values are shuffled (Breiman 2001)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.inspection import permutation_importance

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from pipelines.score.tabular_model import TabularModel

ROWS = 2000
REPEATS = 3
SCORING = {"binary": ("roc_auc", "roc_auc"), "regression": ("rmse", "neg_root_mean_squared_error")}


def importance(
    model: TabularModel, rows: pd.DataFrame, truth: NDArray[np.float64], seed: int
) -> dict[str, Any] | None:
    """Mean loss of the metric by feature, greatest first, on some of the rows; None where not defined."""
    if model.task == "binary" and len(np.unique(truth)) < 2:
        return None
    metric, scoring = SCORING[model.task]
    some = np.random.default_rng(seed).permutation(len(rows))[:ROWS]
    features = rows.iloc[some][list(model.features)]
    found = permutation_importance(
        model.estimator, features, truth[some], scoring=scoring, n_repeats=REPEATS, random_state=seed
    )
    order = np.argsort(-found.importances_mean, kind="stable")
    return {
        "metric": metric,
        "rows": len(some),
        "repeats": REPEATS,
        "features": [
            {
                "name": features.columns[at],
                "loss": float(found.importances_mean[at]),
                "spread": float(found.importances_std[at]),
            }
            for at in order.tolist()
        ],
    }
