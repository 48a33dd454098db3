"""What happened and why, from the records: for the terminal, for JSON and for the report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Record = dict[str, Any]
"""`{at, kind, model, name, detail}`; kind is event, evidence, decision, effect or serving."""


CHAIN = ("number", "previous", "hash")


def record(at: str, kind: str, model: str, name: str, detail: Mapping[str, Any]) -> Record:
    """One record."""
    return {"at": at, "kind": kind, "model": model, "name": name, "detail": dict(detail)}


def of_audit(model: str, entry: Mapping[str, Any]) -> Record:
    """An entry of the audit trail, with its place in the chain."""
    told = record(entry["at"], entry["kind"], model, entry["name"], entry["detail"])
    return told | {key: entry[key] for key in CHAIN if key in entry}


def public(entry: Record) -> Record:
    """The record as `--json` writes it: what is promised, and no more."""
    return {key: entry[key] for key in ("at", "kind", "model", "name", "detail")}


def named(records: Iterable[Record], *names: str) -> list[Record]:
    """The records with one of these names, in time's order."""
    return [entry for entry in records if entry["name"] in names]


def evaluations(records: Iterable[Record]) -> list[dict[str, Any]]:
    """Every candidate that reached the gate."""
    judged = []
    for entry in named(records, "candidate passed", "candidate refused"):
        detail = entry["detail"]
        judged.append(
            {
                "version": detail.get("version"),
                "job": detail["job"],
                "metric": detail.get("metric"),
                "difference": detail.get("difference"),
                "lower": detail.get("lower"),
                "upper": detail.get("upper"),
                "candidate": detail.get("candidate_value"),
                "champion": detail.get("champion_value"),
                "verdict": detail["verdict"],
                "reason": detail["reason"],
            }
        )
    return judged


def batches(records: Iterable[Record]) -> list[dict[str, Any]]:
    """Every batch that arrived, with its drift by column."""
    kept = ("path", "rows", "quality", "drift", "reason")
    return [
        {key: entry["detail"].get(key) for key in kept} | {"columns": entry["detail"].get("columns", [])}
        for entry in named(records, "batch")
    ]


def serving(records: Iterable[Record]) -> dict[str, Any]:
    """All requests of the demonstration."""
    by_deployment: Counter[str] = Counter()
    failed = 0
    for entry in records:
        if entry["kind"] == "serving" and entry["name"] == "requests":
            by_deployment.update(entry["detail"]["by_deployment"])
            failed += entry["detail"]["failed"]
    return {
        "requests": sum(by_deployment.values()) + failed,
        "failed": failed,
        "by_deployment": dict(sorted(by_deployment.items())),
    }


def report(model: str, title: str, records: list[Record]) -> dict[str, Any]:
    """What `reports.loop.render` takes."""
    return {
        "model": model,
        "title": title,
        "records": records,
        "batches": batches(records),
        "evaluations": evaluations(records),
        "serving": serving(records),
    }


def _first(reason: str) -> str:
    """A reason's beginning: the rest is in the report."""
    first, *rest = reason.split("; ")
    return f"{first}; and more" if rest else first


TELLING: dict[str, Callable[[dict[str, Any]], str]] = {
    "batch": lambda d: (
        f"batch {d['path']} {d['rows']:,} rows; quality {d['quality']}; "
        f"drift {d['drift']}: {_first(d['reason'])}"
    ),
    "retrain": lambda d: f"retrain as {d['job']}",
    "no retraining": lambda d: f"no retraining: {d['reason']}",
    "retraining failed": lambda d: f"retraining failed: {d['reason']}",
    "candidate passed": lambda d: f"candidate {d['version']} passed the gate: {d['reason']}",
    "candidate refused": lambda d: (
        f"candidate of {d['job']} refused by the gate ({d['verdict']}): {_first(d['reason'])}"
    ),
    "shadow": lambda d: f"version {d['version']} answers {d['percent']} % of the requests in the shadow",
    "traffic step": lambda d: f"version {d['version']} gets {d['percent']} % of the traffic",
    "promoted": lambda d: (
        f"version {d['version']} is the champion"
        + (f" instead of version {d['instead_of']}" if d["instead_of"] else "")
    ),
    "roll back": lambda d: f"version {d['version']} goes back: {d['reason']}",
    "rolled back": lambda d: f"version {d['version']} is gone, the champion answers",
    "production inputs": lambda d: f"production inputs: drift {d['verdict']}: {_first(d['reason'])}",
}
"""What people are told of an entry, by its name."""

OUTCOME = frozenset({"candidate passed", "candidate refused", "promoted", "roll back"})


def tell(entry: Record) -> str | None:
    """One line for what matters to people; None for the rest."""
    text = TELLING.get(entry["name"])
    return text(entry["detail"]) if text else None


def outcome(records: list[Record]) -> list[str]:
    """What happened and why, a line each: drift found, candidates judged, and what became of them."""
    return [
        line
        for entry in records
        if entry["name"] in OUTCOME or (entry["name"] == "batch" and entry["detail"]["drift"] == "fail")
        if (line := tell(entry))
    ]


def missing(records: list[Record]) -> list[str]:
    """What a whole demonstration must contain and this one does not."""
    names = Counter(entry["name"] for entry in records)
    drifted = sum(entry["detail"].get("drift") == "fail" for entry in named(records, "batch"))
    asked = {
        "a batch that drifted": drifted,
        "a first model and a better one promoted": max(names["promoted"] - 1, 0),
        "a candidate refused by the gate": names["candidate refused"],
        "requests answered by the endpoint": serving(records)["requests"],
        "no failed request": serving(records)["failed"] == 0,
    }
    return [what for what, count in asked.items() if not count]
