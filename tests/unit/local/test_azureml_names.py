"""URIs, ids, traffic and durations."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.azureml.durations import BadDuration, seconds
from local.azureml.names import (
    Asset,
    BadReference,
    Home,
    JobOutput,
    Place,
    asset,
    job_output,
)
from local.azureml.references import References
from local.azureml.store import Record, Store
from local.azureml.traffic import BadTraffic, check

LONG = Home().long_uri("azureml://datastores/landing/paths/a/b%20c.txt")


@pytest.mark.parametrize(
    ("uri", "place"),
    [
        ("azureml://datastores/landing/paths/a/b/", Place("landing", "a/b/")),
        ("azureml://datastores/workspaceblobstore/paths/x", Place("azureml", "x")),
        (
            "azureml://datastores/workspaceartifactstore/ExperimentRun/dcid.j",
            Place("azureml", "ExperimentRun/dcid.j"),
        ),
        (LONG, Place("landing", "a/b c.txt")),
        ("http://127.0.0.1:10000/devstoreaccount1/code-1/src", Place("code-1", "src")),
        ("http://127.0.0.1:10000/devstoreaccount1/code-1", Place("code-1", "")),
    ],
)
def test_places(uri: str, place: Place) -> None:
    assert Home().place(uri) == place


@pytest.mark.parametrize(
    "uri", ["azureml://datastores/other/paths/x", "wasbs://a@b/c", "azureml:x:1", "", "/etc/passwd"]
)
def test_no_place(uri: str) -> None:
    with pytest.raises(BadReference):
        Home().place(uri)


@pytest.mark.parametrize(
    ("reference", "kind", "named"),
    [
        (
            "/subscriptions/s/resourceGroups/r/providers/p/workspaces/w/models/m/versions/1",
            "",
            Asset("models", "m", "1"),
        ),
        (
            "azureml:/subscriptions/s/resourceGroups/r/providers/p/workspaces/w/codes/c/versions/1",
            "",
            Asset("codes", "c", "1"),
        ),
        (
            "azureml://subscriptions/s/resourceGroups/r/workspaces/w/data/d/versions/v.1",
            "",
            Asset("data", "d", "v.1"),
        ),
        ("azureml:m:1", "models", Asset("models", "m", "1")),
        ("azureml:m@latest", "models", Asset("models", "m", label="latest")),
        ("azureml:m:1", "", None),
        (LONG, "data", None),
        ("azureml://jobs/j/outputs/o", "data", None),
    ],
)
def test_assets(reference: str, kind: str, named: Asset | None) -> None:
    assert asset(reference, kind) == named


def test_job_outputs() -> None:
    assert job_output("azureml://jobs/j/outputs/o/paths/a/b") == JobOutput("j", "o", "a/b")
    assert job_output("azureml://jobs/j/outputs/o") == JobOutput("j", "o", "")
    assert job_output("runs:/j/model") == JobOutput("j", "artifacts", "model")
    assert job_output(LONG) is None


def test_another_workspace_is_apart() -> None:
    first, other = Home(), Home.named("other")
    assert first.subscription != other.subscription
    assert first.group_id != other.group_id
    assert first.guid != other.guid
    assert not set(first.datastores.values()) & set(other.datastores.values())
    assert other.place("azureml://datastores/landing/paths/a") == Place("landing-other", "a")
    assert other.place(other.long_uri("azureml://datastores/landing/paths/a")).container == "landing-other"
    for here, there in ((first, other), (other, first)):
        with pytest.raises(BadReference, match="another workspace"):
            here.place(there.long_uri("azureml://datastores/landing/paths/a"))
    for name in ("local", "Big", "a--b", "x", "under_score", "a/b"):
        with pytest.raises(ValueError, match="a workspace here has"):
            Home.named(name)


def test_long_uri() -> None:
    assert (
        Home()
        .long_uri("azureml://datastores/landing/paths/a")
        .endswith("/workspaces/local/datastores/landing/paths/a")
    )
    assert Home().long_uri("https://example.com/x") == "https://example.com/x"


def test_references(tmp_path: Path) -> None:
    store = Store(tmp_path / "s.sqlite", Home())
    references = References(store)
    store.put(Record("data", "d", "1", {"properties": {"dataUri": "azureml://datastores/landing/paths/1/"}}))
    store.put(Record("data", "d", "2", {"properties": {"dataUri": "azureml:d:1"}}))
    outputs = {"o": {"uri": "azureml://datastores/workspaceblobstore/paths/out/"}, "default": {"uri": "x"}}
    store.put(Record("jobs", "j", "", {"properties": {"outputs": outputs}}))
    assert references.place("azureml:d@latest") == Place("landing", "1/")
    assert references.place("azureml://jobs/j/outputs/o/paths/x") == Place("azureml", "out/x")
    assert references.place("runs:/j/model") == Place("azureml", "ExperimentRun/dcid.j/model")
    for wrong in (
        "azureml:d:3",
        "azureml:e@latest",
        "azureml://jobs/j/outputs/p",
        "azureml://jobs/k/outputs/o",
    ):
        with pytest.raises(BadReference):
            references.uri(wrong)
    store.close()


def test_store_keeps_order_and_survives(tmp_path: Path) -> None:
    store = Store(tmp_path / "s.sqlite", Home())
    for version in ("b", "a", "c"):
        store.put(Record("k", "n", version, {"properties": {}}, {"secret": version}))
    store.put(Record("k", "n", "b", {"properties": {"x": 1}}))
    store.close()
    store = Store(tmp_path / "s.sqlite", Home())
    assert [r.version for r in store.all("k")] == ["b", "a", "c"]
    found = store.get("k", "n", "b")
    assert found is not None
    assert found.properties == {"x": 1}
    store.delete("k", "n", "b")
    assert store.get("k", "n", "b") is None
    store.close()


@pytest.mark.parametrize(
    ("traffic", "mirror"),
    [({}, {}), ({"a": 100}, {}), ({"a": 10, "b": 90}, {}), ({"a": 100, "b": 0}, {"b": 50}), ({"a": 30}, {})],
)
def test_traffic(traffic: dict[str, int], mirror: dict[str, int]) -> None:
    check(traffic, mirror, ["a", "b"])


@pytest.mark.parametrize(
    ("traffic", "mirror", "says"),
    [
        ({"x": 0}, {}, "no deployment x"),
        ({"a": 60, "b": 41}, {}, "add up to 101"),
        ({"a": -1}, {}, "whole number"),
        ({"a": 101}, {}, "whole number"),
        ({"a": 0.5}, {}, "whole number"),
        ({"a": True}, {}, "whole number"),
        ({}, {"a": 51}, "over 50"),
        ({}, {"a": 10, "b": 10}, "only one deployment"),
        ({"a": 100}, {"a": 10}, "has live traffic"),
    ],
)
def test_bad_traffic(traffic: dict[str, int], mirror: dict[str, int], says: str) -> None:
    with pytest.raises(BadTraffic, match=says):
        check(traffic, mirror, ["a", "b"])


def test_durations() -> None:
    assert [seconds("PT1M30S"), seconds("P1D"), seconds(20), seconds("20")] == [90, 86400, 20, 20]
    for wrong in ("soon", "", None):
        with pytest.raises(BadDuration):
            seconds(wrong)
