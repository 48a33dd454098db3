"""The alert rules' KQL, run by local Azure's Log Analytics on tables with Azure's columns."""

from __future__ import annotations

import re
from collections.abc import Iterator

import duckdb

from infra.checks.places import Fault
from infra.checks.template import Template
from infra.checks.values import Value
from local.loganalytics.kql import to_sql
from local.loganalytics.tables import TABLES

COLUMNS: dict[str, dict[str, str]] = {
    **TABLES,
    "AppRequests": {
        "TimeGenerated": "TIMESTAMP", "Id": "VARCHAR", "Name": "VARCHAR", "Url": "VARCHAR",
        "Success": "BOOLEAN", "ResultCode": "VARCHAR", "DurationMs": "DOUBLE", "OperationName": "VARCHAR",
        "OperationId": "VARCHAR", "AppRoleName": "VARCHAR", "AppRoleInstance": "VARCHAR",
        "Properties": "JSON", "ItemCount": "INTEGER",
    },
    "StorageQueueLogs": {
        "TimeGenerated": "TIMESTAMP", "AccountName": "VARCHAR", "OperationName": "VARCHAR", "Uri": "VARCHAR",
        "StatusCode": "VARCHAR", "StatusText": "VARCHAR", "Category": "VARCHAR",
        "CallerIpAddress": "VARCHAR", "DurationMs": "DOUBLE", "RequesterObjectId": "VARCHAR",
    },
}  # fmt: skip
"""Tables that rules may read, with the columns that Azure documents of them."""


def faults_of_queries(template: Template) -> Iterator[Fault]:
    """Rules whose query does not run, or lacks the columns that it is measured and split by."""
    for one in template.of("Microsoft.Insights/scheduledQueryRules"):
        criteria = one.get("properties", "criteria", "allOf")
        for part in criteria.data if criteria else []:
            yield from _faults(one.name, part.data)


def _faults(rule: str, part: dict[str, Value]) -> Iterator[Fault]:
    query = part["query"]
    try:
        columns = run(str(query.data))
    except Exception as err:  # noqa: BLE001 - whatever the parser or the database says is the answer
        yield Fault(query.at, f"the query of {rule} does not run: {str(err).splitlines()[0]}")
        return
    measured = part.get("metricMeasureColumn")
    if measured is not None and measured.data not in columns:
        yield Fault(measured.at, f"the query of {rule} has no column {measured.data}: {', '.join(columns)}")
    dimensions = part.get("dimensions")
    for dimension in dimensions.data if dimensions else []:
        name = dimension.data["name"]
        if name.data not in columns:
            yield Fault(name.at, f"the query of {rule} has no column {name.data}: {', '.join(columns)}")


def run(query: str, rows: dict[str, list[dict[str, object]]] | None = None) -> dict[str, list[object]]:
    """Columns of the answer, each with its values, over tables that hold these rows."""
    with duckdb.connect() as database:
        for table, columns in COLUMNS.items():
            database.execute(
                f'create table "{table}" ({", ".join(f"{_quoted(n)} {t}" for n, t in columns.items())})'
            )
            for row in (rows or {}).get(table, []):
                marks = ", ".join("?" for _ in row)
                database.execute(
                    f'insert into "{table}" ({", ".join(map(_quoted, row))}) values ({marks})',  # noqa: S608 - columns of ours
                    list(row.values()),
                )
        bare = re.sub(r"^\s*//.*$", "", query, flags=re.MULTILINE)
        answer = database.execute(to_sql(bare))
        names = [column[0] for column in answer.description or []]
        found = answer.fetchall()
    return {name: [row[i] for row in found] for i, name in enumerate(names)}


def _quoted(name: str) -> str:
    return f'"{name}"'
