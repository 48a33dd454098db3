"""evidently's data drift preset with its defaults."""

import sys

import pandas as pd
from evidently import Dataset, Report
from evidently.presets import DataDriftPreset

reference, current = (Dataset.from_pandas(pd.read_parquet(path)) for path in sys.argv[1:3])
print(len(Report([DataDriftPreset()]).run(current, reference).json()))
