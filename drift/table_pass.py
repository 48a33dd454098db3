"""The pass over a table: a builder for each column counts while the next rows are read."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa

from drift.column_builder import ColumnBuilder
from drift.column_table import THREADS, ColumnTable, profile_columns
from drift.embedding import EmbeddingBuilder, is_embedding
from drift.histogram import MAX_BINS
from drift.joint import JointSummary, joint_columns, matrix_of
from drift.pieces import pieces, unique_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from concurrent.futures import Future

    from drift.block_rule import BlockRule
    from drift.blocks import RowBlocks
    from drift.column_profile import ColumnProfile
    from drift.fourier import FeatureMap

ALL_BINS = 1 << 22
"""Bins of all columns together: what a table of numbers takes in memory does not grow with its columns."""
LEAST_BINS = 1024
AHEAD = 2
"""So many pieces may be read and not yet counted."""
_WORTH_A_THREAD = 1 << 17
"""Values of a piece; fewer are counted before a thread has woken."""


def most_bins(columns: int) -> int:
    """How many bins each of so many columns may take."""
    return min(MAX_BINS, max(LEAST_BINS, ALL_BINS // max(columns, 1)))


def profile_table(
    batches: Iterable[pa.RecordBatch | pa.Table | ColumnTable],
    wanted: frozenset[str] | None,
    asked: Mapping[str, str],
    blocks: BlockRule | None,
    *,
    joint: bool | FeatureMap = False,
) -> tuple[int, dict[str, ColumnProfile], JointSummary | None]:
    """Rows, the profile of each column (of all, or of the `wanted` ones), and of them together."""
    rows = 0
    together = None if joint is False else _Together(wanted, None if joint is True else joint)
    found: dict[str, ColumnProfile] = {}
    group: _Columns | None = None
    with ExitStack() as stack:
        # One thread each: its columns' pieces are counted in their order.
        pools = [stack.enter_context(ThreadPoolExecutor(1, "profile")) for _ in range(THREADS)]
        for piece in pieces(batches):
            if isinstance(piece, ColumnTable):
                if blocks or together:
                    raise TypeError("blocks, and columns together, are rows: read the table by rows")
                rows += piece.num_rows
                _merge(profile_columns(piece, _builders(piece.schema, wanted, asked)), found)
                continue
            rows += sum(batch.num_rows for batch in piece)
            row_blocks = blocks.of(piece) if blocks else None
            if group is None or not group.takes(piece[0].schema):
                _gather(group, found)
                group = _Columns(piece[0].schema, wanted, asked, pools)
            group.add(piece, row_blocks)
            if together:
                together.add(piece, row_blocks)
        _gather(group, found)
    return rows, found, together.summary if together else None


class _Together:
    """The columns of numbers together, as long as each piece has the same ones."""

    def __init__(self, wanted: frozenset[str] | None, map_: FeatureMap | None) -> None:
        self._wanted = wanted
        self._map = map_
        self._begun = False
        self.summary: JointSummary | None = None

    def add(self, piece: list[pa.RecordBatch], blocks: RowBlocks | None) -> None:
        schema = piece[0].schema
        places = joint_columns(schema, self._wanted)
        names = tuple(schema.names[place] for place in places)
        for batch in piece if blocks is None else [_one(piece)]:
            part = JointSummary.of(names, matrix_of(batch, places), self._map, blocks)
            self._map = self._map or part.map
            if not self._begun:
                self.summary, self._begun = part, True
            elif self.summary is not None:
                self.summary = self.summary.merge(part)


class _Columns:
    """The builders of one schema. A piece is worked on while the caller reads the next."""

    def __init__(
        self,
        schema: pa.Schema,
        wanted: frozenset[str] | None,
        asked: Mapping[str, str],
        pools: list[ThreadPoolExecutor],
    ) -> None:
        self._schema = schema
        self._pools = pools
        self._running: deque[list[Future[None]]] = deque()
        self._builders = [(place, builder_of()) for place, builder_of in _builders(schema, wanted, asked)]

    def takes(self, schema: pa.Schema) -> bool:
        return self._schema is schema or self._schema.equals(schema)

    def add(self, piece: list[pa.RecordBatch], row_blocks: RowBlocks | None) -> None:
        self._wait(AHEAD - 1)
        if sum(batch.num_rows for batch in piece) * len(self._builders) < _WORTH_A_THREAD:
            self._wait(0)
            for part in range(THREADS):
                self._count(piece, row_blocks, part)
        else:
            self._running.append(
                [pool.submit(self._count, piece, row_blocks, part) for part, pool in enumerate(self._pools)]
            )

    def profiles(self) -> dict[str, ColumnProfile]:
        self._wait(0)
        return {name: column for _, builder in self._builders for name, column in builder.finish().items()}

    def _count(self, piece: list[pa.RecordBatch], row_blocks: RowBlocks | None, part: int) -> None:
        for place, builder in self._builders[part::THREADS]:
            builder.add([batch.column(place) for batch in piece], row_blocks)

    def _wait(self, most: int) -> None:
        """Until at most so many pieces are being counted."""
        while len(self._running) > most:
            for part in self._running.popleft():
                part.result()


def _one(piece: list[pa.RecordBatch]) -> pa.RecordBatch:
    """A piece as one batch: its rows are those of its blocks."""
    return piece[0] if len(piece) == 1 else pa.Table.from_batches(piece).combine_chunks().to_batches()[0]


def _builders(
    schema: pa.Schema, wanted: frozenset[str] | None, asked: Mapping[str, str]
) -> list[tuple[int, Callable[[], ColumnBuilder | EmbeddingBuilder]]]:
    """What makes the builder of each column that is wanted, and the column's place."""
    named = [
        (place, name)
        for place, name in enumerate(unique_names(schema.names))
        if wanted is None or name in wanted
    ]
    most = most_bins(len(named))
    return [(place, partial(_builder, name, schema.field(place).type, asked, most)) for place, name in named]


def _builder(
    name: str, type_: pa.DataType, asked: Mapping[str, str], most: int
) -> ColumnBuilder | EmbeddingBuilder:
    if is_embedding(type_) and asked.get(name) != "skip":
        return EmbeddingBuilder(name, asked, most)
    return ColumnBuilder(name, type_, asked.get(name), most)


def _gather(group: _Columns | None, found: dict[str, ColumnProfile]) -> None:
    if group is not None:
        _merge(group.profiles(), found)


def _merge(columns: Mapping[str, ColumnProfile], found: dict[str, ColumnProfile]) -> None:
    for name, column in columns.items():
        known = found.get(name)
        found[name] = known.merge(column) if known else column
