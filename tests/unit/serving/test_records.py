"""The layout of collected data."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from local.serving import records

HEADERS = {
    "ce-type": "azureml.inference.model_inputs",
    "ce-time": "1385855999",
    "ce-x-request-id": "r-1",
    "ce-model-version": "default",
    "ce-collect-data-type": "pandas.DataFrame",
    "ce-agent": "azureml-ai-monitoring/1.0.0",
    "trace-id": "t-1",
    "content-type": "application/json",
}


def test_a_record_is_one_line_with_azures_fields() -> None:
    body = '[{"city":"Zürich\\n","n":1}]'.encode()
    line = records.line(HEADERS, body, "/subscriptions/s/onlineEndpoints/e/deployments/d")
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert json.loads(line) == {
        "specversion": "1.0",
        "id": "t-1",
        "source": "/subscriptions/s/onlineEndpoints/e/deployments/d",
        "type": "azureml.inference.model_inputs",
        "datacontenttype": "application/json",
        "time": "2013-11-30T23:59:59Z",
        "data": [{"city": "Zürich\n", "n": 1}],
        "correlationid": "r-1",
        "xrequestid": "r-1",
        "modelversion": "default",
        "collectdatatype": "pandas.DataFrame",
        "agent": "azureml-ai-monitoring/1.0.0",
        "contentrange": f"bytes 0-{len(body) - 1}/{len(body)}",
    }


def test_the_path_names_the_hour_of_the_record() -> None:
    at = records.moment(HEADERS)
    assert at == datetime(2013, 11, 30, 23, 59, 59, tzinfo=UTC)
    assert records.blob("e", "d", "model_inputs", at, "i1") == "e/d/model_inputs/2013/11/30/23/i1.jsonl"


@pytest.mark.parametrize("kind", ["something.else", "azureml.inference.", ""])
def test_what_names_no_collection_is_refused(kind: str) -> None:
    with pytest.raises(records.Malformed, match="ce-type"):
        records.collection({"ce-type": kind})


@pytest.mark.parametrize(
    ("headers", "body", "why"),
    [(HEADERS | {"ce-time": "yesterday"}, b"[]", "ce-time"), (HEADERS, b"not json", "JSON")],
)
def test_what_is_no_record_is_refused(headers: dict[str, str], body: bytes, why: str) -> None:
    with pytest.raises(records.Malformed, match=why):
        records.line(headers, body, "")
