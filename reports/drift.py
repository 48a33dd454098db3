"""One drift check on one page: each column of the current data against the reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reports.charts import bars, twin_histogram
from reports.markup import Markup, join, tag
from reports.page import badge, count, figures, finite, number, page, plural, section, table
from reports.pictures import bars_of

if TYPE_CHECKING:
    from drift.profile import Profile

ORDER = ("fail", "inconclusive", "pass")
WORST = 12
COLOURS = {"fail": 1, "pass": 5, "inconclusive": 4}


def render(
    verdict: dict[str, Any],
    *,
    title: str = "Drift check",
    reference: Profile | None = None,
    current: Profile | None = None,
) -> str:
    """The page as one self-contained HTML file.

    Args:
        verdict: `TableVerdict.to_dict()`.
        title: the page's.
        reference: with `current`, draws a small histogram of each column.
        current: the profile that was checked.
    """
    columns = sorted(verdict.get("columns") or [], key=_urgency)
    rows = dict(verdict.get("rows") or {})
    failed = sum(column.get("verdict") == "fail" for column in columns)
    top = tag(
        "header",
        tag("p", "Homeostat · drift", class_="eyebrow"),
        tag("h1", title),
        tag("p", badge(verdict.get("verdict")), " ", verdict.get("reason") or "", class_="lead"),
    )
    return page(
        title,
        top,
        figures(
            (count(rows.get("reference")), "rows of the reference"),
            (count(rows.get("current")), "rows now"),
            (f"{failed} of {len(columns)}", "columns failed"),
            (number(verdict.get("min_effect")), "smallest effect that matters"),
            (number(verdict.get("alpha")), "false-alarm probability"),
        ),
        _effects(columns, verdict),
        _columns(columns, reference, current),
        tag(
            "footer",
            "A column fails when its Holm-corrected p-value is below the false-alarm probability and its "
            "effect size is at least the smallest one that matters. This file fetches nothing.",
        ),
    )


def _urgency(column: dict[str, Any]) -> tuple[int, float]:
    verdict = column.get("verdict")
    rank = ORDER.index(verdict) if verdict in ORDER else len(ORDER)
    return rank, -(finite(column.get("effect_size")) or 0.0)


def _effects(columns: list[dict[str, Any]], verdict: dict[str, Any]) -> Markup | None:
    measured = [column for column in columns if finite(column.get("effect_size")) is not None]
    measured.sort(key=lambda column: -(finite(column.get("effect_size")) or 0.0))
    if not measured:
        return None
    shown = measured[:WORST]
    drawn = [
        (
            str(one.get("name")),
            finite(one.get("effect_size")) or 0.0,
            f"{number(one.get('effect_size'))} {one.get('verdict')}",
        )
        for one in shown
    ]
    more = len(measured) - len(shown)
    rest = f" {plural(more, 'column')} with smaller effects follow below." if more else ""
    return section(
        "What moved most",
        bars(
            drawn,
            words="Effect size by column, greatest first",
            colours=[COLOURS.get(str(one.get("verdict")), 5) for one in shown],
        ),
        note=f"Greatest first; {number(verdict.get('min_effect'))} is where they begin to matter.{rest}",
    )


def _columns(columns: list[dict[str, Any]], reference: Profile | None, current: Profile | None) -> Markup:
    if not columns:
        return section("Columns", tag("p", "There are no columns to compare.", class_="note"))
    pictures = reference is not None and current is not None
    rows: list[list[object]] = [
        [
            join(tag("b", column.get("name")), tag("br"), tag("span", column.get("kind"), class_="said")),
            badge(column.get("verdict")),
            _picture(str(column.get("name")), reference, current) or "" if pictures else "",
            number(column.get("effect_size")),
            _p(column.get("p_value")),
            join(column.get("reason") or "", _measures(dict(column.get("measures") or {}))),
        ]
        for column in columns
    ]
    head = [
        ("column", ""), ("verdict", ""), ("before and now" if pictures else "", ""), ("effect", "number"),
        ("p-value", "number"), ("why", "reason"),
    ]  # fmt: skip
    note = "Grey bars are the reference, the line is the current data." if pictures else ""
    return section("Columns", table(head, rows), note=note)


def _picture(name: str, reference: Profile | None, current: Profile | None) -> Markup | None:
    before = reference.columns.get(name) if reference else None
    after = current.columns.get(name) if current else None
    if before is None or after is None:
        return None
    drawn = bars_of(before, after.as_role(before.role) if before.role in ("number", "category") else after)
    if drawn is None:
        return None
    return twin_histogram(
        drawn.reference, drawn.current, drawn.labels, words=f"{name}: reference and current"
    )


def _measures(measures: dict[str, dict[str, Any]]) -> Markup | None:
    if not measures:
        return None
    pairs = [join(tag("dt", name.replace("_", " ")), tag("dd", _said(one))) for name, one in measures.items()]
    return tag("details", tag("summary", "measures"), tag("dl", *pairs))


def _p(value: Any) -> str:
    return "below 1e-300" if value is not None and value < 1e-300 else number(value, 2)


def _said(measure: dict[str, Any]) -> str:
    said = number(measure.get("statistic"), 4)
    lower, upper = measure.get("lower"), measure.get("upper")
    if lower is not None and upper is not None and number(lower, 4) != number(upper, 4):
        said += f" (between {number(lower, 4)} and {number(upper, 4)})"
    if measure.get("p_value") is not None:
        said += f", p {_p(measure['p_value'])}"
    if measure.get("effect_size") is not None:
        said += f", effect {number(measure['effect_size'])}"
    return said
