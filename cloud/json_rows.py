"""Rows that were read as JSON, as Arrow record batches, whatever their types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa


def batch_of(rows: list[dict[str, Any]]) -> pa.RecordBatch:
    """The rows as a batch. A column holds the type that its values have; mixed or nested ones are text."""
    import pyarrow as pa

    names = list(dict.fromkeys(name for row in rows for name in row))
    return pa.RecordBatch.from_arrays(
        [_column([row.get(name) for row in rows]) for name in names], names=names
    )


def _column(values: list[Any]) -> pa.Array:
    import pyarrow as pa

    if not any(isinstance(value, list | dict) for value in values):
        try:
            return pa.array(values)
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
            pass
    return pa.array([None if value is None else str(value) for value in values], type=pa.string())
