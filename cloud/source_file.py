"""One file of a source, on this machine or in Blob Storage."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Protocol

from cloud.blob_file import WHOLE, BlobFile, fetch
from cloud.file_format import BEGINNING, Format, format_of
from control.errors import BadData

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from cloud.datastores import Store
    from control.ports import Blob

CHUNK = 4 << 20


class SourceFile(Protocol):
    """A file. `partitions` are the columns that its folders name."""

    @property
    def said(self) -> str:
        """What messages call it."""

    @property
    def size(self) -> int:
        """Its bytes."""

    @property
    def partitions(self) -> Mapping[str, str | None]:
        """Columns that its folders name, with their values."""

    @property
    def format(self) -> Format:
        """What it is. Raises BadData when it is nothing that is read."""

    def opened(self) -> AbstractContextManager[Any]:
        """The file, seekable."""

    def on_disk(self) -> AbstractContextManager[Path]:
        """The file on this machine."""


@dataclass(frozen=True)
class LocalFile:
    """A file of this machine."""

    path: Path
    partitions: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def said(self) -> str:
        """`file` and its path."""
        return f"file {self.path}"

    @cached_property
    def size(self) -> int:
        """Its bytes. Raises BadData when it cannot be read."""
        try:
            return self.path.stat().st_size
        except OSError as err:
            raise BadData(f"{self.said} cannot be read: {err.strerror}") from err

    @cached_property
    def format(self) -> Format:
        """What it is."""
        try:
            with self.path.open("rb") as file:
                start = file.read(BEGINNING)
        except OSError as err:
            raise BadData(f"{self.said} cannot be read: {err.strerror}") from err
        return format_of(self.path.name, self.said, start)

    @contextmanager
    def opened(self) -> Iterator[Any]:
        """The file, seekable."""
        with self.path.open("rb") as file:
            yield file

    @contextmanager
    def on_disk(self) -> Iterator[Path]:
        """Where it is."""
        yield self.path


@dataclass(frozen=True)
class RemoteFile:
    """A blob, at one version of its content: `blob.path` lies below the folder `below`."""

    store: Store
    below: str
    blob: Blob
    partitions: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def said(self) -> str:
        """`blob` and its path."""
        return f"blob {self.blob.path}"

    @property
    def size(self) -> int:
        """Its bytes."""
        return self.blob.size

    @cached_property
    def format(self) -> Format:
        """What it is."""
        start = self._fetch(0, BEGINNING)
        return format_of(PurePosixPath(self.blob.path).name, self.said, start)

    @contextmanager
    def opened(self) -> Iterator[Any]:
        """The blob, seekable: of a large one only the ranges that are read are fetched."""
        if self.size <= WHOLE:
            yield io.BytesIO(self._fetch(0, self.size))
            return
        file = BlobFile(self._client, self.blob)
        try:
            yield file
        except BadData as err:
            if file.fault:  # Arrow tells it in its own words only
                raise file.fault from err
            raise

    @contextmanager
    def on_disk(self) -> Iterator[Path]:
        """A copy, for as long as it is wanted."""
        with tempfile.TemporaryDirectory(prefix="homeostat-") as folder:
            path = Path(folder) / PurePosixPath(self.blob.path).name
            with path.open("wb") as file:
                for start in range(0, self.size, CHUNK):
                    file.write(self._fetch(start, CHUNK))
            yield path

    @property
    def _client(self) -> Any:
        return self.store.blob(self.below + self.blob.path)

    def _fetch(self, start: int, size: int) -> bytes:
        size = min(size, self.size - start)
        return fetch(self._client, self.blob, start, size) if size else b""
