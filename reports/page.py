"""The frame of every page, and the few pieces that all pages share."""

from __future__ import annotations

import math
from typing import Any

from reports.markup import Markup, join, tag, trusted
from reports.style import COLOURS, CSS

NOTHING = "\u2013"
"""What stands where there is no value."""
MARKS = {"pass": "✓", "fail": "✕", "inconclusive": "?"}


def page(title: str, *body: object, script: str = "") -> str:
    """One self-contained HTML file. It fetches nothing, and says so to the browser."""
    policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        tag("style", trusted(CSS)),
    )
    main = tag("main", *body)
    scripted = tag("script", trusted(script)) if script else None
    return "<!DOCTYPE html>\n" + tag("html", head, tag("body", main, scripted), lang="en") + "\n"


def section(title: str, *body: object, note: str = "", class_: str | None = None) -> Markup:
    """A card with a heading."""
    said = tag("p", note, class_="note") if note else None
    return tag("section", tag("h2", title), said, *body, class_=class_)


def badge(verdict: object) -> Markup:
    """A verdict in colour, sign and word: colour alone never carries it."""
    word = str(verdict) if verdict else "none"
    known = word in MARKS
    return tag(
        "span", f"{MARKS[word]} {word}" if known else word, class_=f"badge {word if known else 'none'}"
    )


def table(head: list[tuple[str, str]], rows: list[list[object]]) -> Markup:
    """A table; each column is (heading, class of its cells)."""
    top = tag("tr", *(tag("th", name, scope="col", class_=kind or None) for name, kind in head))
    body = (
        tag("tr", *(tag("td", cell, class_=kind or None) for cell, (_, kind) in zip(row, head, strict=True)))
        for row in rows
    )
    return tag("div", tag("table", tag("thead", top), tag("tbody", *body)), class_="scroll", tabindex="0")


def figures(*pairs: tuple[object, str]) -> Markup:
    """A row of numbers with what they count."""
    return tag(
        "div", *(tag("div", tag("b", value), tag("span", what), class_="figure") for value, what in pairs),
        class_="figures",
    )  # fmt: skip


def legend(names: list[str]) -> Markup:
    """Which colour is which."""
    entries = (
        tag("span", tag("i", style=f"background:var(--c{at % COLOURS})"), name)
        for at, name in enumerate(names)
    )
    return tag("div", *entries, class_="legend")


def number(value: Any, digits: int = 3) -> str:
    """A number to read; a dash for what is not one."""
    found = finite(value)
    if found is None:
        return NOTHING
    return f"{found:,.0f}" if found == int(found) and abs(found) >= 10 else f"{found:.{digits}g}"


def count(value: Any) -> str:
    """A whole number with separators; a dash for what is not one."""
    found = finite(value)
    return NOTHING if found is None else f"{found:,.0f}"


def finite(value: Any) -> float | None:
    """The value as a number, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def plural(amount: int, word: str, many: str = "") -> str:
    """`1 batch`, `2 batches`."""
    return f"{amount:,} {word if amount == 1 else many or word + 's'}"


def listed(names: list[str], most: int = 3) -> str:
    """`a, b and c`; longer lists end with how many more there are."""
    shown = names[:most]
    if len(names) > most:
        return f"{', '.join(shown)} and {len(names) - most} more"
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}" if shown else ""


__all__ = ["badge", "count", "figures", "finite", "join", "legend", "listed", "number", "page", "plural",
           "section", "table"]  # fmt: skip
