"""From Arrow arrays to what the summaries take: float64 values, or counts of texts.

Numbers are read from Arrow's buffers. `to_numpy` would import pandas wherever it is merely installed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import pyarrow as pa

from drift.categories import MAX_VALUES, CategorySummary
from drift.hashing import hash_bytes, hash_texts
from drift.kernel import LONGEST_TEXT, Validity
from drift.text import TextSummary

if TYPE_CHECKING:
    from numpy.typing import NDArray

Kind = Literal["empty", "number", "time", "category", "skipped"]

MAX_TEXT = LONGEST_TEXT
"""A longer text is kept as its beginning and its hash."""
_UNITS = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}


def kind_of(type_: pa.DataType) -> Kind:
    """How values of an Arrow type are profiled."""
    if pa.types.is_dictionary(type_) or pa.types.is_run_end_encoded(type_):
        return kind_of(type_.value_type)
    if pa.types.is_null(type_):
        return "empty"
    if pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_decimal(type_):
        return "number"
    if pa.types.is_duration(type_):
        return "number"
    if pa.types.is_timestamp(type_) or pa.types.is_date(type_) or pa.types.is_time(type_):
        return "time"
    if pa.types.is_boolean(type_) or is_text(type_):
        return "category"
    return "skipped"


def is_text(type_: pa.DataType) -> bool:
    """Whether it is one of Arrow's string types."""
    return bool(
        pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_string_view(type_)
    )


def plain_type(type_: pa.DataType) -> pa.DataType:
    """The type of the values, whatever their encoding."""
    if pa.types.is_dictionary(type_) or pa.types.is_run_end_encoded(type_):
        return plain_type(type_.value_type)
    return type_


def without_runs(array: pa.Array) -> pa.Array:
    """An array that is not run-end encoded."""
    if not pa.types.is_run_end_encoded(array.type):
        return array
    import pyarrow.compute as pc  # it takes 40 ms, and few columns need it

    return pc.run_end_decode(array)


def floats(array: pa.Array) -> NDArray[np.float64]:
    """The non-null values as float64.

    Integers are exact up to 2^53. Times are seconds since 1970 UTC (times of day: since midnight), durations
    seconds.
    """
    type_ = array.type
    if pa.types.is_dictionary(type_):
        return floats(array.dictionary_decode())
    if pa.types.is_run_end_encoded(type_):
        return floats(without_runs(array))
    values = float_rows(array)
    return values[valid_rows(array)] if array.null_count else values


def validity(array: pa.Array) -> Validity | None:
    """Which rows of an array have a value; None where all have."""
    if not array.null_count:
        return None
    bits = array.buffers()[0]
    if bits is None:  # a union, or nulls of the null type
        valid = array.is_valid()
        return Validity(np.frombuffer(valid.buffers()[1], np.uint8), valid.offset)
    return Validity(np.frombuffer(bits, np.uint8), array.offset)


def valid_rows(array: pa.Array) -> NDArray[np.bool_]:
    """Where an array has a value."""
    valid = validity(array)
    return np.ones(len(array), np.bool_) if valid is None else valid.rows(len(array))


def float_rows(array: pa.Array) -> NDArray[np.float64]:
    """All rows of a plain array, in the units of `floats`; where one is null the value means nothing."""
    type_ = array.type
    if pa.types.is_decimal(type_):
        return _buffer(array.cast(pa.float64(), safe=False), np.dtype(np.float64))
    if pa.types.is_date32(type_):
        return _buffer(array, np.dtype(np.int32)).astype(np.float64) * 86_400.0
    if pa.types.is_date64(type_):
        return _buffer(array, np.dtype(np.int64)) / 1e3
    if pa.types.is_time32(type_):
        return _buffer(array, np.dtype(np.int32)) / _UNITS[type_.unit]
    if pa.types.is_timestamp(type_) or pa.types.is_time64(type_) or pa.types.is_duration(type_):
        return _buffer(array, np.dtype(np.int64)) / _UNITS[type_.unit]
    width = type_.bit_width // 8
    letter = "f" if pa.types.is_floating(type_) else "i" if pa.types.is_signed_integer(type_) else "u"
    return _buffer(array, np.dtype(f"{letter}{width}")).astype(np.float64, copy=False)


def booleans(array: pa.Array) -> tuple[CategorySummary, int]:
    """Counts of `true` and `false`, and how many were null."""
    true, valid = array.true_count, len(array) - array.null_count
    pairs = {"false": valid - true, "true": true}
    return CategorySummary.of({value: n for value, n in pairs.items() if n}), array.null_count


def index_of(array: pa.DictionaryArray) -> NDArray[np.int64]:
    """Each non-null value's place in the dictionary."""
    valid = array.indices.drop_null() if array.indices.null_count else array.indices
    index = _buffer(valid, np.dtype(valid.type.to_pandas_dtype()))
    return index.astype(np.int64, copy=False)


def places_of(array: pa.DictionaryArray) -> NDArray[np.int32]:
    """Each row's place in the dictionary; that of a null means nothing."""
    indices = array.indices
    if not pa.types.is_int32(indices.type):
        indices = indices.cast(pa.int32())
    return _buffer(indices, np.dtype(np.int32))  # type: ignore[return-value]


def dictionary_counts(values: pa.Array, counts: NDArray[np.int64]) -> tuple[CategorySummary, int]:
    """Counts by value of a dictionary and its values' counts, and how many were null."""
    used = np.flatnonzero(counts)
    counts = counts[used]
    if used.size != len(values):
        values = values.take(pa.array(used))
    if pa.types.is_boolean(values.type):
        values = values.cast(pa.string())
    nulls = 0
    if values.null_count:  # a dictionary may hold null as a value
        present = np.array([scalar.is_valid for scalar in values])
        nulls = int(counts[~present].sum())
        values, counts = values.drop_null(), counts[present]
    values = values.cast(pa.large_string()).cast(pa.large_binary())
    if len(values) > MAX_VALUES and _longest(values) <= MAX_TEXT:
        hashes = _hashes(values)
        if np.unique(hashes).size > MAX_VALUES:  # a dictionary may repeat values
            return CategorySummary.of_hashes(hashes, counts), nulls
    total: dict[str, int] = {}
    for raw, count in zip(values.to_pylist(), counts.tolist(), strict=True):
        text = _text(raw)
        total[text] = total.get(text, 0) + count
    return CategorySummary.of(total), nulls


def dictionary_texts(values: pa.Array, counts: NDArray[np.int64]) -> TextSummary:
    """Lengths and patterns of a dictionary's texts and their counts; nulls among them are left out."""
    if values.null_count:
        present = valid_rows(values)
        values, counts = values.drop_null(), counts[present]
    values = values.cast(pa.large_string()).cast(pa.large_binary())
    data = values.buffers()[2]
    return TextSummary.of(
        np.frombuffer(data, np.uint8) if data else np.empty(0, np.uint8), _offsets(values), counts
    )


def category_keys(array: pa.DictionaryArray) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """Each non-null value's place in the dictionary, and the hash of each of the dictionary's values."""
    index, values = index_of(array), array.dictionary
    if pa.types.is_boolean(values.type):
        values = values.cast(pa.string())
    values = values.cast(pa.large_string()).fill_null("").cast(pa.large_binary())
    if _longest(values) > MAX_TEXT:
        return index, hash_texts([_text(raw).encode() for raw in values.to_pylist()])
    return index, _hashes(values)


def _hashes(values: pa.Array) -> NDArray[np.uint64]:
    data = values.buffers()[2]
    return hash_bytes(np.frombuffer(data, np.uint8) if data else np.empty(0, np.uint8), _offsets(values))


def _longest(values: pa.Array) -> int:
    """Bytes of the longest of large binaries without nulls; 0 where there are none."""
    return int(np.max(np.diff(_offsets(values)))) if len(values) else 0


def _offsets(values: pa.Array) -> NDArray[np.int64]:
    return np.frombuffer(values.buffers()[1], np.int64, len(values) + 1, values.offset * 8)


def _text(raw: bytes) -> str:
    text = raw.decode("utf-8", "replace")
    if len(raw) <= MAX_TEXT:
        return text
    offsets = np.array([0, len(raw)], np.int64)
    return f"{text[: MAX_TEXT // 2]}…{int(hash_bytes(np.frombuffer(raw, np.uint8), offsets)[0]):016x}"


def _buffer(array: pa.Array, dtype: np.dtype[np.generic]) -> NDArray[np.float64]:
    # Declared as floats for the callers' arithmetic; integers are what they are until they divide.
    if not len(array):
        return np.empty(0, dtype)
    values: NDArray[np.float64] = np.frombuffer(
        array.buffers()[1], dtype, len(array), array.offset * dtype.itemsize
    )
    return values
