"""One 64-bit hash of a string, the same on every machine, computed for many at once.

Multilinear hashing over the bytes (each byte times a fixed 64-bit factor of its position, summed modulo
2^64), then the finaliser of SplitMix64 (Steele, Lea and Flood 2014) so that all bits are good ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_GOLDEN = 0x9E3779B97F4A7C15


def mix(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64's finaliser: a bijection that leaves no bit in its place."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


def hash_bytes(data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Hash the strings `data[offsets[i]:offsets[i + 1]]`."""
    lengths = np.diff(offsets)
    if not lengths.size:
        return np.empty(0, np.uint64)
    used = data[offsets[0] : offsets[-1]]
    starts = offsets[:-1] - offsets[0]
    place = np.arange(used.size, dtype=np.int64) - np.repeat(starts, lengths)
    factors = mix((np.arange(int(lengths.max()), dtype=np.uint64) + np.uint64(1)) * np.uint64(_GOLDEN))
    terms = (used.astype(np.uint64) + np.uint64(1)) * (factors[place] | np.uint64(1))
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(terms, dtype=np.uint64)])
    ends = starts + lengths
    return mix(sums[ends] - sums[starts] + lengths.astype(np.uint64) * np.uint64(_GOLDEN))


def hash_texts(texts: list[bytes]) -> NDArray[np.uint64]:
    """Hash byte strings, the same as `hash_bytes`."""
    offsets = np.concatenate([[0], np.cumsum([len(text) for text in texts], dtype=np.int64)])
    return hash_bytes(np.frombuffer(b"".join(texts), np.uint8), offsets.astype(np.int64))
