"""A histogram of any float64 column: no bins to choose, bounded size, exact under merging.

Every float64 maps to a 64-bit key of the same order (flip the sign bit of a positive number, all bits of a
negative one). A bin is a prefix of that key. The histogram keeps as many leading bits as give at most
`MAX_BINS` occupied bins: all 64 for a column of few distinct values (the histogram is then the exact
distribution), fewer for a continuous one. Where values lie far from zero the prefix simply grows longer, so
timestamps or prices around a million are resolved as well as values around one.

Dropping a bit never raises the number of occupied bins, and more rows never lower it. The number of bits is
therefore a function of the set of rows, whatever the order in which they came or were merged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_BINS = 16_384
KEY_BITS = 64
_SIGN = np.uint64(1 << 63)
_ONE = np.uint64(1)
_DENSE_SLACK = 1 << 16


def order_keys(values: NDArray[np.float64]) -> NDArray[np.uint64]:
    """Keys in the order of the values; -0.0 and 0.0 share one. NaN has no place here."""
    bits = (values + 0.0).view(np.int64)  # + 0.0 turns -0.0 into 0.0
    keys = (bits >> 63).view(np.uint64)
    keys |= _SIGN
    keys ^= bits.view(np.uint64)
    return keys


def key_values(keys: NDArray[np.uint64]) -> NDArray[np.float64]:
    """The values of keys; a key beyond an infinity's is that infinity's."""
    positive = keys >= _SIGN
    bits = np.where(positive, keys ^ _SIGN, ~keys)
    values = bits.view(np.float64)
    return np.where(np.isnan(values), np.where(positive, np.inf, -np.inf), values)


@dataclass(frozen=True, slots=True, eq=False)
class KeyHistogram:
    """Counts by key prefix. `prefixes` rise strictly; `counts` are positive."""

    bits: int
    prefixes: NDArray[np.uint64]
    counts: NDArray[np.int64]

    @classmethod
    def empty(cls) -> KeyHistogram:
        """No values."""
        return cls(KEY_BITS, np.empty(0, np.uint64), np.empty(0, np.int64))

    @classmethod
    def of(cls, values: NDArray[np.float64], bits: int = KEY_BITS) -> KeyHistogram:
        """Count values (infinities welcome, NaN not), at no finer a resolution than `bits`."""
        if not values.size:
            return cls.empty()
        keys = order_keys(values)
        if bits < KEY_BITS:
            keys >>= np.uint64(KEY_BITS - bits)
        low = np.min(keys)
        span = int(np.max(keys) - low) + 1
        if span <= 4 * keys.size + _DENSE_SLACK:
            dense = np.bincount((keys - low).view(np.int64))
            occupied = np.flatnonzero(dense)
            prefixes, counts = occupied.astype(np.uint64) + low, dense[occupied]
        else:
            keys.sort()
            prefixes, counts = _runs(keys, None)
        return cls(bits, prefixes, counts.astype(np.int64)).fitted()

    def merge(self, other: KeyHistogram) -> KeyHistogram:
        """The histogram of both sides' values."""
        if not self.prefixes.size:
            return other
        if not other.prefixes.size:
            return self
        bits = min(self.bits, other.bits)
        return self.coarsened(bits).merge_prefixes(other.coarsened(bits)).fitted()

    def merge_prefixes(self, other: KeyHistogram) -> KeyHistogram:
        """The bins that either of two histograms of one resolution occupies, with both sides' counts."""
        prefixes = np.concatenate([self.prefixes, other.prefixes])
        if not prefixes.size:
            return self
        order = np.argsort(prefixes, kind="stable")
        counts = np.concatenate([self.counts, other.counts])
        return KeyHistogram(self.bits, *_runs(prefixes[order], counts[order]))

    def coarsened(self, bits: int) -> KeyHistogram:
        """The same at `bits` leading bits, which must not be more than it has."""
        if bits == self.bits:
            return self
        prefixes = self.prefixes >> np.uint64(self.bits - bits)
        return KeyHistogram(bits, *_runs(prefixes, self.counts))

    def fitted(self, most: int = MAX_BINS) -> KeyHistogram:
        """The same with as many bits as give at most `most` bins."""
        if self.prefixes.size <= most:
            return self
        fits, too_many = self.bits - 1, 0  # bits to drop: found by bisection, as occupancy only falls
        while fits - too_many > 1:
            middle = (fits + too_many) // 2
            shifted = self.prefixes >> np.uint64(middle)
            if 1 + np.count_nonzero(shifted[1:] != shifted[:-1]) > most:
                too_many = middle
            else:
                fits = middle
        return self.coarsened(self.bits - fits)

    @property
    def total(self) -> int:
        """How many values."""
        return int(self.counts.sum())

    @property
    def exact(self) -> bool:
        """Whether every bin is one value."""
        return self.bits == KEY_BITS

    def edges(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The least and the greatest float64 of each bin."""
        shift = np.uint64(KEY_BITS - self.bits)
        low = self.prefixes << shift
        return key_values(low), key_values(low | ((_ONE << shift) - _ONE))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, KeyHistogram)
            and self.bits == other.bits
            and np.array_equal(self.prefixes, other.prefixes)
            and np.array_equal(self.counts, other.counts)
        )

    __hash__ = None  # type: ignore[assignment]


def _runs(
    ordered: NDArray[np.uint64], weights: NDArray[np.int64] | None
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """The distinct values of an ordered array, and how often (or with what weight) each occurs."""
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    if weights is None:
        return ordered[starts], np.diff(np.append(starts, ordered.size))
    return ordered[starts], np.add.reduceat(weights, starts)
