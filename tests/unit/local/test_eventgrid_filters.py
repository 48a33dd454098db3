"""Subscriptions get what their filters say, by Azure's rules."""

from __future__ import annotations

from typing import Any

import pytest

from local.eventgrid.filters import AdvancedFilter, Filter

EVENT = {
    "eventType": "Microsoft.Storage.BlobCreated",
    "subject": "/blobServices/default/containers/landing/blobs/Flights/2013-01/part.parquet",
    "data": {
        "contentLength": 5,
        "ok": True,
        "nothing": None,
        "api": "PutBlob",
        "tags": ["Red", "green"],
        "RunTags": {"a.dotted.name": "found", "plain": {"deep": 1}},
    },
}


@pytest.mark.parametrize(
    ("operator", "key", "values", "expected"),
    [
        ("StringIn", "data.api", ["putblob", "x"], True),
        ("StringIn", "data.api", ["x"], False),
        ("StringIn", "data.missing", ["x"], False),
        ("StringNotIn", "data.api", ["PUTBLOB"], False),
        ("StringNotIn", "data.api", ["x"], True),
        ("StringNotIn", "data.missing", ["x"], True),
        ("StringContains", "data.api", ["TBL"], True),
        ("StringContains", "data.contentLength", ["5"], False),
        ("StringNotContains", "data.api", ["TBL"], False),
        ("StringBeginsWith", "subject", ["/BLOBSERVICES"], True),
        ("StringEndsWith", "subject", [".csv", ".PARQUET"], True),
        ("StringNotBeginsWith", "subject", ["/blob"], False),
        ("StringNotEndsWith", "subject", [".csv"], True),
        ("NumberGreaterThan", "data.contentLength", [4], True),
        ("NumberGreaterThan", "data.contentLength", [5], False),
        ("NumberGreaterThanOrEquals", "data.contentLength", [5], True),
        ("NumberLessThan", "data.contentLength", [5], False),
        ("NumberLessThanOrEquals", "data.contentLength", [5], True),
        ("NumberGreaterThan", "data.ok", [0], False),
        ("NumberGreaterThan", "data.api", [0], False),
        ("NumberIn", "data.contentLength", [1, 5.0], True),
        ("NumberNotIn", "data.contentLength", [1, 5], False),
        ("NumberInRange", "data.contentLength", [[1, 2], [5, 6]], True),
        ("NumberNotInRange", "data.contentLength", [[1, 2]], True),
        ("BoolEquals", "data.ok", [True], True),
        ("BoolEquals", "data.ok", [False], False),
        ("BoolEquals", "data.contentLength", [True], False),
        ("IsNotNull", "data.ok", [], True),
        ("IsNotNull", "data.nothing", [], False),
        ("IsNotNull", "data.missing", [], False),
        ("IsNullOrUndefined", "data.nothing", [], True),
        ("IsNullOrUndefined", "data.missing.deeper", [], True),
        ("IsNullOrUndefined", "data.ok", [], False),
        ("StringIn", "data.tags", ["GREEN"], True),
        ("StringNotIn", "data.tags", ["green"], False),
        ("StringIn", "DATA.runTags.A.dotted.name", ["found"], True),
        ("NumberIn", "data.RunTags.plain.deep", [1], True),
    ],
)
def test_advanced(operator: Any, key: str, values: list[Any], *, expected: bool) -> None:
    assert AdvancedFilter(operator=operator, key=key, values=values).matches(EVENT) is expected


@pytest.mark.parametrize(
    ("filter_", "expected"),
    [
        (Filter(), True),
        (Filter(included_event_types=["microsoft.storage.BLOBCREATED"]), True),
        (Filter(included_event_types=["Microsoft.Storage.BlobDeleted"]), False),
        (Filter(subject_begins_with="/blobservices/DEFAULT/containers/landing/"), True),
        (Filter(subject_begins_with="/blobServices/default/containers/other/"), False),
        (Filter(subject_ends_with=".PARQUET"), True),
        (Filter(subject_ends_with=".PARQUET", is_subject_case_sensitive=True), False),
        (Filter(subject_ends_with=".parquet", is_subject_case_sensitive=True), True),
        (
            Filter(
                advanced=[
                    AdvancedFilter(operator="StringIn", key="data.api", values=["PutBlob"]),
                    AdvancedFilter(operator="NumberGreaterThan", key="data.contentLength", values=[5]),
                ]
            ),
            False,
        ),
    ],
)
def test_filter(filter_: Filter, *, expected: bool) -> None:
    assert filter_.matches(EVENT) is expected


def test_cloud_events_are_filtered_by_their_type() -> None:
    event = {"specversion": "1.0", "type": "Homeostat.DriftDetected", "subject": "m"}
    assert Filter(included_event_types=["Homeostat.DriftDetected"]).matches(event)
    assert not Filter(included_event_types=["Other"]).matches(event)
