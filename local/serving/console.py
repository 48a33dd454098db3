"""A growing log file, line by line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MOST = 1 << 20
"""Bytes that one look takes at most."""


class Console:
    """What is new in a file since the last look."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._rest = b""

    def new(self, *, last: bool = False) -> list[str]:
        """Whole lines that were not there before; at the `last` look also what has no end."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                found = file.read(MOST)
        except FileNotFoundError:
            return []
        self._offset += len(found)
        *lines, self._rest = (self._rest + found).split(b"\n")
        if (last and self._rest) or len(self._rest) > MOST:
            lines.append(self._rest)
            self._rest = b""
        return [line.decode("utf-8", "replace").rstrip("\r") for line in lines if line.strip()]
