"""A column in a profile's file: its entry in the header, and the parts it has."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from drift.column_profile import ColumnProfile
from drift.encoding.blocks import blocks_header, read_blocks
from drift.encoding.categories import category_header, read_category
from drift.encoding.numbers import numeric_header, read_numeric
from drift.encoding.texts import read_text, text_header
from drift.errors import ProfileError
from drift.extremes import Extremes

if TYPE_CHECKING:
    from drift.encoding.arrays import Reader, Writer


def column_header(column: ColumnProfile, arrays: Writer) -> dict[str, Any]:
    """Store the column; returns its entry in the header."""
    entry: dict[str, Any] = {
        "name": column.name,
        "kind": column.kind,
        "types": list(column.types),
        "unreadable": list(column.unreadable),
        "rows": column.rows,
        "nulls": column.nulls,
        "asked": column.asked,
    }
    if column.numeric is not None:
        entry["numeric"] = numeric_header(column.numeric, arrays)
    if column.extremes is not None:
        entry["extremes"] = [str(column.extremes.least), str(column.extremes.most)]
    if column.category is not None:
        entry["category"] = category_header(column.category, arrays)
    if column.text is not None:
        entry["text"] = text_header(column.text, arrays)
    if column.blocks is not None:
        entry["blocks"] = blocks_header(column.blocks, arrays)
    return entry


def read_column(entry: dict[str, Any], arrays: Reader) -> ColumnProfile:
    """Read what `column_header` stored."""
    if entry["kind"] not in ("empty", "number", "time", "category", "skipped"):
        raise ProfileError(f"the profile is damaged: column kind {entry['kind']!r}")
    numeric = read_numeric(entry["numeric"], arrays) if "numeric" in entry else None
    category = read_category(entry["category"], arrays) if "category" in entry else None
    text = read_text(entry["text"], arrays) if "text" in entry else None
    blocks = read_blocks(entry["blocks"], arrays) if "blocks" in entry else None
    return ColumnProfile(
        name=str(entry["name"]),
        kind=entry["kind"],
        types=tuple(map(str, entry["types"])),
        unreadable=tuple(map(str, entry["unreadable"])),
        rows=int(entry["rows"]),
        nulls=int(entry["nulls"]),
        numeric=numeric,
        category=category,
        text=text,
        extremes=Extremes(*map(Decimal, entry["extremes"])) if "extremes" in entry else None,
        asked=entry["asked"],
        blocks=blocks,
    )
