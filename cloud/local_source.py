"""Which local files a source means: a file, a glob, or a folder, where `key=value` folders are columns."""

from __future__ import annotations

from collections.abc import Sequence
from glob import has_magic
from pathlib import Path
from urllib.parse import unquote

from cloud.delta_table import delta_files, is_delta
from cloud.source_file import LocalFile
from control.errors import BadData

NO_VALUE = "__HIVE_DEFAULT_PARTITION__"


def local_files(source: str) -> list[LocalFile]:
    """The files that a source means, in the order of their names.

    Raises:
        BadData: there is none.
    """
    if is_delta(source):
        files = delta_files(source)
        if not files:
            raise BadData(f"{source}: the Delta table has no rows at this version")
        return [LocalFile(path, values) for path, values in files]
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
    return [LocalFile(file, partitions_of(file.relative_to(root).parts[:-1])) for file in sorted(set(found))]


def _below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and not _hidden(path, folder)]


def _hidden(path: Path, root: Path) -> bool:
    # `_SUCCESS`, `.part.crc`, `_temporary/`: what writers leave beside the data.
    return is_hidden(path.relative_to(root).parts)


def is_hidden(parts: Sequence[str]) -> bool:
    """Whether a path means nothing to readers: some part of it begins with `_` or `.`."""
    return any(part.startswith(("_", ".")) and "=" not in part for part in parts)


def _fixed_part(pattern: Path) -> Path:
    fixed = pattern
    while has_magic(str(fixed)):
        fixed = fixed.parent
    return fixed


def partitions_of(folders: Sequence[str]) -> dict[str, str | None]:
    """The columns that `key=value` folders name."""
    pairs = [folder.split("=", 1) for folder in folders if "=" in folder]
    return {unquote(key): None if value == NO_VALUE else unquote(value) for key, value in pairs}
