"""What a profile keeps of texts besides their counts: their lengths, and what characters they have."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from drift.distinct import distinct
from drift.histogram import KeyHistogram, order_keys

if TYPE_CHECKING:
    from numpy.typing import NDArray

CLASSES = ("lower case", "upper case", "digits", "spaces", "marks", "other symbols", "beyond ASCII")
"""What a byte can be, one bit each: marks are those of numbers, dates, names and addresses, `-_./:,@+`."""
PATTERNS = 1 << len(CLASSES)
_MARKS = b"-_./:,@+"


def _classes() -> NDArray[np.uint8]:
    codes = np.arange(256)
    table = np.full(256, 1 << 5, np.uint8)
    table[(codes >= ord("a")) & (codes <= ord("z"))] = 1 << 0
    table[(codes >= ord("A")) & (codes <= ord("Z"))] = 1 << 1
    table[(codes >= ord("0")) & (codes <= ord("9"))] = 1 << 2
    table[[ord(" "), *range(9, 14)]] = 1 << 3
    table[list(_MARKS)] = 1 << 4
    table[codes >= 128] = 1 << 6
    return table


CLASS_OF = _classes()


@dataclass(frozen=True, slots=True, eq=False)
class TextSummary:
    """Lengths in bytes of UTF-8, and counts by pattern: which of `CLASSES` a text has at least one of."""

    lengths: KeyHistogram = field(default_factory=KeyHistogram.empty)
    patterns: NDArray[np.int64] = field(default_factory=lambda: np.zeros(PATTERNS, np.int64))

    @classmethod
    def of(
        cls, data: NDArray[np.uint8], offsets: NDArray[np.int64], counts: NDArray[np.int64]
    ) -> TextSummary:
        """Summarise the texts `data[offsets[i]:offsets[i + 1]]`, each of which occurs `counts[i]` times."""
        sizes = np.diff(offsets)
        if not sizes.size:
            return cls()
        patterns = np.zeros(sizes.size, np.uint8)
        some = np.flatnonzero(sizes)
        if some.size:
            used = CLASS_OF[data[offsets[0] : offsets[-1]]]
            patterns[some] = np.bitwise_or.reduceat(used, offsets[:-1][some] - offsets[0])
        lengths = distinct(sizes)
        weights = np.bincount(np.searchsorted(lengths, sizes), counts).astype(np.int64)
        met = weights > 0
        return cls(
            KeyHistogram(64, order_keys(lengths[met].astype(np.float64)), weights[met]).fitted(),
            np.bincount(patterns, counts, PATTERNS).astype(np.int64),
        )

    def merge(self, other: TextSummary) -> TextSummary:
        """The summary of both sides' texts."""
        return TextSummary(self.lengths.merge(other.lengths), self.patterns + other.patterns)

    @property
    def longest(self) -> int:
        """The greatest length; 0 without texts."""
        return int(self.lengths.edges()[1][-1]) if self.lengths.prefixes.size else 0

    def named_patterns(self) -> dict[str, int]:
        """Counts by pattern in words, the most frequent first."""
        order = np.argsort(-self.patterns, kind="stable")
        return {
            pattern_name(int(pattern)): int(self.patterns[pattern])
            for pattern in order
            if self.patterns[pattern]
        }

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, TextSummary)
            and self.lengths == other.lengths
            and np.array_equal(self.patterns, other.patterns)
        )

    __hash__ = None  # type: ignore[assignment]


def pattern_name(pattern: int) -> str:
    """The pattern in words, for instance `lower case and digits`."""
    met = [name for bit, name in enumerate(CLASSES) if pattern >> bit & 1]
    if not met:
        return "empty"
    return met[0] if len(met) == 1 else f"{', '.join(met[:-1])} and {met[-1]}"
