"""The arrays of a profile's file: unsigned integers in the narrowest width that holds them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from drift.errors import ProfileError

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Writer:
    """Arrays, one after the other."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def add(self, array: NDArray[np.uint64] | NDArray[np.int64]) -> dict[str, int]:
        """Store an array of non-negative integers; returns how to find it again (arrays follow in order)."""
        width = next(w for w in (1, 2, 4, 8) if not array.size or int(np.max(array)) < 1 << (8 * w))
        narrow = array.astype(f"<u{width}")
        self.parts.append(narrow.view(np.uint8).reshape(-1, width).T.tobytes())
        return {"size": int(array.size), "width": width}


class Reader:
    """The same, read in the order in which they were written."""

    def __init__(self, body: bytes, start: int) -> None:
        self._body = body
        self._at = start

    def take(self, shape: dict[str, int]) -> NDArray[np.uint64]:
        """The next array."""
        size, width = int(shape["size"]), int(shape["width"])
        if size < 0 or width not in (1, 2, 4, 8):
            raise ProfileError(f"the profile is damaged: an array of {size} values of {width} bytes")
        raw = np.frombuffer(self._body, np.uint8, size * width, self._at)
        self._at += size * width
        ordered = np.ascontiguousarray(raw.reshape(width, size).T)
        return ordered.view(f"<u{width}").reshape(-1).astype(np.uint64)
