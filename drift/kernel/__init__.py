"""The inner loops of a profile, compiled.

`make setup` compiles the C files beside this one where there is a C compiler. Without them everything is done
in numpy, with the same counts (`tests/unit/drift/test_kernel.py`), some four times slower. The functions hold
no lock while they run, so that the next rows are read meanwhile.
"""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_double, c_int32, c_int64, c_uint64, c_void_p
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from drift.errors import ProfileError

if TYPE_CHECKING:
    from numpy.typing import NDArray

LIBRARY = Path(__file__).with_name("kernel.so")
VERSION = 2
"""`KERNEL_VERSION` of the C files: a library of another one is left alone."""
TOO_LONG, FULL, DAMAGED = 1, 2, 3
LONGEST_TEXT = 128
"""Bytes of a text that the compiled functions count; `LONGEST` of the C files."""


class Validity(NamedTuple):
    """An Arrow validity bitmap, and which of its bits is the first row's."""

    bits: NDArray[np.uint8]
    first: int

    def rows(self, size: int) -> NDArray[np.bool_]:
        """Which of so many rows are valid."""
        unpacked = np.unpackbits(self.bits, count=self.first + size, bitorder="little")
        return unpacked[self.first :].view(np.bool_)


class Numbers(ctypes.Structure):
    """What `count_numbers` finds; the fields of `drift.numeric.NumericSummary` but the histogram."""

    _fields_ = (
        ("count", c_int64),
        ("nan", c_int64),
        ("positive_infinite", c_int64),
        ("negative_infinite", c_int64),
        ("zeros", c_int64),
        ("negatives", c_int64),
        ("fractional", c_int64),
        ("minimum", c_double),
        ("maximum", c_double),
        ("mean", c_double),
        ("m2", c_double),
    )


class Bins(ctypes.Structure):
    """A `drift.bin_table.BinTable`. `counted` grows by what is counted, `fresh` by cells that were empty."""

    _fields_ = (
        ("shift", c_int32),
        ("place_bits", c_int32),
        ("first", c_uint64),
        ("begin", c_void_p),
        ("slots", c_int64),
        ("counts", c_void_p),
        ("counted", c_int64),
        ("fresh", c_int64),
    )


class Texts(ctypes.Structure):
    """An Arrow array of texts; `weights` say how often each counts."""

    _fields_ = (
        ("data", c_void_p),
        ("data_size", c_int64),
        ("offsets", c_void_p),
        ("wide", c_int32),
        ("valid", c_void_p),
        ("first", c_int64),
        ("rows", c_int64),
        ("weights", c_void_p),
    )


class TextTable(ctypes.Structure):
    """Counts by text. A room is free where its count is 0."""

    _fields_ = (
        ("hashes", c_void_p),
        ("counts", c_void_p),
        ("spans", c_void_p),
        ("bits", c_int32),
        ("used", c_int64),
        ("most", c_int64),
        ("arena", c_void_p),
        ("arena_used", c_int64),
        ("arena_size", c_int64),
    )


class TextBuckets(ctypes.Structure):
    """Counts by hash, length and pattern, and the hashes up to `limit`."""

    _fields_ = (
        ("buckets", c_void_p),
        ("lengths", c_void_p),
        ("patterns", c_void_p),
        ("classes", c_void_p),
        ("smallest", c_void_p),
        ("limit", c_uint64),
        ("used", c_int64),
        ("most", c_int64),
    )


_ARGUMENTS = {
    "count_numbers": (
        c_void_p,
        c_void_p,
        c_int64,
        c_int64,
        c_int32,
        POINTER(Numbers),
        POINTER(Bins),
        c_void_p,
    ),
    "count_bins": (c_void_p, c_int64, POINTER(Bins)),
    "bits_too_many": (c_void_p, c_int64, c_int32, c_uint64, c_void_p, c_int64, c_int64),
    "count_distinct": (c_void_p, c_void_p, c_int64, c_void_p, c_void_p, c_int32, c_int64, POINTER(c_int64)),
    "count_places": (c_void_p, c_void_p, c_int64, c_int64, c_void_p, c_int64),
    "count_texts": (POINTER(Texts), c_int64, POINTER(TextTable), POINTER(c_int32)),
    "count_hashes": (POINTER(Texts), c_int64, POINTER(TextBuckets), POINTER(c_int32)),
}


class Kernel:
    """The compiled functions. Arrays are contiguous; what a function counts into is changed in its place."""

    def __init__(self, library: ctypes.CDLL) -> None:
        for name, arguments in _ARGUMENTS.items():
            function = getattr(library, name)
            function.argtypes = arguments
            function.restype = c_int64
        self._library = library

    def numbers(
        self, values: NDArray[np.float64], valid: Validity | None, table: Bins | None, *, whole: bool
    ) -> tuple[Numbers, NDArray[np.uint64]]:
        """Counts, extremes and moments of the valid values.

        And their keys, without those of NaN and those that `table` has counted.
        """
        found, keys = Numbers(), np.empty(values.size, np.uint64)
        used = self._library.count_numbers(
            address(values), *_valid(valid, values.size), values.size, whole, found, table, address(keys)
        )
        return found, keys[:used]

    def bins(self, keys: NDArray[np.uint64], table: Bins) -> NDArray[np.uint64]:
        """Count keys whose slot there is; the others, in the same array."""
        return keys[: self._library.count_bins(address(keys), keys.size, table)]

    def bits_too_many(self, keys: NDArray[np.uint64], shift: int, least: int, room: int, most: int) -> int:
        """How many bits must go, besides `shift`, until the keys occupy at most so many bins.

        `room` is a power of two; without `shift` bits the keys are `least` and more, and span less than half
        of it.
        """
        bitmap = np.zeros(room >> 6, np.uint64)
        base = least & -(room >> 1)
        dropped: int = self._library.bits_too_many(
            address(keys), keys.size, shift, base, address(bitmap), bitmap.size, most
        )
        return dropped

    def distinct(
        self,
        keys: NDArray[np.uint64],
        weights: NDArray[np.int64] | None,
        rooms: NDArray[np.uint64],
        counts: NDArray[np.int64],
        used: c_int64,
        most: int,
    ) -> int:
        """Count keys in a hash table of as many rooms as a power of two; how many were, from the first on."""
        bits = rooms.size.bit_length() - 1
        heavy = None if weights is None else address(weights)
        done: int = self._library.count_distinct(
            address(keys), heavy, keys.size, address(rooms), address(counts), bits, most, used
        )
        return done

    def places(self, places: NDArray[np.int32], valid: Validity | None, counts: NDArray[np.int64]) -> None:
        """Count places in a dictionary, of valid rows.

        Raises:
            ProfileError: one of them is none of the dictionary's.
        """
        if self._library.count_places(
            address(places), *_valid(valid, places.size), places.size, address(counts), counts.size
        ):
            raise ProfileError(f"a dictionary of {counts.size} values is used beyond its end: damaged data")

    def texts(self, texts: Texts, start: int, table: TextTable) -> tuple[int, int]:
        """Count texts from `start` on; where it stopped, and why (0, `TOO_LONG`, `FULL`).

        Raises:
            ProfileError: a text is not where its buffer is.
        """
        stop = c_int32()
        return _undamaged(self._library.count_texts(texts, start, table, stop), stop.value)

    def hashes(self, texts: Texts, start: int, into: TextBuckets) -> tuple[int, int]:
        """The same into buckets."""
        stop = c_int32()
        return _undamaged(self._library.count_hashes(texts, start, into, stop), stop.value)


@cache
def load() -> Kernel | None:
    """The compiled functions; None where there are none, or of another version."""
    try:
        library = ctypes.CDLL(str(LIBRARY))
        return Kernel(library) if library.kernel_version() == VERSION else None
    except (OSError, AttributeError):
        return None


def address(array: NDArray[np.generic]) -> int:
    """Where an array's values begin."""
    where: int = array.__array_interface__["data"][0]
    return where


def _valid(valid: Validity | None, rows: int) -> tuple[int | None, int]:
    if valid is None:
        return None, 0
    if valid.bits.size * 8 < valid.first + rows:
        raise ProfileError(f"{rows} rows have a validity of {valid.bits.size} bytes: damaged data")
    return address(valid.bits), valid.first


def _undamaged(row: int, stop: int) -> tuple[int, int]:
    if stop == DAMAGED:
        raise ProfileError(f"the text in row {row} of a batch lies outside its buffer: damaged data")
    return row, stop
