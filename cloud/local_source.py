"""Which local files a source means: a file, a glob, or a folder, where `key=value` folders are columns."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from glob import has_magic
from pathlib import Path
from typing import Literal
from urllib.parse import unquote

from cloud.arrow_file import FILE, STREAM
from cloud.delta_table import delta_files, is_delta
from cloud.parquet_file import ENCRYPTED, MAGIC
from cloud.text_file import GZIP
from control.errors import BadData

Format = Literal["parquet", "csv", "json lines", "arrow"]

NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
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
_BEGINNING = 4096


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of a source. `partitions` are the columns that its folders name."""

    path: Path
    format: Format
    size: int
    partitions: dict[str, str | None] = field(default_factory=dict)


def find(source: str) -> list[SourceFile]:
    """The files that a source means, in the order of their names.

    Raises:
        BadData: there is none, or one is of a format that is not read.
    """
    if "://" in source:
        raise BadData(f"{source}: only local files are read as yet: fetch the data first")
    if is_delta(source):
        files = delta_files(source)
        if not files:
            raise BadData(f"{source}: the Delta table has no rows at this version")
        return [_delta_file(path, values) for path, values in files]
    path = Path(source)
    if path.is_dir():
        root, found = path, _below(path)
    elif path.exists() or not has_magic(source):
        root, found = path.parent, [path]
    else:
        root = _fixed_part(path)
        inside = str(path.relative_to(root))
        matched = [one for one in root.glob(inside) if not _hidden(one, root)]
        found = [file for one in matched for file in (_below(one) if one.is_dir() else [one])]
    if not found:
        raise BadData(f"{source}: there are no files")
    return [_source_file(file, root) for file in sorted(set(found))]


def partition_types(files: Iterable[SourceFile]) -> dict[str, type[int | str]]:
    """The columns that folders name: whole numbers where all values are, else text."""
    types: dict[str, type[int | str]] = {}
    for file in files:
        for key, value in file.partitions.items():
            whole = value is None or value.removeprefix("-").isdecimal()
            types[key] = types.get(key, int) if whole else str
    return types


def _below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and not _hidden(path, folder)]


def _hidden(path: Path, root: Path) -> bool:
    # `_SUCCESS`, `.part.crc`, `_temporary/`: what writers leave beside the data.
    return any(part.startswith(("_", ".")) and "=" not in part for part in path.relative_to(root).parts)


def _fixed_part(pattern: Path) -> Path:
    fixed = pattern
    while has_magic(str(fixed)):
        fixed = fixed.parent
    return fixed


def _source_file(path: Path, root: Path) -> SourceFile:
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(_BEGINNING)
    except OSError as err:
        raise BadData(f"file {path} cannot be read: {err.strerror}") from err
    if not size:
        raise BadData(f"file {path} is empty")
    return SourceFile(path, _format(path, start), size, _partitions(path.relative_to(root).parts[:-1]))


def _delta_file(path: Path, partitions: dict[str, str | None]) -> SourceFile:
    return replace(_source_file(path, path.parent), partitions=partitions)


def _partitions(folders: tuple[str, ...]) -> dict[str, str | None]:
    pairs = [folder.split("=", 1) for folder in folders if "=" in folder]
    return {unquote(key): None if value == NO_VALUE else unquote(value) for key, value in pairs}


def _format(path: Path, start: bytes) -> Format:
    """By its bytes; text also by its name."""
    if start.startswith((MAGIC, ENCRYPTED)):
        return "parquet"
    if start.startswith((FILE, STREAM)):
        return "arrow"
    for mark, said in FOREIGN.items():
        if start.startswith(mark):
            raise BadData(f"file {path} is {said}")
    suffixes = [suffix.lower() for suffix in path.suffixes]
    packed = start.startswith(GZIP)
    if suffixes[-1:] == [".gz"]:
        suffixes.pop()
        if not packed:
            raise BadData(f"file {path} is not gzip: it starts with {start[:4]!r}")
    named = NAMES.get(suffixes[-1]) if suffixes else None
    if named in ("parquet", "arrow"):
        raise BadData(f"file {path} is not {named.capitalize()}: it starts with {start[:4]!r}")
    return _text_format(path, _unpacked(path) if packed else start, named)


def _text_format(path: Path, start: bytes, named: Format | None) -> Format:
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if b"\0" in text:
        raise BadData(f"file {path} is not text: it holds zero bytes")
    if named == "json lines" and text.startswith(b"["):
        raise BadData(f"file {path} is one JSON array: write one object a line (JSON lines)")
    if named is not None:
        return named
    if text.startswith(b"{"):
        return "json lines"
    raise BadData(
        f"file {path}: its name does not say what it is. Known are {', '.join(NAMES)}, also with .gz; take "
        "other files out of the folder, or name the data by a glob"
    )


def _unpacked(path: Path) -> bytes:
    try:
        with gzip.open(path) as file:
            return file.read(_BEGINNING)
    except (OSError, EOFError) as err:
        raise BadData(f"file {path} is damaged or cut off gzip: {err}") from err
