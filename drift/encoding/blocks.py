"""A column's counts by block in a profile's file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from drift.blocks import MAX_BINS, MAX_BLOCKS, UNITS, BlockTable
from drift.errors import ProfileError
from drift.histogram import KEY_BITS

if TYPE_CHECKING:
    from drift.encoding.arrays import Reader, Writer


def blocks_header(blocks: BlockTable, arrays: Writer) -> dict[str, Any]:
    """Store the table; returns its entry in the header."""
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


def read_blocks(entry: dict[str, Any], arrays: Reader) -> BlockTable:
    """Read what `blocks_header` stored."""
    first = np.int64(entry["first"]).view(np.uint64)
    keys = (np.cumsum(arrays.take(entry["keys"]), dtype=np.uint64) + first).view(np.int64)
    rows = arrays.take(entry["rows"]).astype(np.int64)
    prefixes = np.cumsum(arrays.take(entry["prefixes"]), dtype=np.uint64)
    counts = arrays.take(entry["counts"]).astype(np.int64)
    unit, shift, bits = entry["unit"], int(entry["shift"]), int(entry["bits"])
    fits = keys.size == rows.size <= MAX_BLOCKS and prefixes.size <= MAX_BINS
    rising = bool((keys[1:] > keys[:-1]).all() and (prefixes[1:] > prefixes[:-1]).all())
    if unit not in UNITS or not 0 <= shift < KEY_BITS or not 0 < bits <= KEY_BITS or not (fits and rising):
        raise ProfileError("the profile is damaged: blocks that cannot be")
    table = np.ascontiguousarray(counts.reshape(prefixes.size, keys.size).T)
    if (table.sum(axis=1) > rows).any():
        raise ProfileError("the profile is damaged: a block with more values than rows")
    return BlockTable(unit, shift, keys, rows, bits, prefixes, table)
