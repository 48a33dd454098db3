"""The test report of one candidate: what it was asked, how it compares, and where it fails."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from reports.charts import Interval, bars, intervals
from reports.markup import Markup, join, tag
from reports.model_charts import confusion, reliability
from reports.page import badge, count, figures, finite, legend, number, page, plural, section, table

if TYPE_CHECKING:
    from control.gate import Judgement

SCHEMA = 1
SLICES = 30
"""Slices drawn; the table has them all."""
FEATURES = 20
WORDS = {
    "pass": "It passed every check.",
    "fail": "It failed: the champion stays.",
    "inconclusive": "Whether it is good enough cannot be told, and that is no pass: the champion stays.",
}


def data(
    *,
    model: str,
    job: str,
    version: str | None,
    champion: str | None,
    evidence: str,
    policy_digest: str,
    judged_at: datetime,
    judgement: Judgement,
    evaluation: dict[str, Any],
) -> dict[str, Any]:
    """Everything that the report says, as plain data: the same each time for the same judgement."""
    return {
        "schema": SCHEMA,
        "model": model,
        "job": job,
        "version": version,
        "champion": champion,
        "evidence": evidence,
        "policy": policy_digest,
        "judged_at": judged_at.isoformat(timespec="seconds"),
        "verdict": judgement.verdict,
        "reason": judgement.reason,
        "checks": [
            {"name": check.name, "verdict": check.verdict, "reason": check.reason}
            for check in judgement.checks
        ],
        "evaluation": evaluation,
    }


def as_json(report: dict[str, Any]) -> str:
    """The data as a file."""
    return json.dumps(report, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def render(report: dict[str, Any]) -> str:
    """The page as one self-contained HTML file, from what `data` made."""
    evaluation, checks = report["evaluation"], report["checks"]
    title = f"{report['model']} {report['version'] or '(not registered)'}"
    top = tag(
        "header",
        tag("p", f"Homeostat · test report of {report['job']}", class_="eyebrow"),
        tag("h1", title),
        tag("p", badge(report["verdict"]), " ", WORDS.get(report["verdict"], ""), class_="lead"),
    )
    passed = sum(check["verdict"] == "pass" for check in checks)
    against = f"version {report['champion']}" if report["champion"] else "none yet"
    return page(
        title,
        top,
        figures(
            (f"{passed} of {len(checks)}", "checks passed"),
            (count(evaluation.get("rows")), "rows judged"),
            (count(evaluation.get("units")), "independent units of them"),
            (against, "champion"),
        ),
        _checks(checks),
        _comparison(report),
        _metrics(evaluation),
        _slices(report),
        _calibration(evaluation),
        _confusion(evaluation),
        _errors(evaluation),
        _importance(evaluation),
        _robustness(evaluation),
        _proof(report),
        tag(
            "footer",
            "Made from the rows that candidate and champion both predicted. This file fetches nothing.",
        ),
    )


def _checks(checks: list[dict[str, Any]]) -> Markup:
    order = {"fail": 0, "inconclusive": 1}
    ranked = sorted(checks, key=lambda check: order.get(check["verdict"], 2))
    rows: list[list[object]] = [[one["name"], badge(one["verdict"]), one["reason"]] for one in ranked]
    if not rows:
        return section("Checks", tag("p", "The policy asks for nothing here.", class_="note"))
    return section("Checks", table([("check", ""), ("verdict", ""), ("why", "reason")], rows))


def _comparison(report: dict[str, Any]) -> Markup | None:
    comparison = report["evaluation"].get("comparison")
    if not comparison:
        return None
    better = report["evaluation"].get("metrics") or {}
    verdicts = {check["name"].partition(" ")[2]: check["verdict"] for check in report["checks"]
                if check["name"].startswith("champion ")}  # fmt: skip
    drawn = [
        _interval(name, one, bool((better.get(name) or {}).get("greater_is_better")), verdicts.get(name))
        for name, one in sorted(comparison.items(), key=lambda entry: entry[0] not in verdicts)
    ]
    method = next((str(one["method"]) for one in comparison.values() if one.get("method")), "")
    confidence = next((one.get("confidence") for one in comparison.values()), None)
    return section(
        "Candidate against champion",
        intervals(
            [one for one in drawn if one], words="Difference of each metric with its confidence interval"
        ),
        note=f"On the same rows, with {number(confidence)} confidence: right of the line the candidate is "
        f"better. Metrics that should be small are turned around; those that no gate asks for have no "
        f"verdict. {method.capitalize()}.",
    )


def _interval(name: str, one: dict[str, Any], better: bool, verdict: str | None) -> Interval | None:  # noqa: FBT001 - a fact about the metric
    value, lower, upper = (finite(one.get(key)) for key in ("difference", "lower", "upper"))
    if value is None or lower is None or upper is None:
        return None
    if not better:
        value, lower, upper = -value, -upper, -lower
    said = ""
    if verdict is None:  # no gate asks for it: this is no verdict
        verdict, said = (
            ("pass", "better") if lower > 0 else ("fail", "worse") if upper < 0 else ("", "unclear")
        )
    words = f"{name}: better by {value:.4f}, from {lower:.4f} to {upper:.4f}"
    return Interval(name, value, lower, upper, verdict, words, said)


def _metrics(evaluation: dict[str, Any]) -> Markup | None:
    models = [name for name in ("candidate", "champion") if evaluation.get(name)]
    if not models:
        return None
    names = list(dict.fromkeys(name for model in models for name in evaluation[model].get("metrics") or {}))
    better = evaluation.get("metrics") or {}
    said: dict[Any, str] = {True: "greater is better", False: "smaller is better"}
    claimed = evaluation.get("claimed") or {}
    rows: list[list[object]] = [
        [
            name,
            *(number((evaluation[model].get("metrics") or {}).get(name), 4) for model in models),
            number((evaluation["candidate"].get("standard_errors") or {}).get(name), 2),
            said.get((better.get(name) or {}).get("greater_is_better"), "1 is right"),
        ]
        for name in names
    ]
    head = [("metric", ""), *((model, "number") for model in models), ("standard error", "number"), ("", "")]
    differs = ", ".join(f"{name} {number(value, 4)}" for name, value in claimed.items())
    note = (
        f"The pipeline itself says otherwise: {differs}. What counts is what its rows give."
        if differs
        else ""
    )
    return section("Metrics", table(head, rows), note=note)


def _slices(report: dict[str, Any]) -> Markup | None:
    parts = report["evaluation"].get("slices") or []
    if not parts:
        return None
    checks = [check for check in report["checks"] if check["name"].startswith("slice ")]
    verdicts = {check["name"]: check["verdict"] for check in checks}
    metrics = list(dict.fromkeys(check["name"].rpartition(" ")[2] for check in checks))
    metrics = metrics or list(report["evaluation"].get("metrics") or {})[:1]
    better = report["evaluation"].get("metrics") or {}
    pictures = []
    for metric in metrics:
        up = bool((better.get(metric) or {}).get("greater_is_better"))
        drawn = []
        for part in parts:
            label = f"{part.get('by')}={part.get('value')}"
            compared = (part.get("comparison") or {}).get(metric)
            verdict = verdicts.get(f"slice {label} {metric}")
            if compared and (verdict or not checks):
                found = _interval(label, compared, up, verdict)
                if found:
                    drawn.append(found)
        drawn.sort(key=lambda one: one.value)
        if drawn:
            more = f": the worst {SLICES} of {len(drawn)}" if len(drawn) > SLICES else ", the worst first"
            words = f"Difference of {metric} in each slice"
            pictures += [tag("h2", f"{metric}{more}", style="margin-top:14px"),
                         intervals(drawn[:SLICES], words=words)]  # fmt: skip
    rows: list[list[object]] = [
        [
            f"{part.get('by')}={part.get('value')}",
            count(part.get("rows")),
            *(number((part.get(who) or {}).get(metric), 4) for metric in metrics
              for who in ("candidate", "champion")),
        ]
        for part in parts
    ]  # fmt: skip
    head = [("slice", ""), ("rows", "number")]
    head += [(f"{who} {metric}", "number") for metric in metrics for who in ("candidate", "champion")]
    return section(
        "Slices",
        *pictures,
        tag("details", tag("summary", f"All {plural(len(parts), 'slice')}"), table(head, rows)),
        note="A slice fails when a drop beyond what the policy allows is proven, corrected for how many "
        "slices are judged; it passes when such a drop is ruled out; else there are too few rows to tell.",
    )


def _calibration(evaluation: dict[str, Any]) -> Markup | None:
    found = {name: one for name, one in (evaluation.get("calibration") or {}).items() if one}
    if not found:
        return None
    metrics = {name: (evaluation.get(name) or {}).get("metrics") or {} for name in found}
    said = "; ".join(
        f"{name}: expected calibration error {number(one.get('ece'))}, "
        f"slope {number(one.get('calibration_slope'))}"
        for name, one in metrics.items()
    )
    return section(
        "Calibration",
        reliability(found),
        legend(list(found)),
        note="Of the rows with that probability, so many came true; on the dashed line it is what it says. "
        f"{said}.",
    )


def _confusion(evaluation: dict[str, Any]) -> Markup | None:
    found = evaluation.get("confusion") or {}
    if not found:
        return None
    pictures = [
        tag("div", tag("p", name, class_="note"), confusion(one, name)) for name, one in found.items()
    ]
    return section("Confusion matrix", tag("div", *pictures, class_="figures"))


def _errors(evaluation: dict[str, Any]) -> Markup | None:
    found = evaluation.get("largest_errors") or []
    if not found:
        return None
    what = "log loss" if evaluation.get("task") == "binary" else "absolute error"
    names = list(found[0].get("slices") or {})
    rows: list[list[object]] = [
        [
            count(one.get("row")),
            number(one.get("error"), 4),
            *(str((one.get("slices") or {}).get(name)) for name in names),
        ]
        for one in found
    ]
    head = [("row", "number"), (what, "number"), *((name, "") for name in names)]
    return section(
        "Largest errors of the candidate",
        table(head, rows),
        note="By position in predictions.parquet, counted from 0; no value of the row is repeated here.",
    )


def _importance(evaluation: dict[str, Any]) -> Markup | None:
    found = evaluation.get("importance") or {}
    features = found.get("features") or []
    if not features:
        return None
    drawn = [
        (
            str(one.get("name")),
            max(finite(one.get("loss")) or 0.0, 0.0),
            f"{number(one.get('loss'))} ± {number(one.get('spread'), 2)}",
        )
        for one in features[:FEATURES]
    ]
    metric = found.get("metric")
    more = f" {len(features) - FEATURES} more features matter less." if len(features) > FEATURES else ""
    return section(
        "What mattered",
        bars(drawn, words=f"Loss of {metric} when a feature is shuffled, greatest first"),
        note=f"How much {metric} gets worse when a feature's values are shuffled, over "
        f"{count(found.get('rows'))} rows and {count(found.get('repeats'))} shuffles.{more}",
    )


def _robustness(evaluation: dict[str, Any]) -> Markup | None:
    found = evaluation.get("robustness") or {}
    if not found:
        return None
    rows: list[list[object]] = [
        [
            name.replace("_", " "),
            *(count(one.get(key)) for key in ("asked", "answered", "refused")),
            join(*(join(said, tag("br")) for said in (one.get("wrong") or [])[:10])),
        ]
        for name, one in found.items()
    ]
    head = [("requests with", ""), ("asked", "number"), ("answered", "number"),
            ("refused with a reason", "number"), ("neither", "reason")]  # fmt: skip
    return section("Robustness", table(head, rows))


def _proof(report: dict[str, Any]) -> Markup:
    pairs = [
        ("job", report["job"]), ("judged", report["judged_at"]), ("evidence", report["evidence"]),
        ("policy", report["policy"]),
    ]  # fmt: skip
    return section(
        "Evidence",
        tag("dl", *(join(tag("dt", name), tag("dd", tag("code", value))) for name, value in pairs)),
        note="The evidence is the SHA-256 of what `sha256sum evaluation.json predictions.parquet` prints in "
        "the folder of the evaluation.",
    )
