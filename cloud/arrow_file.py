"""One Arrow IPC file or stream as record batches."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from cloud.parquet_file import first_line, selected
from control.errors import BadData

if TYPE_CHECKING:
    import pyarrow as pa

FILE = b"ARROW1"
STREAM = b"\xff\xff\xff\xff"


def arrow_batches(
    path: Path, said: str, columns: Collection[str] | None = None
) -> Iterator[tuple[pa.RecordBatch, int]]:
    """The rows of an Arrow IPC file or stream, and how many of its bytes were read so far.

    `said` is what messages call it.

    Raises:
        BadData: it is truncated or damaged.
    """
    import pyarrow as pa

    try:
        with pa.OSFile(str(path)) as raw:
            start = raw.read(len(FILE))
            raw.seek(0)
            for batch in _file(raw) if start == FILE else _stream(raw):
                yield batch if columns is None else selected(batch, columns), raw.tell()
    except (pa.ArrowException, OSError) as err:
        raise BadData(f"{said} is damaged or cut off Arrow IPC: {first_line(err)}") from err


def _file(raw: pa.NativeFile) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    with pa.ipc.open_file(raw) as reader:
        if not reader.num_record_batches:
            yield _no_rows(reader.schema)
        for place in range(reader.num_record_batches):
            yield reader.get_batch(place)


def _stream(raw: pa.NativeFile) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    with pa.ipc.open_stream(raw) as reader:
        yield _no_rows(reader.schema)
        yield from reader


def _no_rows(schema: pa.Schema) -> pa.RecordBatch:
    import pyarrow as pa

    return pa.RecordBatch.from_arrays([pa.array([], field.type) for field in schema], schema=schema)
