"""Blobs as Arrow record batches: one pass, in bounded memory, with errors that name the blob."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from cloud import parquet_file
from cloud.errors import translated
from cloud.json_rows import batch_of
from control.errors import BadData, HomeostatError

if TYPE_CHECKING:
    import pyarrow as pa
    from azure.storage.blob import BlobClient

    from cloud.datastores import Store
    from control.ports import Blob

log = logging.getLogger("homeostat.datasets")

WHOLE = 32 << 20
"""A blob up to that many bytes is fetched at once; of a larger one only the ranges that are being read."""
LINES = 5_000


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


def parquet_batches(store: Store, below: str, blobs: Iterable[Blob]) -> Iterator[pa.RecordBatch | pa.Table]:
    """The rows of Parquet blobs; one without rows still says which columns it has.

    Raises:
        BadData: a blob is empty, truncated or not Parquet; names it and says which.
    """
    for blob in blobs:
        client = store.blob(below + blob.path)
        if blob.size == 0:
            raise BadData(f"blob {blob.path} is empty")
        file = BlobFile(client, blob)
        source = file if blob.size > WHOLE else io.BytesIO(fetch(client, blob, 0, blob.size))
        try:
            yield from parquet_file.parquet_batches(source, f"blob {blob.path}", blob.size)
        except BadData as err:
            if file.fault:
                raise file.fault from err
            raise


def collected_batches(store: Store, below: str, blobs: Iterable[Blob]) -> Iterator[pa.RecordBatch]:
    """The rows that an endpoint's data collector wrote: JSON lines, each with a list of rows in `data`.

    A line that cannot be read is left out and counted in the log: the last one may still be being written.
    """
    rows: list[dict[str, Any]] = []
    for blob in blobs:
        left_out = 0
        for line in _lines(store.blob(below + blob.path), blob):
            found = _rows(line)
            if found is None:
                left_out += 1
                continue
            rows.extend(found)
            if len(rows) >= LINES:
                yield batch_of(rows)
                rows = []
        if left_out:
            log.warning("blob %s: %d lines are not of the data collector", blob.path, left_out)
    if rows:
        yield batch_of(rows)


def _lines(client: BlobClient, blob: Blob) -> Iterator[bytes]:
    with translated(f"reading blob {blob.path}"):
        rest = b""
        # Append blobs grow: what is there now is read, whatever the ETag was.
        for chunk in client.download_blob(length=blob.size, offset=0).chunks() if blob.size else ():
            *lines, rest = (rest + chunk).split(b"\n")
            yield from lines
        yield rest


def _rows(line: bytes) -> list[dict[str, Any]] | None:
    if not line.strip():
        return []
    try:
        data = json.loads(line)["data"]
    except (ValueError, KeyError, TypeError):
        return None
    if isinstance(data, list) and all(isinstance(row, dict) for row in data):
        return data
    return None
