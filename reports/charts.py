"""Charts as SVG. Each says in words what it shows; titles on the marks carry the numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from reports.markup import Markup, tag
from reports.style import COLOURS

WIDTH = 960
STATES = ("pass", "fail", "inconclusive")


@dataclass(frozen=True, slots=True)
class Line:
    """One column over the batches. None: not measured there."""

    name: str
    values: list[float | None]
    verdicts: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Interval:
    """One estimate with its confidence interval."""

    label: str
    value: float
    lower: float
    upper: float
    verdict: str
    words: str
    said: str = ""
    """What is written behind it; empty for the verdict."""


def lines(labels: list[str], series: list[Line], verdicts: list[str], *, words: str) -> Markup:
    """Lines over an ordered axis, each named at its end; a cross marks the points that failed."""
    left, right, top, height = 46, 170, 12, 240
    most = max((v for line in series for v in line.values if v is not None), default=0.0)
    step = _step(most)
    limit = step * max(1, -(-most // step))
    wide = WIDTH - left - right
    x = [left + wide * (at + 0.5) / max(len(labels), 1) for at in range(len(labels))]

    def y(value: float) -> float:
        return top + height * (1 - value / limit)

    drawn: list[Markup] = _grid(left, WIDTH - right, step, limit, y)
    ends: list[tuple[float, int, str]] = []
    for at, line in enumerate(series):
        colour = f"var(--c{at % COLOURS})"
        points = [(x[i], y(v), v, i) for i, v in enumerate(line.values) if v is not None]
        if not points:
            continue
        path = " ".join(f"{px:.1f},{py:.1f}" for px, py, _, _ in points)
        drawn.append(tag("polyline", points=path, fill="none", stroke=colour, stroke_width=2))
        for px, py, value, i in points:
            verdict = line.verdicts[i] if i < len(line.verdicts) else ""
            title = tag("title", f"{line.name}, {labels[i]}: {value:.3g} {verdict}")
            if verdict == "fail":
                cross = f"M{px - 4:.1f} {py - 4:.1f}l8 8m0-8l-8 8"
                drawn.append(tag("path", title, d=cross, stroke=colour, stroke_width=2.5, fill="none"))
            else:
                drawn.append(tag("circle", title, cx=f"{px:.1f}", cy=f"{py:.1f}", r=3, fill=colour))
        ends.append((points[-1][1], at, line.name))
    drawn += _names(ends, WIDTH - right + 10, top, top + height)
    every = max(1, -(-len(labels) * 64 // wide))
    for at, label in enumerate(labels):
        state = verdicts[at] if at < len(verdicts) and verdicts[at] in STATES else None
        if state:
            drawn.append(_mark(x[at], top + height + 16, state, f"{label}: drift {state}"))
        if at % every == 0:
            drawn.append(_text(x[at], top + height + 38, _short(label, 10), "soft", "middle"))
    return _svg(top + height + 48, words, drawn)


def intervals(rows: list[Interval], *, words: str) -> Markup:
    """Estimates with intervals around a line at zero."""
    left, right, top, row = 230, 150, 26, 40
    low = min([0.0, *(one.lower for one in rows)])
    high = max([0.0, *(one.upper for one in rows)])
    margin = (high - low or 1.0) * 0.08
    low, high = low - margin, high + margin
    bottom = top + row * len(rows)

    def x(value: float) -> float:
        return left + (WIDTH - left - right) * (value - low) / (high - low)

    zero = x(0)
    drawn = [
        tag("line", x1=f"{zero:.1f}", x2=f"{zero:.1f}", y1=top - 6, y2=bottom, class_="axis"),
        _text(zero - 8, 14, "champion better", "soft", "end"),
        _text(zero + 8, 14, "candidate better", "soft", "start"),
    ]
    for at, one in enumerate(rows):
        y = top + row * at + row / 2
        state = one.verdict if one.verdict in STATES else "inconclusive"
        title = tag("title", one.words)
        drawn += [
            tag("line", x1=left, x2=WIDTH - right, y1=y + row / 2, y2=y + row / 2, class_="grid"),
            _text(0, y + 4, _short(one.label, 34), "", "start"),
            tag("line", title, x1=f"{x(one.lower):.1f}", x2=f"{x(one.upper):.1f}", y1=y, y2=y, stroke_width=3,
                stroke_linecap="round", class_=f"line-{state}"),
            _mark(x(one.value), y, state, one.words),
            _text(WIDTH - right + 14, y + 4, f"{one.value:+.4f} {one.said or state}", "", "start"),
        ]  # fmt: skip
    return _svg(bottom + 6, words, drawn)


def shares(labels: list[str], steps: list[dict[str, float]], names: list[str], *, words: str) -> Markup:
    """Stacked columns of percentages, one for each change."""
    left, top, height = 46, 12, 170
    wide = WIDTH - left - 10
    slot = wide / max(len(steps), 1)
    bar = min(slot * 0.8, 60)

    def y(value: float) -> float:
        return top + height * (1 - value / 100)

    drawn = _grid(left, WIDTH - 10, 25, 100, y)
    every = max(1, -(-len(labels) * 62 // int(wide)))
    for at, step in enumerate(steps):
        middle, stacked = left + slot * (at + 0.5), 0.0
        for place, name in enumerate(names):
            share = min(max(step.get(name, 0.0), 0.0), 100.0)
            if not share:
                continue
            stacked += share
            title = tag("title", f"{labels[at]}: {name} {share:g} %")
            drawn.append(
                tag("rect", title, x=f"{middle - bar / 2:.1f}", y=f"{y(stacked):.1f}", width=f"{bar:.1f}",
                    height=f"{height * share / 100:.1f}", fill=f"var(--c{place % COLOURS})")
            )  # fmt: skip
        if at % every == 0:
            drawn.append(_text(middle, top + height + 18, labels[at], "soft", "middle"))
    return _svg(top + height + 28, words, drawn)


def bars(rows: Sequence[tuple[str, float, str]], *, words: str, colours: Sequence[int] = ()) -> Markup:
    """Horizontal bars: (name, value, what is written behind)."""
    left, right, row = 170, 150, 30
    most = max((value for _, value, _ in rows), default=0.0) or 1.0
    drawn = []
    for at, (name, value, behind) in enumerate(rows):
        y = row * at + 4
        width = (WIDTH - left - right) * max(value, 0.0) / most
        colour = colours[at] if at < len(colours) else 0
        drawn += [
            _text(left - 10, y + 15, _short(name, 26), "", "end"),
            tag("rect", tag("title", f"{name}: {behind}"), x=left, y=y, width=f"{width:.1f}", height=21, rx=3,
                fill=f"var(--c{colour % COLOURS})"),
            _text(left + width + 8, y + 15, behind, "soft", "start"),
        ]  # fmt: skip
    return _svg(row * len(rows) + 4, words, drawn)


def twin_histogram(reference: list[float], current: list[float], labels: list[str], *, words: str) -> Markup:
    """A small picture of two distributions: the reference as bars, the current data as a line over them."""
    wide, height = 220, 54
    most = max([*reference, *current, 0.0]) or 1.0
    slot = wide / max(len(reference), 1)
    drawn, points = [], []
    for at, (before, after) in enumerate(zip(reference, current, strict=True)):
        tall = height * before / most
        title = tag("title", f"{labels[at]}: {before:.1%} before, {after:.1%} now")
        drawn.append(
            tag("rect", title, x=f"{slot * at + 0.5:.1f}", y=f"{height - tall:.1f}",
                width=f"{max(slot - 1, 0.5):.1f}", height=f"{tall:.1f}", fill="var(--c5)", opacity="0.55")
        )  # fmt: skip
        level = height - height * after / most
        points += [f"{slot * at:.1f},{level:.1f}", f"{slot * (at + 1):.1f},{level:.1f}"]
    drawn.append(tag("polyline", points=" ".join(points), fill="none", stroke="var(--c1)", stroke_width=2))
    return tag("svg", tag("title", words), *drawn, viewBox=f"0 -2 {wide} {height + 4}", role="img",
               style="max-width:220px;min-width:140px")  # fmt: skip


def _svg(height: float, words: str, drawn: Sequence[Markup]) -> Markup:
    box = f"0 0 {WIDTH} {height:.0f}"
    picture = tag("svg", tag("title", words), *drawn, viewBox=box, role="img", style="min-width:640px")
    return tag("div", picture, class_="scroll", tabindex="0")


def _grid(left: float, right: float, step: float, limit: float, y: Callable[[float], float]) -> list[Markup]:
    drawn, value = [], 0.0
    while value <= limit * 1.0001:
        at = f"{y(value):.1f}"
        drawn.append(tag("line", x1=left, x2=right, y1=at, y2=at, class_="grid"))
        drawn.append(_text(left - 8, float(at) + 4, f"{value:.4g}", "soft", "end"))
        value += step
    return drawn


def _names(ends: list[tuple[float, int, str]], x: float, top: float, bottom: float) -> list[Markup]:
    """Names beside the lines' ends, moved apart where they would overlap."""
    gap, placed, last = 15.0, [], top - 15.0
    ordered = sorted(ends)
    for at, (y, colour, name) in enumerate(ordered):
        room = bottom - gap * (len(ordered) - 1 - at)
        last = min(max(y, last + gap), room)
        label = _text(x, last + 4, _short(name, 22), "", "start", style=f"fill:var(--c{colour % COLOURS})")
        placed.append(label)
    return placed


def _mark(x: float, y: float, state: str, words: str) -> Markup:
    """A circle passes, a cross fails, a diamond is unsure."""
    title, kind = tag("title", words), f"mark-{state}"
    if state == "pass":
        return tag("circle", title, cx=f"{x:.1f}", cy=f"{y:.1f}", r=5, class_=kind)
    if state == "fail":
        corner = "l5 5l5-5l2 2l-5 5l5 5l-2 2l-5-5l-5 5l-2-2l5-5l-5-5z"
        return tag("path", title, d=f"M{x - 5:.1f} {y - 7:.1f}{corner}", class_=kind)
    return tag("path", title, d=f"M{x:.1f} {y - 7:.1f}l7 7l-7 7l-7-7z", class_=kind)


def _text(x: float, y: float, text: str, class_: str, anchor: str, style: str | None = None) -> Markup:
    return tag(
        "text", text, x=f"{x:.1f}", y=f"{y:.1f}", text_anchor=anchor, class_=class_ or None, style=style
    )


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _step(most: float) -> float:
    """A round step that gives about five lines."""
    if most <= 0:
        return 0.1
    rough = most / 4
    scale = 10.0 ** math.floor(math.log10(rough))
    return next((scale * nice for nice in (1, 2, 5) if scale * nice >= rough), scale * 10)
