"""From Arrow to the data frame that the estimators take."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from pipelines.columns import kind, numbers
from pipelines.errors import Unusable

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa


def frame(table: pa.Table, features: Mapping[str, str]) -> pd.DataFrame:
    """The features as a model expects them.

    Raises:
        Unusable: a feature is missing or of another kind.
    """
    columns = {}
    for name, expected in features.items():
        if name not in table.column_names or kind(table.schema.field(name).type) != expected:
            raise Unusable(f"the model needs the column '{name}', a {expected}")
        values = numbers(table[name]) if expected == "number" else table[name]
        columns[name] = values.to_pandas()
    return pd.DataFrame(columns)
