"""What a profile keeps of one column, and what the column is compared as."""

from __future__ import annotations

from dataclasses import dataclass, replace

from drift.arrow_columns import Kind
from drift.blocks import BlockTable
from drift.categories import CategorySummary
from drift.errors import ProfileError
from drift.extremes import Extremes
from drift.numeric import NumericSummary
from drift.text import TextSummary

FEW_VALUES = 20
"""An integer column of at most that many different values is a category unless told."""


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
    text: TextSummary | None = None
    """Of a column of texts: their lengths and patterns."""
    extremes: Extremes | None = None
    """Of integers and decimals: exact, also where float64 is not."""
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
        numeric, category, text, blocks = self.numeric, self.category, self.text, self.blocks
        extremes = self.extremes or other.extremes
        if self.extremes and other.extremes:
            extremes = self.extremes.merge(other.extremes)
        elif self.count and other.count:  # one side's numbers are floats
            extremes = None
        if kind == "skipped":
            numeric = category = text = blocks = extremes = None
        else:
            if other.blocks:
                blocks = blocks.merge(other.blocks) if blocks else other.blocks
            if other.numeric:
                numeric = numeric.merge(other.numeric) if numeric else other.numeric
            if other.category:
                category = category.merge(other.category) if category else other.category
            if other.text:
                text = text.merge(other.text) if text else other.text
        return ColumnProfile(
            name=self.name,
            kind=kind,
            types=tuple(sorted({*self.types, *other.types})),
            unreadable=tuple(sorted({*self.unreadable, *other.unreadable})),
            rows=self.rows + other.rows,
            nulls=self.nulls + other.nulls,
            numeric=numeric,
            category=category,
            text=text,
            extremes=extremes,
            asked=self.asked or other.asked,
            blocks=blocks,
        )


def _joined(left: Kind, right: Kind) -> Kind:
    if right in (left, "empty"):
        return left
    return right if left == "empty" else "skipped"
