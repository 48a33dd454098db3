"""A profile: what one pass over a table keeps of it. Bounded in size; parts merge into the whole.

Counts, histograms and extremes are the same for every split and order of the rows; means and sums of squares
agree to about 1e-12. Roles (is an integer column a number or a category?) are decided from the finished
counts, so they are the same too; when data are compared with a reference, the reference's roles hold.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from drift import encoding
from drift.arrow_columns import Kind, categories, floats, kind_of, plain_type
from drift.block_columns import category_table, number_table
from drift.blocks import BlockTable
from drift.categories import CategorySummary
from drift.errors import ProfileError
from drift.histogram import KEY_BITS, KeyHistogram
from drift.numeric import NumericSummary

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from drift.block_rule import BlockRule
    from drift.blocks import RowBlocks

ROLES = ("number", "category", "time", "skip")
FEW_VALUES = 20
"""An integer column of at most that many different values is a category unless told."""
_PIECE_ROWS = 1 << 18
_PIECE_BYTES = 1 << 26


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnProfile:
    """One column. `rows` counts the rows whose batch had the column; `asked` is the role the caller fixed."""

    name: str
    kind: Kind
    types: tuple[str, ...] = ()
    """The Arrow types met, sorted."""
    unreadable: tuple[str, ...] = ()
    """Those of them that cannot be profiled."""
    rows: int = 0
    nulls: int = 0
    numeric: NumericSummary | None = None
    category: CategorySummary | None = None
    asked: str | None = None
    blocks: BlockTable | None = None
    """The same by block, of the rows whose block is known."""

    @property
    def missing(self) -> int:
        """Rows without a value: null or NaN."""
        return self.nulls + (self.numeric.nan if self.numeric else 0)

    @property
    def count(self) -> int:
        """Rows with a value that can be compared."""
        if self.numeric:
            return self.numeric.count
        return self.category.count if self.category else 0

    @property
    def role(self) -> str:
        """What the column is compared as: `number`, `category`, `time`, `empty` or `skipped`."""
        return self._role()[0]

    @property
    def role_reason(self) -> str:
        """Why it has that role."""
        return self._role()[1]

    def _role(self) -> tuple[str, str]:
        if self.kind == "skipped":
            return "skipped", self._skip_reason()
        if self.numeric is None:
            return self.kind, "no values" if self.kind == "empty" else f"values are {', '.join(self.types)}"
        distinct = self.numeric.histogram.prefixes.size
        if self.asked in ("number", "time"):
            return self.asked, "as asked"
        if self.asked == "category":
            if self.numeric.histogram.exact:
                return "category", "as asked"
            return self.kind, "asked to be a category, but it has too many different values"
        whole = all(name.startswith(("int", "uint")) for name in self.types if name != "null")
        if self.kind == "number" and whole and 0 < distinct <= FEW_VALUES:
            return "category", f"an integer with {distinct} different values"
        return self.kind, f"values are {', '.join(self.types)}"

    def _skip_reason(self) -> str:
        if self.asked == "skip":
            return "left out as asked"
        if self.unreadable:
            return f"type {', '.join(self.unreadable)} is not supported"
        return f"mixed types: {', '.join(self.types)}"

    def as_role(self, role: str) -> ColumnProfile:
        """The same column with the role fixed."""
        return self if role == self.asked else replace(self, asked=role)

    def category_counts(self) -> CategorySummary | None:
        """Counts by value, also of a column of numbers whose histogram is exact; else None."""
        if self.category is not None:
            return self.category
        if self.numeric is None or not self.numeric.histogram.exact:
            return None
        values, _ = self.numeric.histogram.edges()
        return CategorySummary.of(
            {
                f"{value:.17g}": count
                for value, count in zip(values.tolist(), self.numeric.histogram.counts.tolist(), strict=True)
            }
        )

    def merge(self, other: ColumnProfile) -> ColumnProfile:
        """The column over both sides' rows. Types that do not go together make it a skipped column."""
        if self.asked is not None and other.asked is not None and self.asked != other.asked:
            raise ProfileError(f"column {self.name!r}: asked to be {self.asked} and to be {other.asked}")
        kind = _joined(self.kind, other.kind)
        numeric, category, blocks = self.numeric, self.category, self.blocks
        if kind == "skipped":
            numeric = category = blocks = None
        else:
            if other.blocks:
                blocks = blocks.merge(other.blocks) if blocks else other.blocks
            if other.numeric:
                numeric = numeric.merge(other.numeric) if numeric else other.numeric
            if other.category:
                category = category.merge(other.category) if category else other.category
        return ColumnProfile(
            name=self.name,
            kind=kind,
            types=tuple(sorted({*self.types, *other.types})),
            unreadable=tuple(sorted({*self.unreadable, *other.unreadable})),
            rows=self.rows + other.rows,
            nulls=self.nulls + other.nulls,
            numeric=numeric,
            category=category,
            asked=self.asked or other.asked,
            blocks=blocks,
        )


@dataclass(frozen=True, slots=True)
class Profile:
    """A table's profile."""

    rows: int = 0
    columns: dict[str, ColumnProfile] = field(default_factory=dict)

    def merge(self, other: Profile) -> Profile:
        """The profile of both sides' rows. A column that one side lacks keeps the other side's."""
        columns = dict(self.columns)
        for name, column in other.columns.items():
            columns[name] = columns[name].merge(column) if name in columns else column
        return Profile(self.rows + other.rows, columns)

    def roles(self) -> dict[str, str]:
        """Each column's role, to be fixed when other data are compared with these.

        Empty columns are left out: they say nothing about what the column is.
        """
        return {
            name: "skip" if column.role == "skipped" else column.role
            for name, column in self.columns.items()
            if column.role != "empty"
        }

    def to_bytes(self) -> bytes:
        """The profile as a file: compact, with version and checksum."""
        return encoding.encode(self)

    @classmethod
    def from_bytes(cls, data: bytes) -> Profile:
        """Read what `to_bytes` wrote.

        Raises:
            ProfileError: it is damaged, foreign or of another version.
        """
        return encoding.decode(data)


def profile_batches(
    batches: Iterable[pa.RecordBatch | pa.Table],
    *,
    columns: Sequence[str] | None = None,
    roles: Mapping[str, str] | None = None,
    blocks: BlockRule | None = None,
) -> Profile:
    """Profile a table in one pass, in bounded memory.

    Args:
        batches: the table, in any pieces.
        columns: only these, where they exist.
        roles: fixed roles by column name: `number`, `category`, `time` or `skip`. Give the reference's
            (`reference.roles()`) when the data are to be compared with it.
        blocks: which rows belong together (`ByTime`, `OneBlock`): keeps small counts for each block too.

    Raises:
        ProfileError: a role is none of these, or the blocks' time column is missing or no time.
    """
    asked = dict(roles or {})
    for name, role in asked.items():
        if role not in ROLES:
            raise ProfileError(f"column {name!r}: role {role!r} is none of {', '.join(ROLES)}")
    wanted = None if columns is None else frozenset(columns)
    rows = 0
    found: dict[str, ColumnProfile] = {}
    for piece in _pieces(batches):
        rows += sum(batch.num_rows for batch in piece)
        row_blocks = blocks.of(piece) if blocks else None
        for place, name in enumerate(_unique(piece[0].schema.names)):
            if wanted is not None and name not in wanted:
                continue
            known = found.get(name)
            arrays = [batch.column(place) for batch in piece]
            column = _profile_column(name, arrays, asked.get(name), known, row_blocks)
            found[name] = known.merge(column) if known else column
    return Profile(rows, found)


def _profile_column(
    name: str,
    arrays: list[pa.Array],
    asked: str | None,
    known: ColumnProfile | None,
    row_blocks: RowBlocks | None,
) -> ColumnProfile:
    type_ = arrays[0].type
    kind: Kind = "skipped" if asked == "skip" else kind_of(type_)
    nulls = sum(array.null_count for array in arrays)
    numeric = category = blocks = None
    if kind in ("number", "time"):
        arrays = [_decoded(array) for array in arrays]
        nulls = sum(array.null_count for array in arrays)
        joined = _joined_arrays(arrays)
        values = floats(joined)
        # What earlier blocks gave up need not be counted again.
        bits = known.numeric.histogram.bits if known and known.numeric else KEY_BITS
        numeric = NumericSummary.of(values, bits)
        if row_blocks:
            blocks = number_table(joined, values, numeric, known, row_blocks)
    elif kind == "category":
        nulls = 0
        category = CategorySummary()
        if row_blocks:  # both want the dictionary: it is made once
            arrays = [_encoded(array) for array in arrays]
            blocks = category_table(arrays, row_blocks)
        for array in arrays if pa.types.is_dictionary(arrays[0].type) else [_joined_arrays(arrays)]:
            summary, missing = categories(array)
            category, nulls = category.merge(summary), nulls + missing
    elif kind == "empty" and row_blocks:
        blocks = BlockTable.of(row_blocks, np.empty(0, np.int64), np.empty(0, np.int64), KeyHistogram.empty())
    return ColumnProfile(
        name=name,
        kind=kind,
        types=(str(plain_type(type_)),),
        unreadable=(str(type_),) if kind_of(type_) == "skipped" else (),
        rows=sum(len(array) for array in arrays),
        nulls=nulls,
        numeric=numeric,
        category=category,
        asked=asked,
        blocks=blocks,
    )


def _encoded(array: pa.Array) -> pa.Array:
    if pa.types.is_run_end_encoded(array.type):
        array = pc.run_end_decode(array)
    return array if pa.types.is_dictionary(array.type) else array.dictionary_encode()


def _decoded(array: pa.Array) -> pa.Array:
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def _joined_arrays(arrays: list[pa.Array]) -> pa.Array:
    return arrays[0] if len(arrays) == 1 else pa.concat_arrays(arrays)


def _joined(left: Kind, right: Kind) -> Kind:
    if right in (left, "empty"):
        return left
    return right if left == "empty" else "skipped"


def _pieces(batches: Iterable[pa.RecordBatch | pa.Table]) -> Iterator[list[pa.RecordBatch]]:
    """Pieces of one schema: not so small that each costs more than its rows, nor as large as memory."""
    piece: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        parts = (
            batch.to_batches(max_chunksize=_PIECE_ROWS)
            if isinstance(batch, pa.Table)
            else [batch.slice(start, _PIECE_ROWS) for start in range(0, batch.num_rows, _PIECE_ROWS)]
        )
        for part in parts or [_no_rows(batch.schema)]:
            full = rows + part.num_rows > _PIECE_ROWS or size > _PIECE_BYTES
            if piece and (full or part.schema != piece[0].schema):
                yield piece
                piece, rows, size = [], 0, 0
            piece.append(part)
            rows, size = rows + part.num_rows, size + part.nbytes
    if piece:
        yield piece


def _no_rows(schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array([], field.type) for field in schema], schema=schema)


def _unique(names: list[str]) -> list[str]:
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
