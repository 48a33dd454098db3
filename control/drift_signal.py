"""How a policy wants drift judged: a part of it that also stands by itself, without a policy."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal


@dataclass(frozen=True, kw_only=True, slots=True)
class FalseAlarms:
    """The stated false-alarm rate: at most this many, per that time."""

    at_most: float
    per: timedelta


METRICS: dict[str, dict[str, tuple[str, ...]]] = {
    "azureml": {
        "numerical": (
            "jensen_shannon_distance",
            "normalized_wasserstein_distance",
            "population_stability_index",
            "two_sample_kolmogorov_smirnov_test",
        ),
        "categorical": ("jensen_shannon_distance", "population_stability_index", "pearsons_chi_squared_test"),
    },
    "evidently": {
        "numerical": ("jensenshannon", "psi", "kl_div", "wasserstein", "ks"),
        "categorical": ("jensenshannon", "psi", "kl_div", "hellinger", "chisquare"),
    },
    "nannyml": {
        "numerical": ("jensen_shannon", "hellinger", "wasserstein", "kolmogorov_smirnov"),
        "categorical": ("jensen_shannon", "hellinger", "l_infinity", "chi2"),
    },
}
"""Metrics of drift, by the tool whose thresholds they are and by the columns they are for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DriftThresholds:
    """`metric_thresholds` of a drift signal: metric name to its greatest allowed value.

    `share` of the columns must exceed theirs for the table to fail; None is the style's own.
    """

    style: Literal["azureml", "evidently", "nannyml"] = "azureml"
    share: float | None = None
    numerical: dict[str, float] = field(default_factory=dict)
    categorical: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class DriftSignal:
    """`monitoring_signals.inputs` or `.predictions`: compare data with the champion's reference.

    Inputs are those that arrive and those of production; predictions are those of production. `features`
    empty means every column of the reference profile. `lookback` is the window of production data;
    `min_rows` below it a check is inconclusive.
    """

    features: tuple[str, ...] = ()
    lookback: timedelta = timedelta(days=7)
    alpha: float = 0.05
    false_alarms: FalseAlarms | None = None
    metric_thresholds: DriftThresholds | None = None
    min_effect: float = 0.1
    min_rows: int = 2000
