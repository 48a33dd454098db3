"""KQL on DuckDB: what a query answers, as the query API's JSON, and its faults, in Azure's words."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb
import duckdb_kql

from local.loganalytics.tables import TABLES, azure_type

if TYPE_CHECKING:
    from collections.abc import Sequence

Json = dict[str, Any]

SCHEMA = {table: list(columns) for table, columns in TABLES.items()}
NO_TABLE = re.compile(r"Table with name (\S+) does not exist")
NO_COLUMN = re.compile(r'Referenced (?:column|table) "([^"]+)" not found')
RENDER = re.compile(r"\|\s*render\s+(\w+)[^|]*$")


class BadQuery(Exception):  # noqa: N818 - the caller answers 400 with it
    """The query cannot be run: the chain of inner errors, outermost first."""

    def __init__(self, *inner: Json) -> None:
        super().__init__(inner[-1]["message"])
        self.inner = inner


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one answer may hold, as in Azure."""

    rows: int = 500_000
    size: int = 64_000_000
    """Bytes of JSON, as far as the rows go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The result's table, and what was cut off, in Azure's words; empty when all is there."""

    table: Json
    cut: str = ""


def to_sql(query: str) -> str:
    """The query as DuckDB's SQL.

    Raises:
        BadQuery: it is no KQL, or KQL that cannot be run here.
    """
    if query.lstrip().startswith("."):
        raise _syntax("A control command is no query.", line=1, pos=0)
    try:
        return duckdb_kql.to_sql(query, schema=SCHEMA)
    except duckdb_kql.KqlSyntaxError as err:
        where = err.diagnostics[0].span if err.diagnostics else None
        line, pos = (where.line, where.column) if where else (1, 0)
        raise _syntax(f"Query could not be parsed at [line:position={line}:{pos}]: {err}", line, pos) from err
    except duckdb_kql.KqlSchemaError as err:
        raise _semantic(f"Failed to resolve table or column expression named '{err.name}'") from err
    except duckdb_kql.KqlError as err:
        raise BadQuery(
            {"code": "NotHere", "message": f"Local Azure cannot run this query, Azure might: {err}"}
        ) from err


def run(cursor: duckdb.DuckDBPyConnection, sql: str, limits: Limits) -> Answer:
    """Run what `to_sql` made.

    Raises:
        BadQuery: it names what is not there, or cannot be computed.
        duckdb.Error: the database has failed.
    """
    try:
        cursor.execute(sql)
        described = cursor.description or []
        kinds = [azure_type(str(column[1])) for column in described]
        names = [str(column[0]) for column in described]
        rows, cut = _fetched(cursor, kinds, limits)
    except (duckdb.CatalogException, duckdb.BinderException) as err:
        raise _unresolved(err) from err
    except (
        duckdb.ConversionException,
        duckdb.InvalidInputException,
        duckdb.OutOfRangeException,
        duckdb.ParserException,
    ) as err:
        raise _semantic(str(err).partition("\n")[0]) from err
    columns = [{"name": name, "type": kind} for name, kind in zip(names, kinds, strict=True)]
    return Answer(table={"name": "PrimaryResult", "columns": columns, "rows": rows}, cut=cut)


def rendering(query: str) -> Json:
    """How the query asks to be drawn."""
    found = RENDER.search(query.strip())
    return {"visualization": found[1] if found else None, "title": None}


def _fetched(
    cursor: duckdb.DuckDBPyConnection, kinds: Sequence[str], limits: Limits
) -> tuple[list[list[Any]], str]:
    rows: list[list[Any]] = []
    size = 0
    while some := cursor.fetchmany(5000):
        for found in some:
            row = [value_of(kind, value) for kind, value in zip(kinds, found, strict=True)]
            size += sum(len(value) if isinstance(value, str) else 8 for value in row)
            if len(rows) >= limits.rows:
                return rows, f"Query result set has exceeded the internal record count limit {limits.rows}"
            if size > limits.size:
                return rows, f"Query result set has exceeded the internal data size limit {limits.size}"
            rows.append(row)
    return rows, ""


def value_of(kind: str, value: Any) -> Any:
    """A value as the query API writes it: text is never null."""
    if value is None:
        return "" if kind == "string" else None
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if isinstance(value, datetime):
        moment = value.astimezone(UTC) if value.tzinfo else value
        fraction = f".{moment.microsecond:06d}".rstrip("0") if moment.microsecond else ""
        return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}Z"
    if isinstance(value, date):
        return f"{value:%Y-%m-%d}T00:00:00Z"
    if isinstance(value, timedelta):
        return _timespan(value)
    if kind == "dynamic":
        return value if isinstance(value, str) else json.dumps(value, default=str)
    return str(value) if kind in {"guid", "decimal"} or isinstance(value, Decimal) else value


def _timespan(value: timedelta) -> str:
    """`[-][d.]hh:mm:ss[.fffffff]`."""
    sign, value = ("-", -value) if value < timedelta(0) else ("", value)
    minutes, seconds = divmod(value.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days = f"{value.days}." if value.days else ""
    fraction = f".{value.microseconds:06d}0" if value.microseconds else ""
    return f"{sign}{days}{hours:02d}:{minutes:02d}:{seconds:02d}{fraction}"


def _unresolved(err: duckdb.Error) -> BadQuery:
    text = str(err)
    if table := NO_TABLE.search(text):
        return _semantic(f"Failed to resolve table or column expression named '{table[1]}'")
    if column := NO_COLUMN.search(text):
        return _semantic(f"Failed to resolve scalar expression named '{column[1]}'")
    return _semantic(text.partition("\n")[0])


def _syntax(message: str, line: int, pos: int) -> BadQuery:
    return BadQuery(
        {"code": "SyntaxError", "message": "A recognition error occurred in the query."},
        {"code": "SYN0002", "message": message, "line": line, "pos": pos},
    )


def _semantic(message: str) -> BadQuery:
    return BadQuery(
        {"code": "SemanticError", "message": "A semantic error occurred."},
        {"code": "SEM0100", "message": message},
    )
