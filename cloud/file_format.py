"""What a file is: by its bytes, text also by its name."""

from __future__ import annotations

import zlib
from pathlib import PurePath
from typing import Literal

from cloud.arrow_file import FILE, STREAM
from cloud.parquet_file import ENCRYPTED, MAGIC
from cloud.text_file import GZIP
from control.errors import BadData

Format = Literal["parquet", "csv", "json lines", "arrow"]

BEGINNING = 4096
"""So many bytes say what a file is."""
NAMES: dict[str, Format] = {
    ".parquet": "parquet", ".pq": "parquet",
    ".csv": "csv", ".tsv": "csv",
    ".json": "json lines", ".jsonl": "json lines", ".ndjson": "json lines",
    ".arrow": "arrow", ".arrows": "arrow", ".feather": "arrow", ".ipc": "arrow",
}  # fmt: skip
FOREIGN = {
    b"PK\x03\x04": "a zip archive or spreadsheet",
    b"BZh": "compressed with bzip2 (only gzip is read)",
    b"\x28\xb5\x2f\xfd": "compressed with zstd (only gzip is read)",
    b"\xfd7zXZ": "compressed with xz (only gzip is read)",
    b"FEA1": "Feather of version 1: write it again as version 2",
    b"\xff\xfe": "text in UTF-16: write it as UTF-8",
    b"\xfe\xff": "text in UTF-16: write it as UTF-8",
}


def format_of(name: str, said: str, start: bytes) -> Format:
    """The format of a file.

    Args:
        name: its name.
        said: what messages call it.
        start: its first bytes, up to `BEGINNING`.

    Raises:
        BadData: it is empty, or none of the formats that are read.
    """
    if not start:
        raise BadData(f"{said} is empty")
    if start.startswith((MAGIC, ENCRYPTED)):
        return "parquet"
    if start.startswith((FILE, STREAM)):
        return "arrow"
    for mark, meaning in FOREIGN.items():
        if start.startswith(mark):
            raise BadData(f"{said} is {meaning}")
    suffixes = [suffix.lower() for suffix in PurePath(name).suffixes]
    packed = start.startswith(GZIP)
    if suffixes[-1:] == [".gz"]:
        suffixes.pop()
        if not packed:
            raise BadData(f"{said} is not gzip: it starts with {start[:4]!r}")
    named = NAMES.get(suffixes[-1]) if suffixes else None
    if named in ("parquet", "arrow"):
        raise BadData(f"{said} is not {named.capitalize()}: it starts with {start[:4]!r}")
    return _text_format(said, _unpacked(said, start) if packed else start, named)


def _text_format(said: str, start: bytes, named: Format | None) -> Format:
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if b"\0" in text:
        raise BadData(f"{said} is not text: it holds zero bytes")
    if named == "json lines" and text.startswith(b"["):
        raise BadData(f"{said} is one JSON array: write one object a line (JSON lines)")
    if named is not None:
        return named
    if text.startswith(b"{"):
        return "json lines"
    raise BadData(
        f"{said}: its name does not say what it is. Known are {', '.join(NAMES)}, also with .gz; take "
        "other files out of the folder, or name the data by a glob"
    )


def _unpacked(said: str, start: bytes) -> bytes:
    try:
        return zlib.decompressobj(wbits=31).decompress(start, BEGINNING)
    except zlib.error as err:
        raise BadData(f"{said} is damaged or cut off gzip: {err}") from err
