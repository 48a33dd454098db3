"""TensorFlow Data Validation: statistics of both sides, and comparators for each column."""

import sys

import pandas as pd
import tensorflow_data_validation as tfdv

reference, current = (
    tfdv.generate_statistics_from_dataframe(pd.read_parquet(path)) for path in sys.argv[1:3]
)
schema = tfdv.infer_schema(reference)
for feature in schema.feature:
    if feature.type == 1:
        feature.drift_comparator.infinity_norm.threshold = 0.1
    else:
        feature.drift_comparator.jensen_shannon_divergence.threshold = 0.1
print(len(tfdv.validate_statistics(current, schema, previous_statistics=reference).anomaly_info))
