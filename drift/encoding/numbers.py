"""A column of numbers in a profile's file."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

from drift.errors import ProfileError
from drift.histogram import KEY_BITS, MAX_BINS, KeyHistogram
from drift.numeric import NumericSummary

if TYPE_CHECKING:
    from drift.encoding.arrays import Reader, Writer


def numeric_header(numeric: NumericSummary, arrays: Writer) -> dict[str, Any]:
    """Store the summary; returns its entry in the header."""
    entry: dict[str, Any] = {
        field.name: _number_out(getattr(numeric, field.name))
        for field in fields(numeric)
        if field.name != "histogram"
    }
    entry["histogram"] = histogram_header(numeric.histogram, arrays)
    return entry


def read_numeric(entry: dict[str, Any], arrays: Reader) -> NumericSummary:
    """Read what `numeric_header` stored."""
    histogram = read_histogram(entry["histogram"], arrays)
    numbers = {name: _number_in(value) for name, value in entry.items() if name != "histogram"}
    return NumericSummary(**numbers, histogram=histogram)


def histogram_header(histogram: KeyHistogram, arrays: Writer) -> dict[str, Any]:
    """Store a histogram; returns its entry in the header."""
    steps = np.diff(histogram.prefixes, prepend=np.uint64(0)).astype(np.uint64)
    return {
        "bits": histogram.bits,
        "most": histogram.most,
        "prefixes": arrays.add(steps),
        "counts": arrays.add(histogram.counts),
    }


def read_histogram(shape: dict[str, Any], arrays: Reader) -> KeyHistogram:
    """Read what `histogram_header` stored."""
    bits, most = int(shape["bits"]), int(shape["most"])
    prefixes = np.cumsum(arrays.take(shape["prefixes"]), dtype=np.uint64)
    counts = arrays.take(shape["counts"]).astype(np.int64)
    rising = bool((prefixes[1:] > prefixes[:-1]).all())
    fits = 0 < bits <= KEY_BITS and prefixes.size == counts.size <= min(most, MAX_BINS)
    if not fits or not rising or (counts < 1).any():
        raise ProfileError("the profile is damaged: a histogram that cannot be")
    return KeyHistogram(bits, prefixes, counts, most)


def _number_out(value: float | None) -> float | int | str | None:
    # JSON has no infinities and floats as text must come back bit by bit: hexadecimal does both.
    return value.hex() if isinstance(value, float) else value


def _number_in(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    number = float.fromhex(value)
    return number if math.isfinite(number) else float(number)
