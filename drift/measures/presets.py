"""Options that make a measure what another tool computes, so that thresholds set there keep their meaning.

After the tools' sources: Azure ML's model monitoring components, evidently's stattests and nannyml's
univariate methods; TFDV after its documentation. Where a tool treats numbers and categories differently, the
options for bins apply to numbers only. What a tool does besides (thresholds, sampling, limits of size) is not
here.
"""

from __future__ import annotations

import math
from typing import Any

from drift.measures.errors import MeasureError
from drift.measures.suggestion import did_you_mean

_AZURE_BINS = {"bins": "sturges_smaller", "span": "joint"}
_EVIDENTLY_BINS = {"bins": "sturges", "span": "joint", "distinct_up_to": 20}
# Continuous from 51 different values on, or where they are more than a tenth of the rows.
_NANNYML_BINS = {"bins": "doane", "outside": "bin", "distinct_up_to": 50, "distinct_share": 0.1}

PRESETS: dict[str, dict[str, dict[str, Any]]] = {
    "azureml": {
        "psi": _AZURE_BINS | {"zeros": "plus_one"},
        "jensen_shannon_distance": _AZURE_BINS | {"base": 2.0},
        "wasserstein": {"normalise": "deviation", "ddof": 1},
        "ks": {"method": "auto"},
        "chi2_gof": {},
    },
    "evidently": {
        "psi": _EVIDENTLY_BINS | {"zeros": "relative"},
        "kl_divergence": _EVIDENTLY_BINS | {"zeros": "relative"},
        "jensen_shannon_distance": _EVIDENTLY_BINS | {"base": math.e},
        "hellinger": {"bins": "sturges", "span": "distinct"},
        "total_variation": {},
        "wasserstein": {"normalise": "deviation", "ddof": 0},
        "ks": {"method": "auto"},
        "chi2_gof": {},
        "g_test": {"reference_exact": True},
        "fisher_exact": {},
        "energy_distance": {},
        "cramer_von_mises": {},
        "anderson_darling": {},
        "mann_whitney": {"alternative": "less"},  # as evidently has it: it does not see values that fall
        "t_test": {"equal_variances": True},
        "epps_singleton": {},
    },
    "nannyml": {
        "jensen_shannon_distance": _NANNYML_BINS | {"base": 2.0},
        "hellinger": dict(_NANNYML_BINS),
        "wasserstein": {"normalise": "none"},
        "ks": {"method": "auto"},
        "chi2_contingency": {"correction": True},
        "l_infinity": {},
        "pca_reconstruction_error": {"components": 0.65, "nulls": "mean"},
    },
    "tfdv": {
        "jensen_shannon_divergence": {"bins": "merged", "bin_count": 10, "nulls": "bin", "base": 2.0},
        "l_infinity": {},
    },
}


def preset_options(preset: str, name: str) -> dict[str, Any]:
    """The options of a tool's measure.

    Raises:
        MeasureError: The preset is unknown, or its tool does not have the measure.
    """
    if preset not in PRESETS:
        raise MeasureError(f"there is no preset {preset!r}{did_you_mean(preset, PRESETS)}")
    measures = PRESETS[preset]
    if name not in measures:
        raise MeasureError(f"preset {preset!r} has no {name!r}; it has {', '.join(measures)}")
    return dict(measures[name])
