"""What the alert rules find, on rows of their tables: run by local Azure's KQL."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from infra.checks.everything import ROOT
from infra.checks.queries import run

NOW = datetime(2026, 3, 1, 12, 4, tzinfo=UTC).replace(tzinfo=None)


def answer(rule: str, table: str, rows: list[dict[str, object]]) -> dict[str, list[Any]]:
    return run((ROOT / "infra" / "alerts" / f"{rule}.kql").read_text("utf-8"), {table: rows})


def requests(count: int, code: int, ms: int, deployment: str = "g001") -> list[dict[str, object]]:
    one = {"TimeGenerated": NOW, "EndpointName": "e", "DeploymentName": deployment, "ResponseCode": code}
    return [{**one, "TotalDurationMs": ms} for _ in range(count)]


def test_errors_of_an_endpoint_are_a_share_of_enough_requests() -> None:
    rows = [*requests(95, 200, 5), *requests(3, 500, 5), *requests(2, 424, 5), *requests(9, 500, 5, "g002")]
    found = answer("endpoint-errors", "AmlOnlineEndpointTrafficLog", rows)
    assert (found["DeploymentName"], found["FailedPercent"]) == (["g001"], [5.0])


def test_what_a_caller_did_wrong_is_no_error_of_the_endpoint() -> None:
    rows = [*requests(30, 200, 5), *requests(30, 401, 5)]
    assert answer("endpoint-errors", "AmlOnlineEndpointTrafficLog", rows)["FailedPercent"] == [0.0]


def test_latency_is_the_95th_percentile() -> None:
    rows = [*requests(90, 200, 10), *requests(10, 200, 2000)]
    (found,) = answer("endpoint-latency", "AmlOnlineEndpointTrafficLog", rows)["LatencyMs"]
    assert found > 1000
    (found,) = answer(
        "endpoint-latency", "AmlOnlineEndpointTrafficLog", [*requests(99, 200, 10), *requests(1, 200, 2000)]
    )["LatencyMs"]
    assert found == 10


def runs(count: int, name: str, *, success: bool) -> list[dict[str, object]]:
    return [{"TimeGenerated": NOW, "OperationName": name, "Success": success} for _ in range(count)]


def test_failed_functions_are_counted_by_name() -> None:
    found = answer(
        "failed-functions", "AppRequests", [*runs(2, "work", success=False), *runs(5, "work", success=True)]
    )
    assert (found["OperationName"], found["Failed"]) == (["work"], [2])
    assert answer("failed-functions", "AppRequests", runs(5, "work", success=True))["Failed"] == []


def test_poison_is_what_was_put_on_that_queue() -> None:
    put = {"TimeGenerated": NOW, "OperationName": "PutMessage"}
    rows: list[dict[str, object]] = [
        {**put, "Uri": "https://st.queue.core.windows.net/work-poison/messages"},
        {**put, "Uri": "https://st.queue.core.windows.net/work/messages"},
        {
            **put,
            "OperationName": "GetMessages",
            "Uri": "https://st.queue.core.windows.net/work-poison/messages",
        },
    ]
    assert answer("poison-messages", "StorageQueueLogs", rows)["Messages"] == [1]


def test_no_drift_check_is_a_row_that_says_zero() -> None:
    rows = [*runs(3, "drift_check", success=False), *runs(3, "reconcile", success=True)]
    assert answer("no-drift-check", "AppRequests", rows)["Checks"] == [0]
    assert answer("no-drift-check", "AppRequests", [])["Checks"] == [0]
    assert answer("no-drift-check", "AppRequests", runs(2, "drift_check", success=True))["Checks"] == [2]
