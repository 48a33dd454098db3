"""How finely a column of numbers is counted: as many leading bits of the keys as its bins allow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from drift.histogram import KEY_BITS, MAX_SPAN

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from drift.kernel import Kernel

_ROOMS = (1 << 23, 2 * MAX_SPAN)
"""Bits of the bitmap in which bins are counted; the larger one where the smaller shows too little."""


def bits_of(keys: NDArray[np.uint64], most: int, compiled: Kernel) -> int:
    """The bits that `KeyHistogram.of_keys` keeps of keys with too many different values to keep all."""
    least, greatest = int(np.min(keys)), int(np.max(keys))
    for room in _ROOMS:
        shift = 1
        while (greatest >> shift) - (least >> shift) >= room >> 1:
            shift += 1
        more = compiled.bits_too_many(keys, shift, least >> shift, room, most)
        if more or shift == 1:
            break
    return KEY_BITS - shift - more
