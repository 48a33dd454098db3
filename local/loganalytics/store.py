"""Where the rows of the log tables are kept: a DuckDB file, bounded, and never silent about what it lost."""
# ruff: noqa: S608 - the names in SQL are those of TABLES, the values literals made here

from __future__ import annotations

import json
import logging
import threading
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import duckdb

from local.loganalytics.tables import TABLES, WORKSPACE_ID

if TYPE_CHECKING:
    from pathlib import Path

    from local.loganalytics.timespan import Timespan

Row = dict[str, Any]

DAMAGE = (
    duckdb.IOException,
    duckdb.SerializationException,
    duckdb.InternalException,
    duckdb.FatalException,
)
"""What DuckDB raises over a file that is not what it wrote."""
AVAILABLE = "_AvailableAt"
HELD = 200_000
"""Rows that wait in memory at most while the disk does not take them."""

log = logging.getLogger(__name__)


class Store:
    """The log tables on disk. Methods may be called from any thread.

    Args:
        folder: for the database, and for the word on what was lost.
        delay: how long after its arrival a row can be queried.
        retention: rows older than this are deleted.
        most_rows: of each table; the oldest beyond it are deleted.
    """

    def __init__(self, folder: Path, *, delay: timedelta, retention: timedelta, most_rows: int) -> None:
        self._folder = folder
        self._file = folder / "logs.duckdb"
        self._lost_file = folder / "lost.json"
        self._delay = delay
        self._retention = retention
        self._most_rows = most_rows
        self._lock = threading.RLock()
        self._database: duckdb.DuckDBPyConnection | None = None
        self._pending: deque[tuple[str, Row]] = deque()
        self.lost_before: datetime | None = None
        """Rows that are older may have been lost."""

    def open(self) -> None:
        """Open the file; one that is damaged is put aside, and what it held counts as lost."""
        with self._lock:
            self._folder.mkdir(parents=True, exist_ok=True)
            self.lost_before = self._read_lost()
            try:
                self._database = self._opened()
            except duckdb.Error as err:
                self._begin_anew(err)

    def close(self) -> None:
        """Write the rest and close the file."""
        with self._lock:
            with suppress(duckdb.Error):
                self.write()
            if self._database is not None:
                self._database.close()
                self._database = None

    def add(self, table: str, row: Row) -> None:
        """Take a row, in memory: `write` puts it on disk."""
        self._pending.append((table, row))

    def write(self) -> None:
        """Put on disk what waits in memory; what the disk does not take goes on waiting.

        Raises:
            duckdb.Error: the disk does not take it.
        """
        with self._lock:
            taken = [self._pending.popleft() for _ in range(len(self._pending))]
            rows: defaultdict[str, list[Row]] = defaultdict(list)
            for table, row in taken:
                rows[table].append(row)
            try:
                self._insert(rows)
            except DAMAGE as err:
                try:
                    self._mend(err)
                    self._insert(rows)
                except duckdb.Error as again:
                    self._pending.extendleft(reversed(taken))
                    if len(self._pending) > HELD:
                        self._lose(datetime.now(UTC), f"the disk does not take rows: {again}")
                        self._pending.clear()
                    raise

    def tidy(self, now: datetime) -> None:
        """Delete what is too old or too much."""
        with self._lock:
            if self.lost_before is not None and self.lost_before < now - self._retention:
                self._lost_file.unlink(missing_ok=True)
                self.lost_before = None
            for table in TABLES:
                cursor = self._cursor()
                cursor.execute(
                    f'DELETE FROM kept."{table}" WHERE TimeGenerated < ?', [_naive(now - self._retention)]
                )
                [(count,)] = cursor.execute(f'SELECT count(*) FROM kept."{table}"').fetchall()
                if count > self._most_rows:
                    cursor.execute(
                        f'DELETE FROM kept."{table}" WHERE rowid IN (SELECT rowid FROM kept."{table}" '
                        "ORDER BY TimeGenerated LIMIT ?)",
                        [count - self._most_rows],
                    )

    @contextmanager
    def view(self, span: Timespan, now: datetime) -> Iterator[duckdb.DuckDBPyConnection]:
        """The tables under their own names, with the rows of that time that have arrived for queries.

        Raises:
            duckdb.Error: whatever the queries in the block raise.
        """
        with self._lock:
            cursor = self._cursor()
        try:
            for table, columns in TABLES.items():
                names = ", ".join(f'"{name}"' for name in columns)
                bounds = [f"{AVAILABLE} <= {_literal(now)}"]
                if span.since is not None:
                    bounds.append(f"TimeGenerated >= {_literal(span.since)}")
                if span.until is not None:
                    bounds.append(f"TimeGenerated < {_literal(span.until)}")
                where = " AND ".join(bounds)
                cursor.execute(
                    f'CREATE TEMP VIEW "{table}" AS SELECT {names} FROM kept."{table}" WHERE {where}'
                )
            yield cursor
        except DAMAGE as err:
            with self._lock:
                self._mend(err)
            raise
        finally:
            with suppress(duckdb.Error):
                cursor.close()

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        if self._database is None:
            raise duckdb.IOException("the log's database is not open")
        return self._database.cursor()

    def _opened(self) -> duckdb.DuckDBPyConnection:
        """Open and read every table through: damage shows itself on reading."""
        database = duckdb.connect(
            str(self._file), config={"threads": 1, "memory_limit": "512MB", "enable_external_access": False}
        )
        try:
            database.execute("SET TimeZone = 'UTC'")
            database.execute("CREATE SCHEMA IF NOT EXISTS kept")
            for table, columns in TABLES.items():
                all_columns = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
                database.execute(
                    f'CREATE TABLE IF NOT EXISTS kept."{table}" ({all_columns}, {AVAILABLE} TIMESTAMP)'
                )
                sums = ", ".join(f'max("{name}")' for name in columns)
                database.execute(f'SELECT {sums} FROM kept."{table}"').fetchall()
        except BaseException:
            database.close()
            raise
        return database

    def _insert(self, rows: dict[str, list[Row]]) -> None:
        """All of them, or none."""
        if not rows:
            return
        import pyarrow as pa

        available = _naive(datetime.now(UTC) + self._delay)
        cursor = self._cursor()
        cursor.begin()
        try:
            for table, some in rows.items():
                columns = TABLES[table]
                arrays = {name: [row.get(name) for row in some] for name in columns}
                same = {"TenantId": WORKSPACE_ID, "Type": table, AVAILABLE: available}
                arrays |= {name: [value] * len(some) for name, value in same.items()}
                incoming = pa.table(arrays, schema=_schema(columns))
                cursor.register("incoming", incoming)
                cursor.execute(f'INSERT INTO kept."{table}" SELECT * FROM incoming')
                cursor.unregister("incoming")
            cursor.commit()
        finally:
            cursor.close()

    def _mend(self, err: duckdb.Error) -> None:
        """Open the file again; when that does not help either, begin anew."""
        if self._database is not None:
            with suppress(duckdb.Error):
                self._database.close()
            self._database = None
        try:
            self._database = self._opened()
        except duckdb.Error:
            self._begin_anew(err)

    def _begin_anew(self, err: duckdb.Error) -> None:
        now = datetime.now(UTC)
        aside = self._folder / f"damaged-{now:%Y%m%dT%H%M%S}.duckdb"
        for suffix in ("", ".wal"):
            damaged = self._file.with_name(self._file.name + suffix)
            if damaged.exists():
                damaged.replace(aside.with_name(aside.name + suffix))
        self._lose(now, f"{self._file} cannot be read and was put aside as {aside.name}: {err}")
        self._database = self._opened()

    def _lose(self, now: datetime, why: str) -> None:
        log.error("rows of the log were lost; queries of the time before now answer partially. %s", why)
        self.lost_before = now
        self._lost_file.write_text(json.dumps({"before": now.isoformat(), "why": why}))

    def _read_lost(self) -> datetime | None:
        try:
            return datetime.fromisoformat(json.loads(self._lost_file.read_text())["before"])
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError):
            return datetime.now(UTC)


def _schema(columns: dict[str, str]) -> Any:
    import pyarrow as pa

    kinds = {
        "VARCHAR": pa.string(),
        "INTEGER": pa.int32(),
        "DOUBLE": pa.float64(),
        "TIMESTAMP": pa.timestamp("us"),
    }
    return pa.schema(
        [*((name, kinds[kind]) for name, kind in columns.items()), (AVAILABLE, pa.timestamp("us"))]
    )


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)


def _literal(moment: datetime) -> str:
    return f"TIMESTAMP '{_naive(moment).isoformat(sep=' ')}'"
