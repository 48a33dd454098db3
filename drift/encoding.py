"""A profile as a file.

    8 bytes   magic `HOMEOPRF`
    2         version, little-endian, as are all numbers
    16        BLAKE2b of what follows
    8         length of the body when unpacked
    the rest  the body, zlib: 4 bytes length of the header, the header (JSON), the arrays that it describes

Arrays are stored in the narrowest unsigned integer that holds them, prefixes as differences, bytes of the
same weight together: that is what makes them small under zlib.
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
import zlib
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

from drift.blocks import MAX_BINS as MAX_BLOCK_BINS
from drift.blocks import MAX_BLOCKS, UNITS, BlockTable
from drift.categories import BUCKETS, CategorySummary
from drift.errors import ProfileError
from drift.histogram import KEY_BITS, MAX_BINS, KeyHistogram
from drift.numeric import NumericSummary

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from drift.profile import ColumnProfile, Profile

MAGIC = b"HOMEOPRF"
VERSION = 2
"""Version 2 added the blocks."""
_READABLE = (1, VERSION)
MAX_BODY = 1 << 31
_HEAD = struct.Struct("<8sH16sQ")
_LENGTH = struct.Struct("<I")


def encode(profile: Profile) -> bytes:
    """The profile's bytes: the same for equal profiles with columns in the same order."""
    arrays = _Writer()
    header = {
        "rows": profile.rows,
        "columns": [_column_header(column, arrays) for column in profile.columns.values()],
    }
    text = json.dumps(header, separators=(",", ":"), allow_nan=False).encode()
    body = b"".join([_LENGTH.pack(len(text)), text, *arrays.parts])
    packed = zlib.compress(body, 6)
    rest = struct.pack("<Q", len(body)) + packed
    return MAGIC + struct.pack("<H", VERSION) + hashlib.blake2b(rest, digest_size=16).digest() + rest


def decode(data: bytes) -> Profile:
    """Read a profile, or say what is wrong with the file.

    Raises:
        ProfileError: it is damaged, foreign or of another version.
    """
    from drift.profile import Profile  # the two make one another

    try:
        header, arrays = _opened(data)
        columns = [_read_column(entry, arrays) for entry in header["columns"]]
        rows = int(header["rows"])
    except ProfileError:
        raise
    except (ValueError, KeyError, TypeError, IndexError, zlib.error, struct.error) as err:
        raise ProfileError(f"the profile is damaged: {err!r}") from err
    return Profile(rows, {column.name: column for column in columns})


def _opened(data: bytes) -> tuple[dict[str, Any], _Reader]:
    if not data:
        raise ProfileError("the profile is empty: no bytes")
    if data[: len(MAGIC)] != MAGIC:
        raise ProfileError(f"this is not a profile: it starts with {data[: len(MAGIC)]!r}, not {MAGIC!r}")
    if len(data) < _HEAD.size:
        raise ProfileError(f"the profile is cut off after {len(data)} bytes")
    _, version, digest, length = _HEAD.unpack_from(data)
    if version not in _READABLE:
        raise ProfileError(
            f"the profile has format version {version}; this program reads {_READABLE[0]} to {VERSION}"
        )
    rest = data[_HEAD.size - 8 :]
    if hashlib.blake2b(rest, digest_size=16).digest() != digest:
        raise ProfileError("the profile is damaged: its checksum does not match (cut off or changed)")
    if length > MAX_BODY:
        raise ProfileError(f"the profile claims {length} bytes; at most {MAX_BODY} are read")
    unpacker = zlib.decompressobj()
    body = unpacker.decompress(rest[8:], length + 1)
    if len(body) != length:
        raise ProfileError(f"the profile is damaged: {length} bytes promised, {len(body)} found")
    (text_length,) = _LENGTH.unpack_from(body)
    start = _LENGTH.size
    header = json.loads(body[start : start + text_length])
    return header, _Reader(body, start + text_length)


class _Writer:
    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def add(self, array: NDArray[np.uint64] | NDArray[np.int64]) -> dict[str, int]:
        """Store an array of non-negative integers; returns how to find it again (arrays follow in order)."""
        width = next(w for w in (1, 2, 4, 8) if not array.size or int(np.max(array)) < 1 << (8 * w))
        narrow = array.astype(f"<u{width}")
        self.parts.append(narrow.view(np.uint8).reshape(-1, width).T.tobytes())
        return {"size": int(array.size), "width": width}


class _Reader:
    def __init__(self, body: bytes, start: int) -> None:
        self._body = body
        self._at = start

    def take(self, shape: dict[str, int]) -> NDArray[np.uint64]:
        size, width = int(shape["size"]), int(shape["width"])
        if size < 0 or width not in (1, 2, 4, 8):
            raise ProfileError(f"the profile is damaged: an array of {size} values of {width} bytes")
        raw = np.frombuffer(self._body, np.uint8, size * width, self._at)
        self._at += size * width
        ordered = np.ascontiguousarray(raw.reshape(width, size).T)
        return ordered.view(f"<u{width}").reshape(-1).astype(np.uint64)


def _column_header(column: ColumnProfile, arrays: _Writer) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": column.name,
        "kind": column.kind,
        "types": list(column.types),
        "unreadable": list(column.unreadable),
        "rows": column.rows,
        "nulls": column.nulls,
        "asked": column.asked,
    }
    if column.numeric is not None:
        entry["numeric"] = _numeric_header(column.numeric, arrays)
    if column.category is not None:
        entry["category"] = _category_header(column.category, arrays)
    if column.blocks is not None:
        entry["blocks"] = _blocks_header(column.blocks, arrays)
    return entry


def _numeric_header(numeric: NumericSummary, arrays: _Writer) -> dict[str, Any]:
    entry: dict[str, Any] = {
        field.name: _number_out(getattr(numeric, field.name))
        for field in fields(numeric)
        if field.name != "histogram"
    }
    histogram = numeric.histogram
    steps = np.diff(histogram.prefixes, prepend=np.uint64(0)).astype(np.uint64)
    entry["histogram"] = {
        "bits": histogram.bits,
        "prefixes": arrays.add(steps),
        "counts": arrays.add(histogram.counts),
    }
    return entry


def _category_header(category: CategorySummary, arrays: _Writer) -> dict[str, Any]:
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


def _blocks_header(blocks: BlockTable, arrays: _Writer) -> dict[str, Any]:
    first = int(blocks.keys[0]) if blocks.keys.size else 0
    # Times may lie before 1970: the first is in the header, what follows are steps. They wrap as int64 do.
    steps = np.diff(blocks.keys.view(np.uint64), prepend=np.int64(first).view(np.uint64)).astype(np.uint64)
    return {
        "unit": blocks.unit,
        "shift": blocks.shift,
        "bits": blocks.bits,
        "first": first,
        "keys": arrays.add(steps),
        "rows": arrays.add(blocks.rows),
        "prefixes": arrays.add(np.diff(blocks.prefixes, prepend=np.uint64(0)).astype(np.uint64)),
        "counts": arrays.add(blocks.counts.T.reshape(-1)),
    }


def _read_blocks(entry: dict[str, Any], arrays: _Reader) -> BlockTable:
    first = np.int64(entry["first"]).view(np.uint64)
    keys = (np.cumsum(arrays.take(entry["keys"]), dtype=np.uint64) + first).view(np.int64)
    rows = arrays.take(entry["rows"]).astype(np.int64)
    prefixes = np.cumsum(arrays.take(entry["prefixes"]), dtype=np.uint64)
    counts = arrays.take(entry["counts"]).astype(np.int64)
    unit, shift, bits = entry["unit"], int(entry["shift"]), int(entry["bits"])
    fits = keys.size == rows.size <= MAX_BLOCKS and prefixes.size <= MAX_BLOCK_BINS
    rising = bool((keys[1:] > keys[:-1]).all() and (prefixes[1:] > prefixes[:-1]).all())
    if unit not in UNITS or not 0 <= shift < KEY_BITS or not 0 < bits <= KEY_BITS or not (fits and rising):
        raise ProfileError("the profile is damaged: blocks that cannot be")
    table = np.ascontiguousarray(counts.reshape(prefixes.size, keys.size).T)
    if (table.sum(axis=1) > rows).any():
        raise ProfileError("the profile is damaged: a block with more values than rows")
    return BlockTable(unit, shift, keys, rows, bits, prefixes, table)


def _read_column(entry: dict[str, Any], arrays: _Reader) -> ColumnProfile:
    from drift.profile import ColumnProfile

    if entry["kind"] not in ("empty", "number", "time", "category", "skipped"):
        raise ProfileError(f"the profile is damaged: column kind {entry['kind']!r}")
    numeric = _read_numeric(entry["numeric"], arrays) if "numeric" in entry else None
    category = _read_category(entry["category"], arrays) if "category" in entry else None
    blocks = _read_blocks(entry["blocks"], arrays) if "blocks" in entry else None
    return ColumnProfile(
        name=str(entry["name"]),
        kind=entry["kind"],
        types=tuple(map(str, entry["types"])),
        unreadable=tuple(map(str, entry["unreadable"])),
        rows=int(entry["rows"]),
        nulls=int(entry["nulls"]),
        numeric=numeric,
        category=category,
        asked=entry["asked"],
        blocks=blocks,
    )


def _read_numeric(entry: dict[str, Any], arrays: _Reader) -> NumericSummary:
    shape = entry["histogram"]
    bits = int(shape["bits"])
    prefixes = np.cumsum(arrays.take(shape["prefixes"]), dtype=np.uint64)
    counts = arrays.take(shape["counts"]).astype(np.int64)
    rising = bool((prefixes[1:] > prefixes[:-1]).all())
    if not 0 < bits <= KEY_BITS or prefixes.size != counts.size or prefixes.size > MAX_BINS or not rising:
        raise ProfileError("the profile is damaged: a histogram that cannot be")
    numbers = {name: _number_in(value) for name, value in entry.items() if name != "histogram"}
    return NumericSummary(**numbers, histogram=KeyHistogram(bits, prefixes, counts))


def _read_category(entry: dict[str, Any], arrays: _Reader) -> CategorySummary:
    if "values" in entry:
        counts = arrays.take(entry["counts"]).tolist()
        return CategorySummary(values=dict(zip(map(str, entry["values"]), counts, strict=True)))
    buckets = arrays.take(entry["buckets"]).astype(np.int64)
    if buckets.size != BUCKETS:
        raise ProfileError(f"the profile is damaged: {buckets.size} buckets instead of {BUCKETS}")
    smallest = np.cumsum(arrays.take(entry["smallest"]), dtype=np.uint64)
    return CategorySummary(values=None, buckets=buckets, smallest=smallest)


def _number_out(value: float | None) -> float | int | str | None:
    # JSON has no infinities and floats as text must come back bit by bit: hexadecimal does both.
    return value.hex() if isinstance(value, float) else value


def _number_in(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    number = float.fromhex(value)
    return number if math.isfinite(number) else float(number)
