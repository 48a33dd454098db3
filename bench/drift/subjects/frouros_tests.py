"""frouros' two-sample tests, column by column."""

import sys

import pandas as pd
from frouros.detectors.data_drift import ChiSquareTest, KSTest

reference, current = (pd.read_parquet(path) for path in sys.argv[1:3])
for name in reference.columns:
    before, after = reference[name].dropna(), current[name].dropna()
    detector = KSTest() if pd.api.types.is_numeric_dtype(before) else ChiSquareTest()
    detector.fit(X=before.to_numpy())
    print(name, detector.compare(X=after.to_numpy())[0].p_value)
