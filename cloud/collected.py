"""What an endpoint's data collector wrote, as Arrow record batches."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from cloud.datastores import DEFAULT
from cloud.errors import NotFound, translated
from cloud.json_rows import batch_of
from cloud.location import Location

if TYPE_CHECKING:
    import pyarrow as pa
    from azure.storage.blob import BlobClient

    from cloud.datastores import Datastores, Store
    from control.ports import Blob

log = logging.getLogger("homeostat.collected")

COLLECTORS = (Location("modeldatacollector", ""), Location(DEFAULT, "modelDataCollector/"))
"""Where data collectors write: a datastore of that name where there is one, else Azure ML's own default."""
LINES = 5_000


def collector(datastores: Datastores) -> tuple[Store, str]:
    """Where the workspace's data collectors write: the datastore, and the folder in it."""
    own, default = COLLECTORS
    try:
        return datastores.at(own), own.path
    except NotFound:
        return datastores.at(default), default.path


def blobs_between(
    store: Store, root: str, since: datetime, until: datetime
) -> Iterator[tuple[datetime, Blob]]:
    """The collector's blobs of those days, with their hours: each has a folder `yyyy/MM/dd/HH/`, in UTC."""
    day, end = since.astimezone(UTC).date(), until.astimezone(UTC)
    while day <= end.date():
        for blob in store.list(f"{day:%Y/%m/%d}/", below=root):
            hour = _hour(blob.path)
            if hour is not None and hour <= end:
                yield hour, blob
        day += timedelta(days=1)


def _hour(path: str) -> datetime | None:
    try:
        return datetime.strptime(path[:13], "%Y/%m/%d/%H").replace(tzinfo=UTC)
    except ValueError:
        return None


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
