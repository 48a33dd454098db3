"""Which rows belong together: by a time column, by the moment they came, or all under one label."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np
import pyarrow as pa

from drift.arrow_columns import floats, kind_of, plain_type, valid_rows
from drift.blocks import RowBlocks
from drift.errors import ProfileError
from drift.hashing import hash_texts

_SECONDS = {"hour": 3600.0, "day": 86_400.0}


@dataclass(frozen=True, slots=True)
class ByTime:
    """A block is a day or an hour (UTC) of a time column. Rows without a time are in no block."""

    column: str
    every: Literal["day", "hour"] = "day"

    def of(self, batches: list[pa.RecordBatch]) -> RowBlocks:
        """The blocks of rows of one schema.

        Raises:
            ProfileError: the column is missing, or no time.
        """
        schema = batches[0].schema
        if schema.names.count(self.column) != 1:
            raise ProfileError(f"blocks by {self.every}: there is no one column {self.column!r}")
        place = schema.get_field_index(self.column)
        type_ = plain_type(schema.field(place).type)
        if kind_of(type_) != "time" or pa.types.is_time(type_):
            raise ProfileError(
                f"blocks by {self.every}: column {self.column!r} is {type_}, not a date or a timestamp"
            )
        times = pa.concat_arrays([batch.column(place) for batch in batches])
        if pa.types.is_dictionary(times.type):
            times = times.dictionary_decode()
        known = valid_rows(times) if times.null_count else None
        present = np.floor(floats(times) / _SECONDS[self.every]).astype(np.int64)
        if known is None:
            return RowBlocks.of(self.every, present)
        labels = np.zeros(len(times), np.int64)
        labels[known] = present
        return RowBlocks.of(self.every, labels, known)


@dataclass(frozen=True, slots=True)
class OneBlock:
    """All rows are one block: a batch or a file, known by its label."""

    label: str

    def of(self, batches: list[pa.RecordBatch]) -> RowBlocks:
        """The one block of these rows."""
        key = hash_texts([self.label.encode("utf-8", "surrogatepass")]).view(np.int64)
        rows = sum(batch.num_rows for batch in batches)
        some = 1 if rows else 0
        return RowBlocks("label", key[:some], np.zeros(rows, np.int64), np.array([rows])[:some])


@dataclass(frozen=True, slots=True)
class AtTime:
    """All rows are of one moment, and so of the block of `ByTime` that it falls into."""

    moment: datetime
    every: Literal["day", "hour"] = "day"

    def of(self, batches: list[pa.RecordBatch]) -> RowBlocks:
        """The one block of these rows."""
        rows = sum(batch.num_rows for batch in batches)
        key = math.floor(self.moment.timestamp() / _SECONDS[self.every])
        return RowBlocks.of(self.every, np.full(rows, key, np.int64))


BlockRule = ByTime | AtTime | OneBlock
