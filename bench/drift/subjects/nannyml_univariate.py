"""nannyml's univariate drift calculator with its defaults, one chunk a file."""

import sys

import nannyml
import pandas as pd

reference, current = (pd.read_parquet(path) for path in sys.argv[1:3])
calculator = nannyml.UnivariateDriftCalculator(list(reference.columns), chunk_number=1)
print(calculator.fit(reference).calculate(current).to_df().shape)
