"""Arrow types, reduced to what a tabular model distinguishes: numbers and categories."""

from __future__ import annotations

from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

Kind = Literal["number", "category"]


def kind(data_type: pa.DataType) -> Kind | None:
    """What a column of that type is to a model; None for what it cannot learn from as it is."""
    if pa.types.is_dictionary(data_type):
        return kind(data_type.value_type)
    if (
        pa.types.is_integer(data_type)
        or pa.types.is_floating(data_type)
        or pa.types.is_decimal(data_type)
        or pa.types.is_boolean(data_type)
    ):
        return "number"
    if pa.types.is_string(data_type) or pa.types.is_large_string(data_type) or data_type == pa.string_view():
        return "category"
    return None


def plain(table: pa.Table) -> pa.Table:
    """The same values with types that concatenate: no dictionaries, decimals or long strings."""
    fields = []
    for field in table.schema:
        data_type = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        if kind(data_type) == "category":
            data_type = pa.string()
        elif pa.types.is_decimal(data_type):
            data_type = pa.float64()
        fields.append(pa.field(field.name, data_type))
    return table.cast(pa.schema(fields))


def numbers(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The column as 64-bit floats."""
    return pc.cast(column, pa.float64(), safe=False)
