"""Routes of HTTP functions."""

from __future__ import annotations

import pytest

from local.host.routes import Route


@pytest.mark.parametrize(
    ("template", "path", "expected"),
    [
        ("api/alert", "/api/alert", {}),
        ("api/alert", "/API/Alert/", {}),
        ("api/alert", "/api/alerts", None),
        ("api/{name}", "/api/a%20b", {"name": "a b"}),
        ("api/{name}", "/api/a/b", None),
        ("api/{id:int}", "/api/-12", {"id": "-12"}),
        ("api/{id:int}", "/api/x", None),
        ("api/{id:int?}", "/api", {}),
        ("api/{kind=all}", "/api", {"kind": "all"}),
        ("api/{kind=all}", "/api/some", {"kind": "some"}),
        ("api/files/{*path}", "/api/files/a/b.txt", {"path": "a/b.txt"}),
        ("api/files/{*path}", "/api/files", {}),
        ("api/{a}-{b}.json", "/api/x-y.json", {"a": "x", "b": "y"}),
    ],
)
def test_match(template: str, path: str, expected: dict[str, str] | None) -> None:
    assert Route.compile(template).match(path) == expected


def test_literal_routes_win() -> None:
    routes = [Route.compile(each) for each in ("api/{*all}", "api/{one}", "api/fixed")]
    assert [route.template for route in sorted(routes, key=lambda route: route.weight)] == [
        "api/fixed",
        "api/{one}",
        "api/{*all}",
    ]
