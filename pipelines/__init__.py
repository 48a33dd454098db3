"""What runs inside Azure Machine Learning."""

import os

# Waiting threads sleep: where there is more work than cores, spinning makes a run ten times longer.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # small products: one thread is as fast, and adds up alike
