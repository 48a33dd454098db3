"""`homeostat lineage`: what each version comes from and where it went, in lines and as JSON."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from cli.lineage import around, shown, standing, told
from control.lineage import graph
from control.state import LineageExport

AT = datetime(2026, 5, 1, 12, 30, tzinfo=UTC)
HAPPENED: list[tuple[str, str, dict[str, Any]]] = [
    ("evidence", "batch", {"version": "a", "path": "1/", "rows": 10, "quality": "pass", "drift": "pass"}),
    ("evidence", "batch", {"version": "b", "path": "2/", "rows": 20, "quality": "pass", "drift": "fail"}),
    ("decision", "retrain", {"job": "rt-m-1-0a", "training": ["a"], "evaluation": [], "champion": None, "policy": "p"}),
    ("decision", "candidate passed", {"job": "rt-m-1-0a", "verdict": "pass", "evidence": "e", "policy": "p"}),
    ("decision", "model registered", {"version": "1", "job": "rt-m-1-0a", "evidence": "e"}),
    ("decision", "release proposed", {"version": "1", "deployment": "g001"}),
    ("decision", "approved", {"version": "1", "deployment": "g001", "by": "policy", "evidence": "e", "policy": "p"}),
    ("effect", "CreateDeployment", {"version": "1", "deployment": "g001", "endpoint": "e"}),
    ("decision", "promoted", {"version": "1", "deployment": "g001"}),
    ("decision", "evaluate", {"version": "10", "job": "ev-m-1-0b", "evaluation": ["b"], "champion": "1", "policy": "p"}),
]  # fmt: skip
ENTITIES = graph(
    {"model": "m", "number": number, "at": AT.isoformat(), "kind": kind, "name": name, "detail": detail}
    for number, (kind, name, detail) in enumerate(HAPPENED, start=1)
)


def test_a_version_stands_between_what_it_comes_from_and_where_it_went() -> None:
    assert list(told(ENTITIES)) == [
        "version 1 (status promoted)",
        "  from job rt-m-1-0a (purpose training, status registered, verdict pass)",
        "    data a (path 1/, rows 10, quality pass, drift pass)",
        "  to release g001 (status promoted, approvedBy policy)",
        "    deployment g001 (endpoint e, status created)",
        "version 10",
        "  looked at by job ev-m-1-0b (purpose evaluation, status launched)",
        "    data b (path 2/, rows 20, quality pass, drift fail)",
    ]


def test_what_led_to_no_version_comes_last() -> None:
    data_alone = [one for one in ENTITIES if one.ref.kind == "data"]
    assert next(iter(told(data_alone))) == "without a version:"
    assert len(list(told(data_alone))) == 3


def test_one_version_alone() -> None:
    assert list(told(around(ENTITIES, "10"))) == list(told(ENTITIES))[5:]
    assert around(ENTITIES, "7") == ()


def test_the_whole_graph_as_json() -> None:
    found = {(one["kind"], one["name"]): one for one in map(shown, ENTITIES)}
    assert found["job", "rt-m-1-0a"]["inputs"] == [{"kind": "data", "name": "a"}]
    assert found["job", "rt-m-1-0a"]["outputs"] == [{"kind": "version", "name": "1"}]
    assert found["release", "g001"]["attributes"]["promoted"] == AT.isoformat()
    assert "inputs" not in found["data", "a"]


@pytest.mark.parametrize(
    ("export", "words"),
    [
        (LineageExport(last=9), "all of it"),
        (LineageExport(last=4), "up to entry 4 of 9; the rest follows"),
        (LineageExport(last=4, fault="no Data Curator"), "up to entry 4 of 9: no Data Curator"),
    ],
)
def test_how_far_purview_has_it(export: LineageExport, words: str) -> None:
    assert words in standing(export, 9)
