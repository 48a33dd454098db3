"""The query API of Log Analytics through the unmodified client: types, timespans, errors, partial answers, restarts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
import requests
from azure.core.exceptions import HttpResponseError
from azure.monitor.query import LogsBatchQuery, LogsQueryError, LogsQueryPartialResult, LogsQueryResult

from local.loganalytics.kql import Limits
from local.loganalytics.tables import CONSOLE, EVENTS, TABLES, TRAFFIC

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Logs, Serve

TYPES = """
print b = true, i = int(1), l = long(9007199254740993), r = 0.5, none = real(nan), s = "ü", d = datetime(2026-01-02T03:04:05.678Z),
    t = 1d + 2h + 3m, g = guid(74be27de-1e4e-49d9-b579-fe0b331d3642), j = dynamic({"a": [1]}), n = int(null)
"""


def table(answer: Any) -> dict[str, tuple[str, Any]]:
    [found] = answer
    [row] = found.rows
    return dict(zip(found.columns, zip(found.columns_types, row, strict=True), strict=True))


def fill(logs: Logs, times: list[datetime], deployment: str) -> None:
    assert logs.service is not None
    for at in times:
        row = {"TimeGenerated": at.replace(tzinfo=None), "DeploymentName": deployment, "ResponseCode": 200}
        logs.service.add(TRAFFIC, row)


def count(logs: Logs, deployment: str, timespan: Any = None) -> int:
    [[found]] = logs.rows(f"{TRAFFIC} | where DeploymentName == '{deployment}' | count", timespan)
    return int(found)


def error(logs: Logs, query: str, **more: Any) -> tuple[int, list[str], str]:
    """Status, the codes from the outside in, and the innermost message."""
    with pytest.raises(HttpResponseError) as caught:
        logs.client.query_workspace(more.pop("workspace", logs.workspace), query, timespan=None, **more)
    found = caught.value.response.json()["error"]
    codes = [found["code"]]
    while "innererror" in found:
        found = found["innererror"]
        codes.append(found["code"])
    return caught.value.status_code, codes, found["message"]


def test_types_are_azures(logs: Logs) -> None:
    found = table(logs.client.query_workspace(logs.workspace, TYPES, timespan=None))
    assert {name: kind for name, (kind, _) in found.items()} == {
        "b": "bool", "i": "int", "l": "long", "r": "real", "none": "real", "s": "string", "d": "datetime",
        "t": "timespan", "g": "guid", "j": "dynamic", "n": "int",
    }  # fmt: skip
    values = {name: value for name, (_, value) in found.items()}
    assert values["d"] == datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
    assert (values["b"], values["i"], values["l"], values["r"]) == (True, 1, 9007199254740993, 0.5)
    assert (values["none"], values["s"], values["n"]) == ("NaN", "ü", None)
    assert (values["t"], values["g"]) == ("1.02:03:00", "74be27de-1e4e-49d9-b579-fe0b331d3642")
    assert values["j"].replace(" ", "") == '{"a":[1]}'


@pytest.mark.parametrize("name", [TRAFFIC, CONSOLE, EVENTS])
def test_the_tables_are_there(logs: Logs, name: str) -> None:
    [found] = logs.client.query_workspace(logs.workspace, f"{name} | take 0", timespan=timedelta(hours=1))
    kinds = {"VARCHAR": "string", "INTEGER": "int", "TIMESTAMP": "datetime", "DOUBLE": "real"}
    wanted = {column: kinds[kind] for column, kind in TABLES[name].items()}
    got = dict(zip(found.columns, found.columns_types, strict=True))
    # Azure keeps some standard columns out of sight until they are named.
    hidden = {"_SubscriptionId", "_IsBillable", "_BilledSize"}
    assert {column: kind for column, kind in got.items() if column not in hidden} == {
        column: kind for column, kind in wanted.items() if column not in hidden
    }


@pytest.mark.parametrize(
    ("query", "codes", "said"),
    [
        (f"{TRAFFIC} | where", ["BadArgumentError", "SyntaxError", "SYN0002"], "could not be parsed"),
        ("NoSuchTable | take 1", ["BadArgumentError", "SemanticError", "SEM0100"], "'NoSuchTable'"),
        (f"{TRAFFIC} | where Nope == 1", ["BadArgumentError", "SemanticError", "SEM0100"], "'Nope'"),
        (".show tables", ["BadArgumentError", "SyntaxError", "SYN0002"], ""),
    ],
)
def test_what_is_wrong_with_a_query_is_said_within(
    logs: Logs, query: str, codes: list[str], said: str
) -> None:
    status, found, message = error(logs, query)
    assert (status, found) == (400, codes)
    assert said in message


def test_another_workspace_is_404(logs: Logs) -> None:
    status, codes, _ = error(logs, "print 1", workspace="11111111-2222-3333-4444-555555555555")
    assert (status, codes) == (404, ["WorkspaceNotFoundError"])


def test_a_batch_answers_each_query(logs: Logs) -> None:
    asked = [
        LogsBatchQuery(logs.workspace, "print a = 1", timespan=None),
        LogsBatchQuery(logs.workspace, "NoSuchTable", timespan=None),
        LogsBatchQuery(logs.workspace, "print a = 2", timespan=timedelta(1), include_statistics=True),
    ]
    one, two, three = logs.client.query_batch(asked)
    assert isinstance(one, LogsQueryResult)
    assert isinstance(two, LogsQueryError)
    assert isinstance(three, LogsQueryResult)
    assert [one.tables[0].rows[0]["a"], three.tables[0].rows[0]["a"]] == [1, 2]
    assert "NoSuchTable" in two.message
    assert one.statistics is None
    assert three.statistics["query"]["executionTime"] >= 0  # type: ignore[index]


def test_statistics_and_drawing_come_when_asked_for(logs: Logs) -> None:
    answer = logs.client.query_workspace(
        logs.workspace,
        "range x from 1 to 3 step 1 | render timechart",
        timespan=None,
        include_statistics=True,
        include_visualization=True,
        server_timeout=30,
    )
    assert answer.statistics["query"]["executionTime"] >= 0
    assert answer.visualization["visualization"] == "timechart"


def test_what_cannot_be_run_here_is_told_apart(local_logs: Logs) -> None:
    status, codes, message = error(local_logs, f"search in ({TRAFFIC}) 'x'")
    assert (status, codes) == (400, ["BadArgumentError", "NotHere"])
    assert "SearchOperator" in message


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        ({"query": "print 1"}, {}, 401, "AuthenticationFailed"),
        ({}, {"Authorization": "Bearer x"}, 400, "BadArgumentError"),
        ([], {"Authorization": "Bearer x"}, 400, "BadArgumentError"),
        (
            {"query": "print 1", "timespan": "yesterday"},
            {"Authorization": "Bearer x"},
            400,
            "BadArgumentError",
        ),
        (
            {"query": "print 1", "workspaces": ["other"]},
            {"Authorization": "Bearer x"},
            404,
            "WorkspaceNotFoundError",
        ),
    ],
)
def test_malformed_requests_are_refused(
    local_logs: Logs, body: Any, headers: dict[str, str], status: int, code: str
) -> None:
    url = f"{local_logs.url}/v1/workspaces/{local_logs.workspace}/query"
    answer = requests.post(url, json=body, headers=headers, timeout=10)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    nowhere = requests.post(f"{local_logs.url}/v1/nowhere", json={}, headers=headers, timeout=10)
    assert (nowhere.status_code, nowhere.json()["error"]["code"]) == (404, "PathNotFoundError")


def test_the_timespan_bounds_every_table(local_logs: Logs) -> None:
    """From its beginning on, before its end; beside what the query itself asks for."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    local_logs.service._store._retention = timedelta(days=10_000)  # type: ignore[union-attr]
    fill(local_logs, [start + timedelta(minutes=minute) for minute in range(10)], "spans")
    assert count(local_logs, "spans") == 10
    assert count(local_logs, "spans", (start + timedelta(minutes=2), start + timedelta(minutes=5))) == 3
    assert count(local_logs, "spans", (start + timedelta(minutes=7), timedelta(hours=1))) == 3
    assert count(local_logs, "spans", timedelta(hours=1)) == 0
    now = datetime.now(UTC)
    fill(local_logs, [now - timedelta(minutes=90), now - timedelta(minutes=30)], "lately")
    assert count(local_logs, "lately", timedelta(hours=1)) == 1
    both = f"union {TRAFFIC}, {TRAFFIC} | where DeploymentName == 'lately' | count"
    assert local_logs.rows(both, timedelta(hours=1)) == [[2]]


def test_rows_outlive_a_restart(serve: Serve, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    with serve(tmp_path, every=3600) as logs:
        fill(logs, [now] * 1000, "a")
    with serve(tmp_path) as logs:
        assert count(logs, "a") == 1000
        fill(logs, [now], "a")
        assert count(logs, "a") == 1001


def test_rows_come_after_the_delay(serve: Serve, tmp_path: Path, eventually: Any) -> None:
    with serve(tmp_path, delay=timedelta(seconds=2)) as logs:
        fill(logs, [datetime.now(UTC)], "a")
        assert count(logs, "a") == 0
        eventually(lambda: count(logs, "a") == 1)


def test_what_is_too_old_or_too_much_goes(serve: Serve, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    with serve(tmp_path, retention=timedelta(days=1), most_rows=50, every=3600) as logs:
        fill(logs, [now - timedelta(days=2)] * 10, "old")
        fill(logs, [now - timedelta(minutes=minute) for minute in range(60)], "new")
        assert (count(logs, "old"), count(logs, "new")) == (10, 60)
        logs.service._store.tidy(now)
        assert (count(logs, "old"), count(logs, "new")) == (0, 50)
        assert count(logs, "new", timedelta(minutes=50)) == 50  # the youngest


def partial(logs: Logs, query: str, timespan: Any = None) -> tuple[int, str]:
    answer = logs.client.query_workspace(logs.workspace, query, timespan=timespan)
    assert isinstance(answer, LogsQueryPartialResult)
    assert answer.partial_error is not None
    assert answer.partial_error.code == "PartialError"
    rows = sum(len(found.rows) for found in answer.partial_data)
    return rows, str(answer.partial_error.details[0]["innererror"]["message"])  # type: ignore[index]


@pytest.mark.parametrize(("limits", "least"), [(Limits(rows=7), 7), (Limits(size=2000), 1)])
def test_an_answer_that_is_too_large_is_partial(
    serve: Serve, tmp_path: Path, limits: Limits, least: int
) -> None:
    with serve(tmp_path, limits=limits) as logs:
        fill(logs, [datetime.now(UTC)] * 30, "a")
        rows, said = partial(logs, TRAFFIC)
        assert least <= rows < 30
        assert "E_QUERY_RESULT_SET_TOO_LARGE" in said
        assert count(logs, "a") == 30


@pytest.mark.parametrize("damage", ["garbage", "zeros"])
def test_a_damaged_file_is_put_aside_and_never_passes_for_no_requests(
    serve: Serve, tmp_path: Path, damage: str
) -> None:
    with serve(tmp_path) as logs:
        fill(logs, [datetime.now(UTC)] * 5000, "a")
    file = tmp_path / "logs.duckdb"
    if damage == "garbage":
        file.write_bytes(b"no database" * 1000)
    else:
        body = file.read_bytes()
        file.write_bytes(body[:12_288] + bytes(len(body) - 12_288))
    for _ in range(2):  # also after the next restart
        with serve(tmp_path) as logs:
            fill(logs, [datetime.now(UTC)], "b")
            rows, said = partial(logs, TRAFFIC)
            assert rows >= 1
            assert "were lost" in said
            since = datetime.now(UTC) - timedelta(milliseconds=1), timedelta(hours=1)
            whole = logs.client.query_workspace(logs.workspace, TRAFFIC, timespan=since)
            assert isinstance(whole, LogsQueryResult)  # of the time since then all is there
    assert list(tmp_path.glob("damaged-*.duckdb*"))


def test_a_query_that_takes_too_long_is_given_up(local_logs: Logs) -> None:
    slow = "range a from 1 to 20000 step 1 | extend k = 1 | join kind=inner (range b from 1 to 20000 step 1 | extend k = 1) on k | summarize sum(a * b % 7)"
    status, codes, _ = error(local_logs, slow, server_timeout=1, retry_total=0)
    assert (status, codes) == (504, ["GatewayTimeout"])
    assert local_logs.rows("print 1") == [[1]]


def test_a_database_that_fails_is_opened_again(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a query finds broken is a 500, which clients try again; what is whole on disk is not lost."""
    with serve(tmp_path) as logs:
        fill(logs, [datetime.now(UTC)] * 10, "a")
        assert count(logs, "a") == 10
        with monkeypatch.context() as patch:
            patch.setattr("local.loganalytics.service.run", failing)
            status, codes, message = error(logs, TRAFFIC)
        assert (status, codes) == (500, ["InternalServerError"])
        assert "invalidated" in message
        fill(logs, [datetime.now(UTC)], "a")
        assert count(logs, "a") == 11
        assert logs.service._store.lost_before is None


def failing(*_: object) -> None:
    raise duckdb.FatalException("the database has been invalidated")
