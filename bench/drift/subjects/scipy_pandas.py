"""What one writes by hand: pandas, and scipy.stats column by column."""

import json
import sys

import pandas as pd
from scipy import stats

reference, current = (pd.read_parquet(path) for path in sys.argv[1:3])
columns = {}
for name in reference.columns:
    before, after = reference[name].dropna(), current[name].dropna()
    if pd.api.types.is_numeric_dtype(before):
        test = stats.ks_2samp(before, after)
        columns[name] = [float(test.statistic), float(test.pvalue)]
    else:
        counts = pd.concat([before.value_counts(), after.value_counts()], axis=1).fillna(0)
        test = stats.chi2_contingency(counts.to_numpy().T)
        columns[name] = [float(test.statistic), float(test.pvalue)]
json.dump(columns, sys.stdout)
