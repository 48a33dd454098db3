"""One 64-bit hash of a string, the same on every machine, computed for many at once.

Multilinear hashing over words of eight bytes (each word, little-endian and filled up with zeros, times a
fixed odd 64-bit factor of its position, folded and summed modulo 2^64, with the length), then the finaliser
of SplitMix64 (Steele, Lea and Flood 2014) so that all bits are good ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_GOLDEN = 0x9E3779B97F4A7C15
_WORD = 8
_HALF = np.uint64(32)


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
    used = np.concatenate([data[offsets[0] : offsets[-1]], np.zeros(_WORD, np.uint8)])
    words = np.ndarray(used.size - _WORD + 1, "<u8", used.data, strides=(1,))  # one begins at each byte
    starts = offsets[:-1] - offsets[0]
    sums = mix(lengths.astype(np.uint64) * np.uint64(_GOLDEN))
    longest = int(np.max(lengths))
    factors = mix((np.arange(longest // _WORD + 1, dtype=np.uint64) + np.uint64(1)) * np.uint64(_GOLDEN))
    some: NDArray[np.int64] | slice = slice(None)
    for place, factor in enumerate(factors.tolist()):
        left = lengths[some] - place * _WORD
        if not (left > 0).all():
            some = np.flatnonzero(lengths > place * _WORD)
            left = lengths[some] - place * _WORD
            if not some.size:
                break
        sums[some] += _folded(_filled(words[starts[some] + place * _WORD], left), np.uint64(factor | 1))
    return mix(sums)


def _filled(words: NDArray[np.uint64], left: NDArray[np.int64]) -> NDArray[np.uint64]:
    """The words, with zeros for the bytes that are not the string's any more."""
    cut = np.minimum(left, _WORD).astype(np.uint64) * np.uint64(8)
    mask = np.where(cut >= 64, ~np.uint64(0), (np.uint64(1) << (cut & np.uint64(63))) - np.uint64(1))
    return words.astype(np.uint64) & mask


def _folded(words: NDArray[np.uint64], factor: np.uint64) -> NDArray[np.uint64]:
    # A product alone leaves the low bits of the word's low end: both halves must count.
    product = (words ^ (words >> _HALF)) * factor
    return product ^ (product >> _HALF)


def hash_texts(texts: list[bytes]) -> NDArray[np.uint64]:
    """Hash byte strings, the same as `hash_bytes`."""
    offsets = np.concatenate([[0], np.cumsum([len(text) for text in texts], dtype=np.int64)])
    return hash_bytes(np.frombuffer(b"".join(texts), np.uint8), offsets.astype(np.int64))
