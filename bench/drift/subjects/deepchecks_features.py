"""deepchecks' feature drift with its defaults (it samples 10,000 to 100,000 rows)."""

import sys

import pandas as pd
from deepchecks.tabular import Dataset
from deepchecks.tabular.checks import FeatureDrift

reference, current = (pd.read_parquet(path) for path in sys.argv[1:3])
texts = [name for name in reference.columns if not pd.api.types.is_numeric_dtype(reference[name])]
sides = (Dataset(frame, cat_features=texts, label=None) for frame in (reference, current))
print(len(FeatureDrift().run(*sides).value))
