"""A local text file, plain or compressed with gzip: which of the two, its bytes tell."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

GZIP = b"\x1f\x8b"


@contextmanager
def opened(path: Path) -> Iterator[tuple[pa.NativeFile, pa.NativeFile]]:
    """The file's text as a stream, and the file below it: its `tell()` is how far the reading went."""
    import pyarrow as pa

    with pa.OSFile(str(path)) as raw:
        if is_gzip(path):
            with pa.CompressedInputStream(raw, "gzip") as stream:
                yield stream, raw
        else:
            yield raw, raw


def opened_again(path: Path) -> Any:
    """The file's text for Python's own readers."""
    if is_gzip(path):
        return gzip.open(path, "rt", encoding="utf-8-sig", errors="replace", newline="")
    return path.open(encoding="utf-8-sig", errors="replace", newline="")


def is_gzip(path: Path) -> bool:
    """Whether its bytes are gzip's."""
    with path.open("rb") as file:
        return file.read(len(GZIP)) == GZIP
