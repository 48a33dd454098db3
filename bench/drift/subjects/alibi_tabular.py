"""alibi-detect's tabular detector: numbers by Kolmogorov-Smirnov, categories as codes by chi-squared."""

import sys

import numpy as np
import pandas as pd
from alibi_detect.cd import TabularDrift

frames = [pd.read_parquet(path).dropna() for path in sys.argv[1:3]]
both = pd.concat(frames, ignore_index=True)
categories = {}
for place, name in enumerate(both.columns):
    if not pd.api.types.is_numeric_dtype(both[name]):
        both[name] = both[name].astype("category").cat.codes
        categories[place] = None
values = both.to_numpy(np.float64)
rows = len(frames[0])
found = TabularDrift(values[:rows], p_val=0.05, categories_per_feature=categories).predict(values[rows:])
print(found["data"]["is_drift"])
