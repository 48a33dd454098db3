"""A model's story on one page: what arrived, what was found, what was decided, who serves, and the proof."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from typing import Any

from reports.charts import Interval, Line, bars, intervals, lines, shares
from reports.markup import Markup, join, tag
from reports.page import (
    NOTHING,
    badge,
    count,
    figures,
    finite,
    legend,
    listed,
    number,
    page,
    plural,
    section,
    table,
)

KINDS = ("event", "evidence", "decision", "effect", "serving")
WORST = 5
Record = dict[str, Any]

_SEARCH = """
(function(){var box=document.getElementById('find');if(!box)return;box.parentNode.hidden=false;
box.addEventListener('input',function(){var wanted=box.value.toLowerCase();
document.querySelectorAll('ol.timeline>li').forEach(function(li){
li.hidden=wanted!==''&&li.textContent.toLowerCase().indexOf(wanted)<0;});});})();
"""


def render(data: dict[str, Any]) -> str:
    """The page as one self-contained HTML file.

    Args:
        data: `model`, `title`, `records` ({at, kind, model, name, detail}, and number, previous and hash for
            those of the audit trail), `batches`, `evaluations` and `serving`. What is missing is left out.
    """
    records = list(data.get("records") or [])
    batches = list(data.get("batches") or [])
    evaluations = list(data.get("evaluations") or [])
    serving = dict(data.get("serving") or {})
    title = str(data.get("title") or data.get("model") or "Homeostat")
    top = tag(
        "header",
        tag("p", f"Homeostat · {data.get('model') or 'no model'}", class_="eyebrow"),
        tag("h1", title),
        tag("p", headline(records, batches, evaluations, serving), class_="lead"),
    )
    drifted = sum(batch.get("drift") == "fail" for batch in batches)
    passed = sum(one.get("verdict") == "pass" for one in evaluations)
    return page(
        title,
        top,
        figures(
            (count(len(batches)), "batches arrived"),
            (count(drifted), "of them drifted"),
            (f"{passed} of {len(evaluations)}", "candidates passed the gate"),
            (count(serving.get("requests", 0)), "requests"),
            (count(serving.get("failed", 0)), "failed requests"),
        ),
        _drift(batches),
        _evaluations(evaluations),
        _releases(records, serving),
        _timeline(records),
        _chain(records),
        tag("footer", "Made from the model's own records. This file fetches nothing."),
        script=_SEARCH,
    )


def headline(
    records: list[Record],
    batches: list[dict[str, Any]],
    evaluations: list[dict[str, Any]],
    serving: dict[str, Any],
) -> str:
    """What happened and why, in one paragraph."""
    if not records and not batches and not evaluations:
        return "Nothing has happened yet."
    said = []
    if batches:
        rows = sum(int(finite(batch.get("rows")) or 0) for batch in batches)
        said.append(f"{plural(len(batches), 'batch', 'batches')} with {rows:,} rows arrived.")
        drifted = [str(batch.get("path")).rstrip("/") for batch in batches if batch.get("drift") == "fail"]
        if drifted:
            worst = _worst_columns(batches)
            moved = f", most of all in {worst[0]}" if worst else ""
            said.append(f"Drift against the reference was found in {listed(drifted)}{moved}.")
        else:
            said.append("None of them drifted.")
        unfit = sum(batch.get("quality") == "fail" for batch in batches)
        if unfit:
            said.append(f"{plural(unfit, 'batch', 'batches')} failed the quality gate and taught nothing.")
    if evaluations:
        passed = [one for one in evaluations if one.get("verdict") == "pass"]
        kept = len(evaluations) - len(passed)
        said.append(
            f"{plural(len(evaluations), 'candidate was', 'candidates were')} trained: "
            f"{len(passed)} passed the gate, {kept} did not."
        )
    for record in reversed(records):
        if record.get("name") == "promoted":
            detail = _detail(record)
            why = f" because {detail['reason']}" if detail.get("reason") else ""
            said.append(f"Version {detail.get('version', '?')} was promoted last{why}.")
            break
    if serving.get("requests"):
        failed = int(finite(serving.get("failed")) or 0)
        answer = "none failed" if not failed else f"{failed:,} failed"
        said.append(f"Of {count(serving['requests'])} requests to the endpoint {answer}.")
    return " ".join(said)


def _worst_columns(batches: list[dict[str, Any]]) -> list[str]:
    greatest: dict[str, float] = {}
    for batch in batches:
        for column in batch.get("columns") or []:
            effect = finite(column.get("effect_size"))
            if effect is not None:
                name = str(column.get("name"))
                greatest[name] = max(greatest.get(name, 0.0), effect)
    return sorted(greatest, key=lambda name: (-greatest[name], name))


def _drift(batches: list[dict[str, Any]]) -> Markup:
    if not batches:
        return section("Drift by batch", tag("p", "No batch has arrived yet.", class_="note"))
    labels = [str(batch.get("path")).rstrip("/") for batch in batches]
    verdicts = [str(batch.get("drift")) for batch in batches]
    series = []
    for name in _worst_columns(batches)[:WORST]:
        found = [_column(batch, name) for batch in batches]
        effects = [finite(column.get("effect_size")) for column in found]
        series.append(Line(name, effects, [str(column.get("verdict")) for column in found]))
    chart = None
    if series:
        names = listed([line.name for line in series], WORST)
        chart = lines(labels, series, verdicts, words=f"Effect size of {names} in each batch")
    rows: list[list[object]] = [
        [
            tag("code", batch.get("path")),
            count(batch.get("rows")),
            badge(batch.get("quality")),
            badge(batch.get("drift")),
            batch.get("reason") or "",
        ]
        for batch in batches
    ]
    head = [("batch", ""), ("rows", "number"), ("quality", ""), ("drift", ""), ("why", "reason")]
    return section(
        "Drift by batch",
        chart,
        tag("details", tag("summary", "Every batch and the reason for its verdict"), table(head, rows)),
        note="How far each batch is from what the champion learned from: the effect sizes of the columns "
        "that moved most. A cross on a line marks a column that failed; the signs below are the batch's "
        "verdict.",
    )


def _column(batch: dict[str, Any], name: str) -> dict[str, Any]:
    columns = batch.get("columns") or []
    return next((dict(column) for column in columns if str(column.get("name")) == name), {})


def _evaluations(evaluations: list[dict[str, Any]]) -> Markup:
    if not evaluations:
        return section("Candidate against champion", tag("p", "No candidate has been judged.", class_="note"))
    compared = []
    for one in evaluations:
        value, lower, upper = (finite(one.get(key)) for key in ("difference", "lower", "upper"))
        if value is not None and lower is not None and upper is not None:
            label = f"{_version(one)} · {one.get('metric') or 'metric'}"
            verdict = str(one.get("verdict"))
            words = f"{label}: {value:+.4f}, from {lower:+.4f} to {upper:+.4f}: {verdict}"
            compared.append(Interval(label, value, lower, upper, verdict, words))
    rows: list[list[object]] = [
        [
            _version(one),
            tag("code", one.get("job") or NOTHING),
            number(one.get("candidate"), 4),
            number(one.get("champion"), 4),
            badge(one.get("verdict")),
            one.get("reason") or "",
        ]
        for one in evaluations
    ]
    head = [
        ("candidate", ""), ("job", ""), ("candidate's metric", "number"), ("champion's", "number"),
        ("gate", ""), ("why", "reason"),
    ]  # fmt: skip
    return section(
        "Candidate against champion",
        intervals(compared, words="Difference of candidate and champion with confidence intervals")
        if compared
        else None,
        table(head, rows),
        note="Each candidate's metric minus the champion's on the same rows, with its confidence interval. "
        "The first model has no champion to be compared with.",
    )


def _version(one: dict[str, Any]) -> str:
    return f"version {one['version']}" if one.get("version") else "not registered"


def _releases(records: list[Record], serving: dict[str, Any]) -> Markup:
    changes = [r for r in records if r.get("kind") == "effect" and r.get("name") == "SetTraffic"]
    steps = [
        {str(name): finite(share) or 0.0 for name, share in dict(_detail(r).get("traffic") or {}).items()}
        for r in changes
    ]
    served = {str(k): finite(v) or 0.0 for k, v in dict(serving.get("by_deployment") or {}).items()}
    names = list(dict.fromkeys([*(name for step in steps for name in step), *served]))
    if not names:
        return section("Releases", tag("p", "No deployment has had traffic yet.", class_="note"))
    asked = [
        bars(
            [(name, value, f"{value:,.0f} answered") for name, value in served.items()],
            words="Requests that each deployment answered",
            colours=[names.index(name) for name in served],
        )
    ] if served else []  # fmt: skip
    failed = finite(serving.get("failed"))
    return section(
        "Releases",
        shares([_clock(r) for r in changes], steps, names, words="Traffic by deployment after each change")
        if steps
        else None,
        legend(names) if steps else None,
        tag("h2", "Requests answered", style="margin-top:18px") if asked else None,
        *asked,
        tag("p", f"{count(failed)} requests failed.", class_="note") if failed is not None else None,
        note="Percent of the traffic by deployment after each change, in order.",
    )


def _timeline(records: list[Record]) -> Markup:
    tally = {kind: sum(r.get("kind") == kind for r in records) for kind in KINDS}
    boxes = [
        tag(
            "label",
            tag("input", type="checkbox", id=f"show-{kind}", checked=True),
            f"{kind} ({tally[kind]})",
        )
        for kind in KINDS
    ]
    find = tag(
        "label",
        tag("input", type="search", id="find", placeholder="find in the timeline", aria_label="find"),
        hidden=True,
    )
    items = [_moment(record) for record in records]
    return section(
        "Timeline",
        tag("div", *boxes, find, class_="filters"),
        tag("ol", *items, class_="timeline") if items else tag("p", "No records.", class_="note"),
        class_="story",
    )


def _moment(record: Record) -> Markup:
    detail = _detail(record)
    kind = str(record.get("kind"))
    said = next((_value(detail[key]) for key in ("reason", "text", "traffic") if detail.get(key)), "")
    subject = next((detail[key] for key in ("path", "job", "version", "deployment") if detail.get(key)), None)
    pairs = [join(tag("dt", key), tag("dd", _value(value))) for key, value in detail.items()]
    return tag(
        "li",
        tag("time", _clock(record), datetime=record.get("at")),
        tag("span", kind, class_="kind"),
        tag("b", record.get("name")),
        join(" ", tag("code", subject)) if subject is not None else None,
        join(" ", tag("span", said, class_="said")) if said else None,
        tag("details", tag("summary", "detail"), tag("dl", *pairs)) if pairs else None,
        class_=f"k-{kind}" if kind in KINDS else None,
    )


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_value(one)}" for key, one in value.items()) or NOTHING
    if isinstance(value, list | tuple):
        return "; ".join(_value(one) for one in value) or NOTHING
    return NOTHING if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)


def _chain(records: list[Record]) -> Markup:
    entries = [record for record in records if record.get("hash")]
    if not entries:
        return section("Audit trail", tag("p", "These records carry no hashes.", class_="note"))
    broken = next(
        (after for before, after in pairwise(entries) if after.get("previous") != before.get("hash")),
        None,
    )
    if broken is None:
        state = join(
            badge("pass"), f" {plural(len(entries), 'entry', 'entries')}, each naming the hash before it."
        )
    else:
        state = join(badge("fail"), f" Entry {broken.get('number', '?')} does not follow the one before it.")
    rows: list[list[object]] = [
        [
            str(entry.get("number", "")),
            tag("code", str(entry["hash"])[:16], title=entry["hash"]),
            tag("code", str(entry.get("previous") or "start")[:16]),
            str(entry.get("kind")),
            str(entry.get("name")),
        ]
        for entry in entries
    ]
    head = [("no.", "number"), ("hash", ""), ("follows", ""), ("kind", ""), ("name", "")]
    return section(
        "Audit trail",
        tag("p", state),
        tag("details", tag("summary", "The chain"), table(head, rows)),
        note="Every record is hashed together with the hash of the one before: a record cannot be changed or "
        "taken out later without all that follow it. Here only the links are compared; the ledger checks the "
        "hashes themselves.",
    )


def _detail(record: Record) -> dict[str, Any]:
    detail = record.get("detail")
    return detail if isinstance(detail, dict) else {}


def _clock(record: Record) -> str:
    at = str(record.get("at") or "")
    try:
        return datetime.fromisoformat(at).strftime("%H:%M:%S")
    except ValueError:
        return at
