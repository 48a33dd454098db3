"""A drift verdict on the terminal: the verdict first, then the columns, what moved most before the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import Console

    from drift.verdict import ColumnVerdict, TableVerdict

COLOURS = {"pass": "green", "fail": "red", "inconclusive": "yellow"}
ORDER = ("fail", "inconclusive", "pass")
SHOWN = 40


def show(verdict: TableVerdict, console: Console) -> None:
    """Print the verdict."""
    colour = COLOURS[verdict.verdict]
    console.print(
        Text.assemble((verdict.verdict.upper(), f"bold {colour}"), ": ", verdict.reason), soft_wrap=True
    )
    console.print(
        f"{verdict.reference_rows:,} rows of the reference, {verdict.current_rows:,} rows now; "
        f"alpha {verdict.alpha:g}, changes matter from {verdict.min_effect:g} on",
        soft_wrap=True,
    )
    if not verdict.columns:
        return
    console.print(verdict.calibration, soft_wrap=True, markup=False)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("column", overflow="fold")
    table.add_column("kind")
    table.add_column("verdict")
    table.add_column("effect", justify="right")
    table.add_column("why", overflow="fold")
    ordered = sorted(verdict.columns, key=_urgency)
    for column in ordered[:SHOWN]:
        table.add_row(
            Text(column.name),
            column.kind,
            Text(column.verdict, style=COLOURS[column.verdict]),
            "" if column.effect_size is None else f"{column.effect_size:.3f}",
            Text(column.reason),
        )
    console.print(table)
    if len(ordered) > SHOWN:
        console.print(f"and {len(ordered) - SHOWN:,} columns with less to say: see --json or --html")


def _urgency(column: ColumnVerdict) -> tuple[int, float]:
    return ORDER.index(column.verdict), -(column.effect_size or 0.0)
