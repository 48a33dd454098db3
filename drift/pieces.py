"""Record batches, cut and joined into pieces of one schema that are worth a column's overhead."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from drift.column_table import ColumnTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PIECE_ROWS = 1 << 16
PIECE_BYTES = 1 << 26


def pieces(
    batches: Iterable[pa.RecordBatch | pa.Table | ColumnTable],
) -> Iterator[list[pa.RecordBatch] | ColumnTable]:
    """Pieces of one schema: not so small that each costs more than its rows, nor as large as memory.

    A table that is read a column at a time is a piece as it is.
    """
    piece: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        if isinstance(batch, ColumnTable):
            if piece:
                yield piece
            piece, rows, size = [], 0, 0
            yield batch
            continue
        parts = (
            batch.to_batches(max_chunksize=PIECE_ROWS)
            if isinstance(batch, pa.Table)
            else [batch.slice(start, PIECE_ROWS) for start in range(0, batch.num_rows, PIECE_ROWS)]
        )
        for part in parts or [_no_rows(batch.schema)]:
            full = rows + part.num_rows > PIECE_ROWS or size > PIECE_BYTES
            if piece and (full or part.schema != piece[0].schema):
                yield piece
                piece, rows, size = [], 0, 0
            piece.append(part)
            rows, size = rows + part.num_rows, size + part.nbytes
    if piece:
        yield piece


def _no_rows(schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array([], field.type) for field in schema], schema=schema)


def unique_names(names: list[str]) -> list[str]:
    """Names with ` (2)`, ` (3)` after those that repeat."""
    taken: set[str] = set()
    unique = []
    for name in names:
        candidate, again = name, 1
        while candidate in taken:
            again += 1
            candidate = f"{name} ({again})"
        taken.add(candidate)
        unique.append(candidate)
    return unique
