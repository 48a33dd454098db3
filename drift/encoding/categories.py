"""A column of categories in a profile's file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from drift.categories import BUCKETS, CategorySummary
from drift.errors import ProfileError

if TYPE_CHECKING:
    from drift.encoding.arrays import Reader, Writer


def category_header(category: CategorySummary, arrays: Writer) -> dict[str, Any]:
    """Store the summary; returns its entry in the header."""
    if category.values is not None:
        ordered = sorted(category.values)
        counts = np.array([category.values[value] for value in ordered], np.int64)
        return {"values": ordered, "counts": arrays.add(counts)}
    if category.buckets is None or category.smallest is None:
        raise AssertionError("neither values nor buckets")
    return {
        "buckets": arrays.add(category.buckets),
        "smallest": arrays.add(np.diff(category.smallest, prepend=np.uint64(0)).astype(np.uint64)),
    }


def read_category(entry: dict[str, Any], arrays: Reader) -> CategorySummary:
    """Read what `category_header` stored."""
    if "values" in entry:
        counts = arrays.take(entry["counts"]).tolist()
        return CategorySummary(values=dict(zip(map(str, entry["values"]), counts, strict=True)))
    buckets = arrays.take(entry["buckets"]).astype(np.int64)
    if buckets.size != BUCKETS:
        raise ProfileError(f"the profile is damaged: {buckets.size} buckets instead of {BUCKETS}")
    smallest = np.cumsum(arrays.take(entry["smallest"]), dtype=np.uint64)
    return CategorySummary(values=None, buckets=buckets, smallest=smallest)
