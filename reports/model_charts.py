"""Charts of one model's test: calibration and the confusion matrix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reports.markup import Markup, tag
from reports.page import finite
from reports.style import COLOURS

SIZE, LEFT, BOTTOM, RIGHT = 300, 46, 44, 12
CELL_WIDE, CELL_TALL = 150, 74


def reliability(series: Mapping[str, Sequence[Mapping[str, Any]]]) -> Markup:
    """Share of positive rows by predicted probability; the diagonal is right. Larger points are more rows."""

    def x(value: float) -> float:
        return LEFT + SIZE * value

    def y(value: float) -> float:
        return RIGHT + SIZE * (1 - value)

    drawn = [
        tag("line", x1=f"{x(at):.0f}", x2=f"{x(at):.0f}", y1=f"{y(0):.0f}", y2=f"{y(1):.0f}", class_="grid")
        for at in (0, 0.25, 0.5, 0.75, 1)
    ]
    for at in (0, 0.25, 0.5, 0.75, 1):
        drawn += [
            tag("line", x1=LEFT, x2=f"{x(1):.0f}", y1=f"{y(at):.0f}", y2=f"{y(at):.0f}", class_="grid"),
            tag("text", f"{at:g}", x=LEFT - 8, y=f"{y(at) + 4:.0f}", text_anchor="end", class_="soft"),
            tag(
                "text", f"{at:g}", x=f"{x(at):.0f}", y=RIGHT + SIZE + 18, text_anchor="middle", class_="soft"
            ),
        ]
    drawn += [
        tag("line", x1=f"{x(0):.0f}", y1=f"{y(0):.0f}", x2=f"{x(1):.0f}", y2=f"{y(1):.0f}", class_="axis",
            stroke_dasharray="4 4"),
        tag("text", "predicted probability", x=f"{x(0.5):.0f}", y=RIGHT + SIZE + 36, text_anchor="middle",
            class_="soft"),
    ]  # fmt: skip
    most = max((one.get("rows") or 0 for bins in series.values() for one in bins), default=1) or 1
    for place, (name, bins) in enumerate(series.items()):
        colour = f"var(--c{place % COLOURS})"
        known = [(finite(one.get("score")), finite(one.get("rate")), one.get("rows") or 0) for one in bins]
        points = [(x(s), y(r), s, r, rows) for s, r, rows in known if s is not None and r is not None]
        path = " ".join(f"{px:.1f},{py:.1f}" for px, py, _, _, _ in points)
        drawn.append(tag("polyline", points=path, fill="none", stroke=colour, stroke_width=1.5))
        for px, py, score, rate, rows in points:
            words = f"{name}: {rows:,} rows, {score:.3f} predicted, {rate:.3f} came true"
            radius = f"{2.5 + 5 * (rows / most) ** 0.5:.1f}"
            drawn.append(
                tag("circle", tag("title", words), cx=f"{px:.1f}", cy=f"{py:.1f}", r=radius, fill=colour)
            )
    words = "Share of rows whose label is 1, by predicted probability: " + " and ".join(series)
    box = f"0 0 {LEFT + SIZE + RIGHT} {RIGHT + SIZE + BOTTOM}"
    return tag("svg", tag("title", words), *drawn, viewBox=box, role="img", style="max-width:420px")


def confusion(counts: Mapping[str, Any], name: str) -> Markup:
    """Four cells, darker the more rows they hold; each says its count and its share of the row."""
    cells = {
        (0, 0): ("true_negative", "said 0, is 0"),
        (0, 1): ("false_positive", "said 1, is 0"),
        (1, 0): ("false_negative", "said 0, is 1"),
        (1, 1): ("true_positive", "said 1, is 1"),
    }
    rows = [sum(int(counts.get(cells[row, column][0]) or 0) for column in (0, 1)) for row in (0, 1)]
    drawn = [
        tag("text", f"says {column}", x=66 + CELL_WIDE * (column + 0.5), y=14, text_anchor="middle",
            class_="soft")
        for column in (0, 1)
    ]  # fmt: skip
    for (row, column), (key, words) in cells.items():
        count = int(counts.get(key) or 0)
        share = count / rows[row] if rows[row] else 0.0
        left, top = 66 + CELL_WIDE * column, 22 + CELL_TALL * row
        right = row == column
        drawn += [
            tag("rect", tag("title", f"{name}: {count:,} rows, {words}"), x=left, y=top, width=CELL_WIDE - 4,
                height=CELL_TALL - 4, rx=6, fill=f"var(--c{2 if right else 1})",
                fill_opacity=f"{0.12 + 0.5 * share:.2f}"),
            tag("text", f"{count:,}", x=left + CELL_WIDE / 2 - 2, y=top + 32, text_anchor="middle",
                style="font-size:17px;font-weight:600"),
            tag("text", f"{share:.1%} of its row", x=left + CELL_WIDE / 2 - 2, y=top + 52,
                text_anchor="middle", class_="soft"),
        ]  # fmt: skip
        if column == 0:
            drawn.append(tag("text", f"is {row}", x=56, y=top + 40, text_anchor="end", class_="soft"))
    box = f"0 0 {66 + 2 * CELL_WIDE} {22 + 2 * CELL_TALL}"
    title = tag("title", f"Confusion matrix of the {name}")
    return tag("svg", title, *drawn, viewBox=box, role="img", style="max-width:400px")
