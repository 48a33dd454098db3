"""Every measure by its name, with what it takes: `compute` checks arguments and options, then calls it."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from drift.categories import CategorySummary
from drift.measures import arguments, divergences, domain, multivariate, profiles, samples, tables
from drift.measures.binning import Binning, counted
from drift.measures.errors import MeasureError
from drift.measures.measure import Measure
from drift.measures.presets import preset_options
from drift.measures.suggestion import did_you_mean
from drift.numeric import NumericSummary

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_BINNING = tuple(one.name for one in fields(Binning))
_WEIGHTS = ("reference_weights", "current_weights")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A measure: its function, whether it takes counts, numbers or rows, and what else it can do."""

    function: Callable[..., Measure]
    takes: Literal["counts", "numbers", "rows"]
    from_profiles: Callable[..., Measure] | None = None
    """The same from two profiles' numeric summaries."""
    finite: bool = False
    """Whether infinite values are refused."""
    distance: bool = False
    """Whether merging categories can only lower it."""
    weighted: bool = False
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """Options for bins other than the general defaults."""

    @property
    def options(self) -> tuple[str, ...]:
        """Names of the options that it knows."""
        own = tuple(
            one.name
            for one in inspect.signature(self.function).parameters.values()
            if one.kind is one.KEYWORD_ONLY and one.name not in _WEIGHTS
        )
        return own + (_BINNING if self.takes == "counts" else ()) + (_WEIGHTS if self.weighted else ())


def _share(function: Callable[..., Measure], *, bins: str = "quantile", distance: bool = True) -> Entry:
    return Entry(function=function, takes="counts", weighted=True, distance=distance, defaults={"bins": bins})


CATALOGUE: Mapping[str, Entry] = {
    "ks": Entry(function=samples.ks, takes="numbers", from_profiles=profiles.ks),
    "chi2_contingency": Entry(function=tables.chi2_contingency, takes="counts"),
    "chi2_gof": Entry(function=tables.chi2_gof, takes="counts"),
    "g_test": Entry(function=tables.g_test, takes="counts"),
    "fisher_exact": Entry(function=tables.fisher_exact, takes="counts"),
    "psi": _share(divergences.psi, distance=False),
    "jensen_shannon_distance": _share(divergences.jensen_shannon_distance),
    "jensen_shannon_divergence": _share(divergences.jensen_shannon_divergence),
    "kl_divergence": _share(divergences.kl_divergence, distance=False),
    "hellinger": _share(divergences.hellinger),
    "total_variation": _share(divergences.total_variation, bins="distinct"),
    "l_infinity": _share(divergences.l_infinity, bins="distinct", distance=False),
    "wasserstein": Entry(
        function=samples.wasserstein,
        takes="numbers",
        from_profiles=profiles.wasserstein,
        finite=True,
        weighted=True,
    ),
    "energy_distance": Entry(function=samples.energy_distance, takes="numbers", finite=True, weighted=True),
    "cramer_von_mises": Entry(function=samples.cramer_von_mises, takes="numbers"),
    "anderson_darling": Entry(function=samples.anderson_darling, takes="numbers"),
    "mann_whitney": Entry(function=samples.mann_whitney, takes="numbers"),
    "t_test": Entry(function=samples.t_test, takes="numbers", finite=True),
    "epps_singleton": Entry(function=samples.epps_singleton, takes="numbers", finite=True),
    "cramers_v": Entry(function=tables.cramers_v, takes="counts"),
    "mmd": Entry(function=multivariate.mmd, takes="rows", finite=True),
    "pca_reconstruction_error": Entry(
        function=multivariate.pca_reconstruction_error, takes="rows", finite=True
    ),
    "correlation_change": Entry(function=multivariate.correlation_change, takes="rows", finite=True),
    "domain_classifier": Entry(function=domain.domain_classifier, takes="rows", finite=True),
}


def compute(
    name: str, reference: Any, current: Any = None, *, preset: str | None = None, **options: Any
) -> Measure:
    """One measure of how far the current data are from the reference.

    Tests and distances of counts take dicts of counts, 1-d arrays (counted by value, or by bin as `Binning`
    says), category summaries of profiles, or one 2 x k table as the reference. Measures of numbers take 1-d
    arrays, and `ks` and `wasserstein` two numeric summaries of profiles. Multivariate measures take 2-d
    arrays. None and NaN are nulls. Weights are `reference_weights` and `current_weights`.

    Args:
        name: One of `CATALOGUE`; the functions' docstrings give formulas, sources and options.
        reference: The reference.
        current: The current data.
        preset: `azureml`, `evidently`, `nannyml` or `tfdv`: options set as that tool does.
        options: Override the preset's and the defaults.

    Raises:
        MeasureError: The name, an option or the shape of the data is not what the measure takes.
    """
    entry = CATALOGUE.get(name)
    if entry is None:
        raise MeasureError(f"there is no measure {name!r}{did_you_mean(name, CATALOGUE)}")
    for option in options:
        if option not in entry.options:
            raise MeasureError(f"{name} has no option {option!r}{did_you_mean(option, entry.options)}")
    settings = {**entry.defaults, **(preset_options(preset, name) if preset else {}), **options}
    try:
        with np.errstate(over="raise"):
            return _measured(name, entry, reference, current, settings)
    except FloatingPointError as error:
        raise MeasureError(f"{name} cannot be computed: the values are too large") from error


def _measured(name: str, entry: Entry, reference: Any, current: Any, settings: dict[str, Any]) -> Measure:
    if entry.takes == "counts":
        return _of_counts(entry, reference, current, settings)
    if current is None:
        raise MeasureError(f"{name} needs current data")
    if entry.takes == "rows":
        return _of_rows(name, entry, reference, current, settings)
    return _of_numbers(name, entry, reference, current, settings)


def _of_counts(entry: Entry, reference: Any, current: Any, settings: dict[str, Any]) -> Measure:
    binning = Binning(**{key: settings.pop(key) for key in _BINNING if key in settings})
    weights = {key: settings.pop(key, None) for key in _WEIGHTS}
    measure = entry.function(*counted(reference, current, binning, **weights), **settings)
    summaries = [side for side in (reference, current) if isinstance(side, CategorySummary)]
    if entry.distance and not all(side.exact for side in summaries):
        # Values that share a bucket can only look more alike.
        return Measure(
            statistic=measure.statistic,
            p_value=measure.p_value,
            effect_size=measure.effect_size,
            lower=measure.statistic,
        )
    return measure


def _of_numbers(name: str, entry: Entry, reference: Any, current: Any, settings: dict[str, Any]) -> Measure:
    summaries = [isinstance(side, NumericSummary) for side in (reference, current)]
    if any(summaries):
        if not all(summaries):
            raise MeasureError("one side is a profile, the other values: give both alike")
        if entry.from_profiles is None:
            raise MeasureError(f"{name} needs the values: a profile does not determine it")
        if settings:
            raise MeasureError(f"{name} of profiles has no options, but got {', '.join(settings)}")
        return entry.from_profiles(reference, current)
    sides: dict[str, Any] = {"reference": reference, "current": current}
    for side, data in sides.items():
        values = arguments.numbers(side, data)
        present = ~np.isnan(values)
        weights = settings.get(f"{side}_weights")
        if weights is not None:
            weights = arguments.weights(side, weights, values.size)[present]
            if not weights.sum():
                raise MeasureError(f"all weight of the {side} is on nulls")
            settings[f"{side}_weights"] = weights
        sides[side] = values[present]
        if not sides[side].size:
            raise MeasureError(f"the {side} has no values")
        if entry.finite and not np.all(np.isfinite(sides[side])):
            raise MeasureError(f"{name} needs finite values, and the {side} has infinite ones")
    return entry.function(sides["reference"], sides["current"], **settings)


def _of_rows(name: str, entry: Entry, reference: Any, current: Any, settings: dict[str, Any]) -> Measure:
    x, y = arguments.rows("reference", reference), arguments.rows("current", current)
    if x.shape[1] != y.shape[1]:
        raise MeasureError(f"the reference has {x.shape[1]} columns, the current data {y.shape[1]}")
    for side, data in (("reference", x), ("current", y)):
        if not data.size:
            raise MeasureError(f"the {side} has no rows")
        if np.any(np.isinf(data)):
            raise MeasureError(f"{name} needs finite values, and the {side} has infinite ones")
    if name == "mmd" and (np.any(np.isnan(x)) or np.any(np.isnan(y))):
        raise MeasureError("mmd cannot take nulls: leave those rows out, or fill them")
    return entry.function(x, y, **settings)
