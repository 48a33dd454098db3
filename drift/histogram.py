"""A histogram of any float64 column: no bins to choose, bounded size, exact under merging.

Every float64 maps to a 64-bit key of the same order (flip the sign bit of a positive number, all bits of a
negative one). A bin is a prefix of that key. A column of at most `EXACT` different values keeps all 64 bits:
the histogram is the exact distribution. Beyond, it keeps as many leading bits as give at most `most` occupied
bins, the first and the last of them less than `MAX_SPAN` apart. Where values lie far from zero the prefix
simply grows longer, so timestamps or prices around a million are resolved as well as values around one.

Dropping a bit never raises the number of occupied bins or their span, and more rows never lower them. The
number of bits is therefore a function of the set of rows, whatever the order in which they came or were
merged.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

KEY_BITS = 64
EXACT = 16_384
"""Up to that many different values each has a bin of its own."""
MAX_BINS = 110_000
"""A million rows of a usual continuous distribution then put at most some 5e-5 of their mass into a bin."""
MAX_SPAN = 1 << 25
_SIGN = np.uint64(1 << 63)
_ONE = np.uint64(1)


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
    """Counts by key prefix. `prefixes` rise strictly; `counts` are positive. At most `most` bins."""

    bits: int
    prefixes: NDArray[np.uint64]
    counts: NDArray[np.int64]
    most: int = MAX_BINS

    @classmethod
    def empty(cls, most: int = MAX_BINS) -> KeyHistogram:
        """No values."""
        return cls(KEY_BITS, np.empty(0, np.uint64), np.empty(0, np.int64), most)

    @classmethod
    def of(cls, values: NDArray[np.float64], bits: int = KEY_BITS, most: int = MAX_BINS) -> KeyHistogram:
        """Count values (infinities welcome, NaN not), at no finer a resolution than `bits`."""
        return cls.of_keys(order_keys(values), bits, most)

    @classmethod
    def of_keys(cls, keys: NDArray[np.uint64], bits: int = KEY_BITS, most: int = MAX_BINS) -> KeyHistogram:
        """Count the values of these keys, which are sorted in their place."""
        if not keys.size:
            return cls.empty(most)
        if bits < KEY_BITS:
            keys >>= np.uint64(KEY_BITS - bits)
        keys.sort()
        drop = _bits_to_drop(keys, bits, most)
        if drop:
            keys >>= np.uint64(drop)
        return cls(bits - drop, *_runs(keys, None), most)

    def merge(self, other: KeyHistogram) -> KeyHistogram:
        """The histogram of both sides' values."""
        most = min(self.most, other.most)
        if not self.prefixes.size or not other.prefixes.size:
            return replace(self if self.prefixes.size else other, most=most).fitted()
        bits = min(self.bits, other.bits)
        return replace(self.coarsened(bits).merge_prefixes(other.coarsened(bits)), most=most).fitted()

    def merge_prefixes(self, other: KeyHistogram) -> KeyHistogram:
        """The bins that either of two histograms of one resolution occupies, with both sides' counts."""
        prefixes = np.concatenate([self.prefixes, other.prefixes])
        if not prefixes.size:
            return self
        order = np.argsort(prefixes, kind="stable")
        counts = np.concatenate([self.counts, other.counts])
        return KeyHistogram(self.bits, *_runs(prefixes[order], counts[order]), self.most)

    def coarsened(self, bits: int) -> KeyHistogram:
        """The same at `bits` leading bits, which must not be more than it has."""
        if bits == self.bits:
            return self
        if not self.prefixes.size:
            return KeyHistogram(bits, self.prefixes, self.counts, self.most)
        prefixes = self.prefixes >> np.uint64(self.bits - bits)
        return KeyHistogram(bits, *_runs(prefixes, self.counts), self.most)

    def fitted(self) -> KeyHistogram:
        """The same within its limits."""
        return self.coarsened(self.bits - _bits_to_drop(self.prefixes, self.bits, self.most))

    def with_most(self, most: int) -> KeyHistogram:
        """The same with as many bits as give at most `most` bins."""
        return self.coarsened(self.bits - _first_drop(self.prefixes, self.bits, most, 0))

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
            and (self.bits, self.most) == (other.bits, other.most)
            and np.array_equal(self.prefixes, other.prefixes)
            and np.array_equal(self.counts, other.counts)
        )

    __hash__ = None  # type: ignore[assignment]


def _bits_to_drop(prefixes: NDArray[np.uint64], bits: int, most: int) -> int:
    """How many of these prefixes' bits must go; they are in order and may repeat."""
    if bits < KEY_BITS:
        return _first_drop(prefixes, bits, most, 0)
    if _fits(prefixes, 0, min(EXACT, most)):
        return 0
    return _first_drop(prefixes, bits, most, 1)


def _first_drop(prefixes: NDArray[np.uint64], bits: int, most: int, least: int) -> int:
    """The least number of bits, `least` or more, without which the prefixes are within the limits."""

    def fits(drop: int) -> bool:
        near = bits == KEY_BITS and not drop
        return (near or _span(prefixes, drop) < MAX_SPAN) and _fits(prefixes, drop, most)

    if fits(least):
        return least
    enough, too_few = bits - 1, least  # found by bisection, as span and occupancy only fall
    while enough - too_few > 1:
        middle = (enough + too_few) // 2
        if fits(middle):
            enough = middle
        else:
            too_few = middle
    return enough


def _span(prefixes: NDArray[np.uint64], drop: int) -> int:
    shift = np.uint64(drop)
    return int(prefixes[-1] >> shift) - int(prefixes[0] >> shift) if prefixes.size else 0


def _fits(prefixes: NDArray[np.uint64], drop: int, most: int) -> bool:
    """Whether at most so many different ones are left."""
    if prefixes.size <= most:
        return True
    shifted = prefixes >> np.uint64(drop)
    return 1 + int(np.count_nonzero(shifted[1:] != shifted[:-1])) <= most


def _runs(
    ordered: NDArray[np.uint64], weights: NDArray[np.int64] | None
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """The distinct values of an ordered array, and how often (or with what weight) each occurs."""
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    if weights is None:
        return ordered[starts], np.diff(np.append(starts, ordered.size))
    return ordered[starts], np.add.reduceat(weights, starts)
