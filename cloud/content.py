"""What files hold, as a digest: the same for the same names and bytes."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from control.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path


def content_digest(files: Iterable[Path], beneath: Sequence[str] = ()) -> str:
    """Digest of files and of folders with all below them, and of the digests of what lies beneath."""
    found = hashlib.sha256("".join(beneath).encode())
    for root in files:
        for path in _below(root):
            name = path.relative_to(root.parent).as_posix()
            found.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return found.hexdigest()[:32]


def _below(root: Path) -> Iterator[Path]:
    """The file itself, or the folder's files; caches and hidden files are left out, as in an upload."""
    if root.is_file():
        yield root
        return
    if not root.is_dir():
        raise Refused(f"{root} does not exist, and an asset refers to it")
    for path in sorted(root.rglob("*")):
        steps = path.relative_to(root).parts
        if path.is_file() and not any(step == "__pycache__" or step.startswith(".") for step in steps):
            yield path
