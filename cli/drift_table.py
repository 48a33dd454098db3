"""A drift verdict as text: the verdict first, then the columns, what moved most before the rest.

On a terminal with colours, folded to its width; elsewhere a line a column, for `grep` and logs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drift.verdict import ColumnVerdict, TableVerdict

COLOURS = {"pass": "green", "fail": "red", "inconclusive": "yellow"}
ORDER = ("fail", "inconclusive", "pass")
SHOWN = 40
HEADINGS = ("column", "kind", "verdict", "effect", "why")


def show(verdict: TableVerdict, file: TextIO) -> None:
    """Print the verdict."""
    rows_of = f"{verdict.reference_rows:,} rows of the reference, {verdict.current_rows:,} rows now"
    about = [f"{rows_of}; alpha {verdict.alpha:g}, changes matter from {verdict.min_effect:g} on"]
    if verdict.columns:
        about.append(verdict.calibration)
    ordered = sorted(verdict.columns, key=_urgency)
    rows = [_row(column) for column in ordered[:SHOWN]]
    (_on_terminal if file.isatty() else _plainly)(verdict, about, rows, file)
    if len(ordered) > SHOWN:
        more = len(ordered) - SHOWN
        print(f"and {more:,} columns with less to say: see --json or --html", file=file)


def _row(column: ColumnVerdict) -> tuple[str, ...]:
    effect = "" if column.effect_size is None else f"{column.effect_size:.3f}"
    return " ".join(column.name.split()), column.kind, column.verdict, effect, column.reason


def _plainly(
    verdict: TableVerdict, about: Sequence[str], rows: Sequence[tuple[str, ...]], file: TextIO
) -> None:
    print(f"{verdict.verdict.upper()}: {verdict.reason}", *about, sep="\n", file=file)
    lines = [HEADINGS, *rows] if rows else []
    widths = [max((len(line[place]) for line in lines), default=0) for place in range(len(HEADINGS))]
    for name, kind, judged, effect, why in lines:
        cells = name.ljust(widths[0]), kind.ljust(widths[1]), judged.ljust(widths[2]), effect.rjust(widths[3])
        print(*cells, why, sep="  ", file=file)


def _on_terminal(
    verdict: TableVerdict, about: Sequence[str], rows: Sequence[tuple[str, ...]], file: TextIO
) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(file=file, highlight=False)
    said = (verdict.verdict.upper(), f"bold {COLOURS[verdict.verdict]}"), ": ", verdict.reason
    console.print(Text.assemble(*said), soft_wrap=True)
    for line in about:
        console.print(line, soft_wrap=True, markup=False)
    if not rows:
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in HEADINGS:
        table.add_column(
            heading,
            justify="right" if heading == "effect" else "left",
            overflow="fold" if heading in {"column", "why"} else "ellipsis",
        )
    for name, kind, judged, effect, why in rows:
        table.add_row(Text(name), kind, Text(judged, style=COLOURS[judged]), effect, Text(why))
    console.print(table)


def _urgency(column: ColumnVerdict) -> tuple[int, float]:
    return ORDER.index(column.verdict), -(column.effect_size or 0.0)
