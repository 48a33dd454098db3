"""A blob as a file: seekable, always the same content."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from cloud.errors import translated
from control.errors import HomeostatError

if TYPE_CHECKING:
    from azure.storage.blob import BlobClient

    from control.ports import Blob

WHOLE = 8 << 20
"""A blob up to that many bytes is fetched at once; of a larger one only the ranges that are being read."""


class BlobFile(io.RawIOBase):
    """A blob as a seekable file. Every range must come from the same content: each read names the ETag."""

    def __init__(self, client: BlobClient, blob: Blob) -> None:
        super().__init__()
        self._client = client
        self._blob = blob
        self._at = 0
        self.fault: HomeostatError | None = None
        """What went wrong in a read: Arrow tells it in its own words only."""

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Where the next read begins."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._blob.size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def read(self, size: int = -1) -> bytes:
        """The next `size` bytes."""
        left = self._blob.size - self._at
        size = left if size is None or size < 0 else min(size, left)
        if size <= 0:
            return b""
        try:
            body = fetch(self._client, self._blob, self._at, size)
        except HomeostatError as fault:
            self.fault = fault
            raise
        self._at += len(body)
        return body


def fetch(client: BlobClient, blob: Blob, offset: int, size: int) -> bytes:
    """A range of exactly that blob; one that was written meanwhile is Unavailable: look again."""
    from azure.core import MatchConditions

    with translated(f"reading blob {blob.path}"):
        stream = client.download_blob(
            offset=offset, length=size, etag=blob.etag, match_condition=MatchConditions.IfNotModified
        )
        body: bytes = stream.readall()
    return body
