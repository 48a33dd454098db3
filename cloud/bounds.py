"""What a small file may not do: unpack to so many columns or so deep that reading it takes all memory."""

from __future__ import annotations

import re
from random import SystemRandom

from control.errors import BadData

COLUMNS = 10_000
"""A table of text has fewer: some bytes make a column there, and each costs some kilobytes."""
DEEPEST = 100
"""Lists in lists and objects in objects: Arrow's parser of JSON has no limit, and ends the process."""
SAMPLES = 512

_KEY = re.compile(rb'"([^"]*)"\s*:')
_TEXT = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"')
_anywhere = SystemRandom()


def check_columns(said: str, count: int, most: int = COLUMNS) -> None:
    """Raises BadData when those are more columns than a table has."""
    if count > most:
        raise BadData(f"{said} has more than {most} columns ({count}): is it a table?")


class JsonKeys:
    """The keys of a file's objects, so far.

    Looking at each of them would cost as much as reading them: of later blocks some places are looked at, and
    the whole block only where there is a key that was not known. New keys enough to matter (`COLUMNS`) take
    so much of a block that hundreds of random places do not miss them.
    """

    def __init__(self, said: str) -> None:
        self._said = said
        self._known: set[bytes] = set()

    def check(self, block: bytes) -> None:
        """Raises BadData when the file has too many keys, or an object is nested too deep."""
        if not self._known or any(key not in self._known for key in _sampled(block)):
            self._known.update(_KEY.findall(block))
            check_columns(self._said, len(self._known))
        lines = block.count(b"\n") + 1
        if block.count(b"{") + block.count(b"[") - lines > DEEPEST:
            for line in block.split(b"\n"):
                if _depth(line) > DEEPEST:
                    raise BadData(f"{self._said} has an object that is nested more than {DEEPEST} deep")


def _sampled(block: bytes) -> set[bytes]:
    keys: set[bytes] = set()
    for _ in range(SAMPLES):
        start = block.rfind(b"\n", 0, _anywhere.randrange(len(block)) + 1) + 1
        keys.update(_KEY.findall(block, start, block.find(b"\n", start) % (len(block) + 1)))
    return keys


def _depth(line: bytes) -> int:
    if line.count(b"{") + line.count(b"[") <= DEEPEST:
        return 0
    deepest = depth = 0
    for mark in re.findall(rb"[][{}]", _TEXT.sub(b"", line)):
        depth += 1 if mark in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest
