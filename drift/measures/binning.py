"""From two columns of values to two rows of counts over the same bins or categories."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from drift.alignment import align, category_table, quantile_table
from drift.categories import CategorySummary
from drift.measures import arguments
from drift.measures.errors import MeasureError
from drift.numeric import NumericSummary

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Counts = tuple[NDArray[np.float64], NDArray[np.float64]]

RULES = ("distinct", "quantile", "equal_width", "sturges", "sturges_smaller", "doane", "merged")


@dataclass(frozen=True, slots=True, kw_only=True)
class Binning:
    """How numbers become bins; texts, booleans and dicts of counts are categories and need none of it.

    bins: `distinct` (each value its own), `quantile` (equal mass of the reference), `equal_width`, `sturges`,
        `doane` (NumPy's rules for the number of equal widths), `sturges_smaller` (Sturges' number for the
        smaller side: Azure ML), `merged` (each side's own equal widths, cut at
        the union of both sides' edges, the mass spread evenly inside a bin: TFDV), or the edges themselves.
    bin_count: how many, where the rule does not say.
    span: what the edges are taken from: the `reference`, the `joint` values or the joint `distinct` values.
    outside: values beyond the edges go to the first and last bin (`edge`) or to one bin of their own (`bin`);
        with `bin`, categories that the reference does not have share one as well (nannyml).
    nulls: `drop`, or `bin` for one of their own.
    distinct_up_to: numbers with at most that many different values in the reference are categories ...
    distinct_share: ... if these are also at most that share of its values.
    """

    bins: str | Sequence[float] = "distinct"
    bin_count: int = 10
    span: Literal["reference", "joint", "distinct"] = "reference"
    outside: Literal["edge", "bin"] = "edge"
    nulls: Literal["drop", "bin"] = "drop"
    distinct_up_to: int = 0
    distinct_share: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what is not offered."""
        if isinstance(self.bins, str) and self.bins not in RULES:
            raise MeasureError(f"bins must be edges or one of {', '.join(RULES)}, not {self.bins!r}")
        for name, allowed in (
            ("span", ("reference", "joint", "distinct")),
            ("outside", ("edge", "bin")),
            ("nulls", ("drop", "bin")),
        ):
            if getattr(self, name) not in allowed:
                raise MeasureError(f"{name} must be one of {', '.join(allowed)}, not {getattr(self, name)!r}")
        if self.bin_count < 1:
            raise MeasureError("bin_count must be at least 1")


def counted(
    reference: Any,
    current: Any,
    binning: Binning,
    reference_weights: Any = None,
    current_weights: Any = None,
) -> Counts:
    """Both sides' counts (or sums of weights) by bin or category; what neither side has is left out."""
    weighted = reference_weights is not None or current_weights is not None
    if weighted and (current is None or isinstance(reference, Mapping | NumericSummary | CategorySummary)):
        raise MeasureError("weights go with values; counts can be weighted themselves")
    if current is None:
        a, b = arguments.table(reference)
    elif isinstance(reference, NumericSummary) and isinstance(current, NumericSummary):
        left, right = quantile_table(align(reference.histogram, current.histogram), binning.bin_count)
        a, b = left.astype(np.float64), right.astype(np.float64)
    elif isinstance(reference, CategorySummary) and isinstance(current, CategorySummary):
        left, right = category_table(reference, current)
        a, b = left.astype(np.float64), right.astype(np.float64)
    elif isinstance(reference, Mapping) and isinstance(current, Mapping):
        both = arguments.tallied(reference, current)
        a, b = both["reference"], both["current"]
        if binning.outside == "bin":
            a, b = _unseen_pooled(a, b)
    elif isinstance(reference, Mapping) or isinstance(current, Mapping):
        raise MeasureError("one side has counts, the other values: give both alike")
    else:
        a, b = _of_values(reference, current, binning, reference_weights, current_weights)
    if not a.sum() or not b.sum():
        raise MeasureError(f"the {'current data have' if a.sum() else 'reference has'} no values")
    used = (a + b) > 0
    return a[used], b[used]


def _of_values(reference: Any, current: Any, binning: Binning, wx: Any, wy: Any) -> Counts:
    x, y = arguments.values("reference", reference), arguments.values("current", current)
    w = np.ones(x.size) if wx is None else arguments.weights("reference", wx, x.size)
    v = np.ones(y.size) if wy is None else arguments.weights("current", wy, y.size)
    null_x, null_y = arguments.is_null(x), arguments.is_null(y)
    nulls = w[null_x].sum(), v[null_y].sum()
    x, y, w, v = x[~null_x], y[~null_y], w[~null_x], v[~null_y]
    distinct = isinstance(binning.bins, str) and binning.bins == "distinct"
    if arguments.is_numeric(x) and arguments.is_numeric(y) and not distinct:
        x, y = x.astype(np.float64), y.astype(np.float64)
        different = np.unique(x).size
        few = different <= binning.distinct_up_to and different <= binning.distinct_share * x.size
        a, b = _by_category(x, y, w, v) if few or not x.size else _by_bin(x, y, w, v, binning)
        if few and binning.outside == "bin":
            a, b = _unseen_pooled(a, b)
    else:
        a, b = _by_category(x, y, w, v)
        if binning.outside == "bin":
            a, b = _unseen_pooled(a, b)
    if binning.nulls == "bin":
        a, b = np.append(a, nulls[0]), np.append(b, nulls[1])
    return a, b


def _by_category(x: NDArray[Any], y: NDArray[Any], w: NDArray[np.float64], v: NDArray[np.float64]) -> Counts:
    if x.dtype.kind == y.dtype.kind != "O":
        different, index_of = np.unique(np.concatenate([x, y]), return_inverse=True)
        size = different.size
        return np.bincount(index_of[: x.size], w, size), np.bincount(index_of[x.size :], v, size)
    left, right = x.tolist(), y.tolist()
    places = {value: place for place, value in enumerate(arguments.in_order({*left, *right}))}
    index = [np.fromiter((places[value] for value in side), np.int64, len(side)) for side in (left, right)]
    return np.bincount(index[0], w, len(places)), np.bincount(index[1], v, len(places))


def _unseen_pooled(a: NDArray[np.float64], b: NDArray[np.float64]) -> Counts:
    seen = a > 0
    return np.append(a[seen], 0.0), np.append(b[seen], b[~seen].sum())


def _by_bin(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    w: NDArray[np.float64],
    v: NDArray[np.float64],
    binning: Binning,
) -> Counts:
    if isinstance(binning.bins, str) and binning.bins == "merged":
        return _merged(x, y, w, v, binning.bin_count)
    edges = _edges(x, y, binning)
    return _in_bins(x, w, edges, binning.outside), _in_bins(y, v, edges, binning.outside)


def _edges(x: NDArray[np.float64], y: NDArray[np.float64], binning: Binning) -> NDArray[np.float64]:
    if not isinstance(binning.bins, str):
        edges = np.asarray(binning.bins, np.float64)
        if edges.ndim != 1 or edges.size < 2 or np.any(np.isnan(edges)) or np.any(np.diff(edges) <= 0):
            raise MeasureError("edges of bins must rise, and be two or more")
        return edges
    source = {"reference": x, "joint": np.concatenate([x, y])}.get(binning.span)
    if source is None:
        source = np.unique(np.concatenate([x, y]))
    source = source[np.isfinite(source)]
    if not source.size:
        raise MeasureError("there are no finite values to take bins from")
    if binning.bins == "quantile":
        edges = np.unique(np.quantile(source, np.linspace(0, 1, binning.bin_count + 1)))
        # One value has no width: a bin for it, and (by `outside`) whatever lies beyond.
        return edges if edges.size > 1 else np.array([edges[0], np.nextafter(edges[0], np.inf)])
    if binning.bins == "sturges_smaller":
        number = math.ceil(math.log2(min(x.size, y.size)) + 1) if x.size and y.size else 1
        return np.histogram_bin_edges(source, bins=number)
    rule = binning.bin_count if binning.bins == "equal_width" else binning.bins
    return np.histogram_bin_edges(source, bins=rule)


def _in_bins(
    values: NDArray[np.float64], weights: NDArray[np.float64], edges: NDArray[np.float64], outside: str
) -> NDArray[np.float64]:
    place = np.searchsorted(edges, values, side="right") - 1
    place[values == edges[-1]] = edges.size - 2  # the last bin is closed, as in NumPy's histogram
    beyond = (values < edges[0]) | (values > edges[-1])
    if outside == "bin":
        place[beyond] = edges.size - 1
    last = edges.size - 1 if outside == "bin" else edges.size - 2
    return np.bincount(np.clip(place, 0, last), weights, edges.size)


def _merged(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    w: NDArray[np.float64],
    v: NDArray[np.float64],
    bin_count: int,
) -> Counts:
    if not (np.all(np.isfinite(x)) and np.all(np.isfinite(y)) and x.size and y.size):
        raise MeasureError("merged bins need finite values on both sides")
    own = [np.histogram(x, bin_count, weights=w), np.histogram(y, bin_count, weights=v)]
    edges = np.unique(np.concatenate([own[0][1], own[1][1]]))
    below = [np.interp(edges, cuts, np.concatenate([[0.0], np.cumsum(counts)])) for counts, cuts in own]
    return np.maximum(np.diff(below[0]), 0.0), np.maximum(np.diff(below[1]), 0.0)
