"""What a profile keeps of a column of categories: every value's count, or a bounded summary that says so.

Up to `MAX_VALUES` distinct values the counts are exact. Beyond, each value is counted in one of `BUCKETS`
buckets by its hash. A bucket's count is exact and merges by addition, so this too is the same for any split
and order. Merging categories can only bring two distributions closer: distances between bucket counts are
lower bounds of the distances between the values (the data processing inequality), and a test on buckets
keeps its false-alarm rate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from drift.distinct import distinct
from drift.hashing import hash_texts
from drift.histogram import KEY_BITS, KeyHistogram

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

MAX_VALUES = 10_000
BUCKETS = 4096
SMALLEST_HASHES = 1024
_Z = 1.96
_BUCKET_SHIFT = np.uint64(64 - 12)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CategorySummary:
    """Counts by value while there are at most `MAX_VALUES`, by bucket beyond.

    `smallest` holds the least hashes of distinct values: from their spacing follows the number of distinct
    values (the k-minimum-values estimate, Bar-Yossef and others 2002; about 3 % off at 1,024 hashes).
    """

    values: Mapping[str, int] | None = field(default_factory=dict)
    buckets: NDArray[np.int64] | None = None
    smallest: NDArray[np.uint64] | None = None

    @classmethod
    def of(cls, counts: Mapping[str, int]) -> CategorySummary:
        """Exact counts while they are few, else buckets."""
        if len(counts) <= MAX_VALUES:
            return cls(values=counts)
        hashes = hash_texts([value.encode("utf-8", "surrogatepass") for value in counts])
        return cls.of_hashes(hashes, np.fromiter(counts.values(), np.int64, len(counts)))

    @classmethod
    def of_hashes(cls, hashes: NDArray[np.uint64], counts: NDArray[np.int64]) -> CategorySummary:
        """The bounded summary of values known by their hashes; the values are more than `MAX_VALUES`."""
        where = (hashes >> _BUCKET_SHIFT).view(np.int64)
        buckets = np.bincount(where, weights=counts, minlength=BUCKETS).astype(np.int64)
        return cls(values=None, buckets=buckets, smallest=least_hashes(hashes))

    def merge(self, other: CategorySummary) -> CategorySummary:
        """The summary of both sides' values."""
        if self.values is not None and other.values is not None:
            merged = dict(self.values)
            for value, count in other.values.items():
                merged[value] = merged.get(value, 0) + count
            return CategorySummary.of(merged)
        left, right = self.bucketed(), other.bucketed()
        if left.buckets is None or right.buckets is None or left.smallest is None or right.smallest is None:
            raise AssertionError("bucketed() without buckets")
        return CategorySummary(
            values=None,
            buckets=left.buckets + right.buckets,
            smallest=least_hashes(np.concatenate([left.smallest, right.smallest])),
        )

    def bucketed(self) -> CategorySummary:
        """The same as buckets, to be compared with another that has no more."""
        if self.values is None:
            return self
        hashes = hash_texts([value.encode("utf-8", "surrogatepass") for value in self.values])
        counts = np.fromiter(self.values.values(), np.int64, len(self.values))
        return CategorySummary.of_hashes(hashes, counts)

    @property
    def exact(self) -> bool:
        """Whether every value has its own count."""
        return self.values is not None

    @property
    def count(self) -> int:
        """How many values, repeated ones included."""
        if self.values is not None:
            return sum(self.values.values())
        return int(self.buckets.sum()) if self.buckets is not None else 0

    @property
    def distinct(self) -> int:
        """How many different values: exact, or estimated where `exact` is false."""
        if self.values is not None:
            return len(self.values)
        if self.smallest is None or self.smallest.size < SMALLEST_HASHES:
            return 0 if self.smallest is None else int(self.smallest.size)
        return round((SMALLEST_HASHES - 1) * 2.0**64 / max(float(self.smallest[-1]), 1.0))

    @property
    def distinct_bounds(self) -> tuple[int, int]:
        """How many different values at least and at most, at 95 %; both are `distinct` where that is exact.

        Of n different values the k-th least of their hashes, as a share of all hashes, times n has nearly a
        Gamma(k) distribution; its quantiles after Wilson and Hilferty (1931).
        """
        if self.values is not None or self.smallest is None or self.smallest.size < SMALLEST_HASHES:
            return self.distinct, self.distinct
        share = max(float(self.smallest[-1]), 1.0) / 2.0**64
        k = SMALLEST_HASHES
        low, high = (k * (1 - 1 / (9 * k) + z / (3 * math.sqrt(k))) ** 3 / share for z in (-_Z, _Z))
        return max(math.floor(low), MAX_VALUES + 1), math.ceil(high)

    def key_histogram(self) -> KeyHistogram:
        """Counts by hash: of each value, or by bucket."""
        if self.values is not None:
            hashes = hash_texts([value.encode("utf-8", "surrogatepass") for value in self.values])
            order = np.argsort(hashes)
            counts = np.fromiter(self.values.values(), np.int64, len(self.values))
            return KeyHistogram(KEY_BITS, hashes[order], counts[order])
        if self.buckets is None:
            return KeyHistogram.empty()
        used = np.flatnonzero(self.buckets)
        return KeyHistogram(KEY_BITS - int(_BUCKET_SHIFT), used.astype(np.uint64), self.buckets[used])

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, CategorySummary)
            and self.values == other.values
            and _same(self.buckets, other.buckets)
            and _same(self.smallest, other.smallest)
        )

    __hash__ = None  # type: ignore[assignment]


def least_hashes(hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The `SMALLEST_HASHES` least different ones, in order."""
    if hashes.size > 4 * SMALLEST_HASHES:
        # Duplicates are few here; twice the wanted number leaves room for them, else all are sorted.
        few = distinct(np.partition(hashes, 2 * SMALLEST_HASHES)[: 2 * SMALLEST_HASHES])
        if few.size >= SMALLEST_HASHES:
            return few[:SMALLEST_HASHES]
    return distinct(hashes)[:SMALLEST_HASHES]


def _same(left: NDArray[np.generic] | None, right: NDArray[np.generic] | None) -> bool:
    if left is None or right is None:
        return left is right
    return np.array_equal(left, right)
