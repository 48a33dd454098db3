"""One file of JSON lines as record batches, block by block."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cloud.bounds import JsonKeys
from cloud.json_rows import batch_of
from cloud.parquet_file import first_line, selected
from cloud.text_file import opened
from control.errors import BadData

if TYPE_CHECKING:
    import pyarrow as pa

BLOCK = 4 << 20
LONGEST_LINE = 64 << 20
LINES = 8192
"""Rows that are read at a time: a key that one of them has is a column of all."""
BOM = b"\xef\xbb\xbf"


def json_lines_batches(
    path: Path, said: str, columns: Collection[str] | None = None
) -> Iterator[tuple[pa.RecordBatch | pa.Table, int]]:
    """The rows of a file with one JSON object a line, and how many of its bytes were read so far.

    `said` is what messages call it.

    Raises:
        BadData: a line is no JSON object; the message names it.
    """
    import pyarrow as pa

    texts: list[pa.Field] = []  # what began as text stays text, also where a block looks like times
    line, any_rows = 1, False
    try:
        with opened(path) as (stream, raw):
            for block in _blocks(said, stream, JsonKeys(said)):
                if block.strip():
                    table = _table(said, block, line, texts)
                    if not any_rows:
                        texts = [field for field in table.schema if pa.types.is_string(field.type)]
                    any_rows = True
                    yield table if columns is None else selected(table, columns), raw.tell()
                line += block.count(b"\n")
    except OSError as err:
        raise BadData(f"{said}, from line {line}: it is damaged or cut off: {first_line(err)}") from err
    if not any_rows:
        raise BadData(f"{said} is empty: it has no line with a JSON object")


def _blocks(said: str, stream: pa.NativeFile, keys: JsonKeys) -> Iterator[bytes]:
    rest = b""
    first = True
    while chunk := stream.read(BLOCK):
        rest += chunk.removeprefix(BOM) if first else chunk
        first = False
        end = rest.rfind(b"\n") + 1
        if end:
            keys.check(rest[:end])
            yield from _pieces(rest[:end])
            rest = rest[end:]
        elif len(rest) > LONGEST_LINE:
            raise BadData(f"{said} has a line of more than {LONGEST_LINE >> 20} MB: is it JSON lines?")
    if rest:
        keys.check(rest)
        yield rest


def _pieces(block: bytes) -> Iterator[bytes]:
    """The block's lines, so many at a time."""
    import numpy as np

    ends = np.flatnonzero(np.frombuffer(block, np.uint8) == ord("\n"))
    start = 0
    for end in (*ends[LINES - 1 :: LINES].tolist(), len(block) - 1):
        if end >= start:
            yield block[start : end + 1]
        start = end + 1


def _table(said: str, block: bytes, line: int, texts: list[pa.Field]) -> pa.RecordBatch | pa.Table:
    import pyarrow as pa
    import pyarrow.json

    try:
        return pyarrow.json.read_json(
            pa.BufferReader(block),
            read_options=pyarrow.json.ReadOptions(block_size=len(block) + 1),
            parse_options=pyarrow.json.ParseOptions(explicit_schema=pa.schema(texts) if texts else None),
        )
    except pa.ArrowException:
        # Slower, but it says which line is wrong, and lets mixed types through as text.
        return batch_of(list(_rows(said, block, line)))


def _rows(said: str, block: bytes, start: int) -> Iterator[dict[str, Any]]:
    for number, text in enumerate(block.split(b"\n"), start):
        if not text.strip():
            continue
        try:
            row = json.loads(text)
        except (ValueError, RecursionError) as err:
            raise BadData(f"{said}, line {number}: it is not JSON: {first_line(err)}") from err
        if not isinstance(row, dict):
            raise BadData(f"{said}, line {number}: it is {type(row).__name__}, not an object {{...}}")
        yield row
