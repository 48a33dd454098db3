"""How well a model did on rows with known labels, and whether another did worse on the same rows.

Everything follows from the per-row results (`predictions.parquet`): the pipeline that wrote them and the app
that judges by them compute it with the same code, so nobody has to take a pipeline's word for it.
"""

from __future__ import annotations

from drift.performance.assessment import assess
from drift.performance.predictions import Predictions, PredictionsError, from_parquet, from_table

__all__ = ["Predictions", "PredictionsError", "assess", "from_parquet", "from_table"]
