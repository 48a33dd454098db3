"""Summarising a stream of numbers, a few passes over each chunk while it is in the processor's cache."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from drift import kernel
from drift.histogram import MAX_BINS, KeyHistogram, order_keys
from drift.histogram_builder import HistogramBuilder
from drift.kernel import Validity
from drift.numeric import NumericSummary

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from drift.kernel import Kernel, Numbers

CHUNK = 1 << 16
"""Values that numpy passes over again and again."""
COMPILED_CHUNK = 1 << 18
"""The compiled functions take the cache's size into account themselves."""


class NumericBuilder:
    """Summarises numbers; `finish` gives the summary."""

    def __init__(self, most: int = MAX_BINS) -> None:
        self._summary = NumericSummary()
        self._histogram = HistogramBuilder(most)

    def add(self, values: NDArray[np.float64], valid: Validity | None = None, *, whole: bool = False) -> None:
        """Add values; NaN is allowed. `valid` says which of them are; `whole`: they come from integers."""
        compiled = kernel.load()
        if compiled is not None:
            for start in range(0, values.size, COMPILED_CHUNK):
                some = Validity(valid.bits, valid.first + start) if valid else None
                self._add_compiled(values[start : start + COMPILED_CHUNK], some, compiled, whole=whole)
            return
        if valid is not None:
            values = values[valid.rows(values.size)]
        for start in range(0, values.size, CHUNK):
            counted, present = _counted(values[start : start + CHUNK], whole=whole)
            self._summary = self._summary.merge(counted)
            self._histogram.add(order_keys(present))

    def _add_compiled(
        self, values: NDArray[np.float64], valid: Validity | None, compiled: Kernel, *, whole: bool
    ) -> None:
        table = self._histogram.layout(values.size)
        found, keys = compiled.numbers(np.ascontiguousarray(values), valid, table, whole=whole)
        self._summary = self._summary.merge(_summary(found))
        if table is not None:
            self._histogram.note(table)
        self._histogram.add(keys)

    def finish(self) -> NumericSummary:
        """All that was added."""
        return replace(self._summary, histogram=self._histogram.finish())

    @property
    def nan(self) -> int:
        """How many were NaN."""
        return self._summary.nan

    def bins(self, most: int) -> KeyHistogram:
        """The bins that are occupied so far, made so wide that they are at most so many."""
        return self._histogram.finish().with_most(most)


def summarise(values: NDArray[np.float64], most: int = MAX_BINS) -> NumericSummary:
    """The summary of these values; NaN is allowed."""
    builder = NumericBuilder(most)
    builder.add(values)
    return builder.finish()


def _summary(found: Numbers) -> NumericSummary:
    finite = found.count - found.positive_infinite - found.negative_infinite
    return NumericSummary(
        count=found.count,
        nan=found.nan,
        positive_infinite=found.positive_infinite,
        negative_infinite=found.negative_infinite,
        zeros=found.zeros,
        negatives=found.negatives,
        fractional=found.fractional,
        minimum=found.minimum if finite else None,
        maximum=found.maximum if finite else None,
        mean=found.mean,
        m2=found.m2,
    )


def _counted(chunk: NDArray[np.float64], *, whole: bool) -> tuple[NumericSummary, NDArray[np.float64]]:
    """All but the histogram of a chunk, and its values without NaN."""
    present = finite = chunk
    nan = positive = negative = 0
    with np.errstate(over="ignore", invalid="ignore"):
        total = float(chunk.sum())
    if not math.isfinite(total):  # something is not finite, or the sum overflows
        is_nan = np.isnan(chunk)
        nan = int(np.count_nonzero(is_nan))
        positive = int(np.count_nonzero(chunk == np.inf))
        negative = int(np.count_nonzero(chunk == -np.inf))
        present, finite = chunk[~is_nan], chunk[np.isfinite(chunk)]
        with np.errstate(over="ignore", invalid="ignore"):
            total = float(finite.sum())
    if not finite.size:
        counts = NumericSummary(
            count=present.size,
            nan=nan,
            positive_infinite=positive,
            negative_infinite=negative,
            negatives=negative,
        )
        return counts, present
    least, most = float(np.min(finite)) + 0.0, float(np.max(finite)) + 0.0
    mean, m2 = _moments(finite, total / finite.size)
    summary = NumericSummary(
        count=present.size,
        nan=nan,
        positive_infinite=positive,
        negative_infinite=negative,
        zeros=int(np.count_nonzero(finite == 0)) if least <= 0 <= most else 0,
        negatives=negative + (int(np.count_nonzero(finite < 0)) if least < 0 else 0),
        fractional=0 if whole else int(np.count_nonzero(finite != np.rint(finite))),
        minimum=least,
        maximum=most,
        mean=mean,
        m2=m2,
    )
    return summary, present


def _moments(finite: NDArray[np.float64], mean: float) -> tuple[float, float]:
    """Mean and sum of squared deviations from it; the latter infinite where squares overflow."""
    with np.errstate(over="ignore", invalid="ignore"):
        if not math.isfinite(mean):
            mean = float(np.sum(finite / finite.size))
        apart = finite - mean
        correction = float(apart.sum())  # what rounding the mean left over
        m2 = float(np.square(apart, out=apart).sum()) - correction * correction / finite.size
    if not math.isfinite(m2):
        return mean, math.inf
    return mean + correction / finite.size, max(m2, 0.0)
