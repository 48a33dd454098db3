"""The query API of Log Analytics: `POST /v1/workspaces/{id}/query` and `POST /v1/$batch`."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import duckdb
from aiohttp import web

from local.loganalytics.kql import BadQuery, Limits, rendering, run, to_sql
from local.loganalytics.store import Row, Store
from local.loganalytics.tables import TABLES, WORKSPACE_ID
from local.loganalytics.timespan import BadTimespan, timespan

if TYPE_CHECKING:
    from pathlib import Path

    from local.loganalytics.kql import Answer
    from local.loganalytics.timespan import Timespan

Json = dict[str, Any]

WAIT, LONGEST_WAIT = 180.0, 600.0
"""Seconds that a query may take: by default, and at most (`Prefer: wait=N`)."""
TIDY_EVERY = 600.0
IN_A_BATCH = 10

log = logging.getLogger(__name__)


class Refusal(Exception):  # noqa: N818 - reads as what it is
    """A request that is not answered: its status, and Azure's error."""

    def __init__(self, status: int, code: str, message: str, *inner: Json) -> None:
        super().__init__(message)
        self.status = status
        self.error: Json = {"message": message, "code": code, "correlationId": str(uuid4())}
        place = self.error
        for one in inner:
            place["innererror"] = dict(one)
            place = place["innererror"]


class LogAnalytics:
    """One Log Analytics workspace.

    Args:
        state: folder for its tables.
        port: where it listens on loopback; any free one when 0.
        delay: how long after its arrival a row can be queried; minutes in Azure.
        retention: how long rows are kept.
        most_rows: how many rows of each table are kept.
        limits: how much one answer may hold.
        every: seconds between two writes to disk.
    """

    def __init__(
        self,
        *,
        state: Path,
        port: int = 0,
        delay: timedelta = timedelta(0),
        retention: timedelta = timedelta(days=7),
        most_rows: int = 2_000_000,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        every: float = 1.0,
    ) -> None:
        self._store = Store(state, delay=delay, retention=retention, most_rows=most_rows)
        self._port = port
        self._limits = limits
        self._every = every
        self._runner: web.AppRunner | None = None
        self._writer: asyncio.Task[None] | None = None

    async def start(self) -> str:
        """Open the tables and listen; returns the address."""
        await asyncio.to_thread(self._open)
        app = web.Application(client_max_size=16 * 1024 * 1024, middlewares=[_refusals])
        app.router.add_post("/v1/workspaces/{workspace}/query", self._query)
        app.router.add_post("/v1/$batch", self._batch)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=2)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self._writer = asyncio.create_task(self._write(), name="log analytics")
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Stop to listen, and write the rest."""
        if self._runner is not None:
            await self._runner.cleanup()
        if self._writer is not None:
            self._writer.cancel()
            with suppress(asyncio.CancelledError):
                await self._writer
        await asyncio.to_thread(self._store.close)

    def add(self, table: str, row: Row) -> None:
        """Take a row. It costs the caller an append; the disk comes later."""
        self._store.add(table, row)

    def _open(self) -> None:
        self._store.open()
        # What a first query would have to load and build, so that none slows the requests beside it.
        to_sql(f"{next(iter(TABLES))} | where TimeGenerated > ago(1h) | summarize count() by DeploymentName")

    async def _write(self) -> None:
        tidied = 0.0
        while True:
            await asyncio.sleep(self._every)
            try:
                await asyncio.to_thread(self._store.write)
                if time.monotonic() - tidied > TIDY_EVERY:
                    await asyncio.to_thread(self._store.tidy, datetime.now(UTC))
                    tidied = time.monotonic()
            except duckdb.Error:
                log.warning("rows of the log wait: the disk did not take them", exc_info=True)

    async def _query(self, request: web.Request) -> web.Response:
        _admit(request)
        body = _object(await request.read())
        return web.json_response(
            await self._answered(
                request.match_info["workspace"], body, preferences(request.headers.get("Prefer", ""))
            )
        )

    async def _batch(self, request: web.Request) -> web.Response:
        """Up to ten queries; each has an answer of its own."""
        _admit(request)
        requests = _object(await request.read()).get("requests")
        if not isinstance(requests, list) or not 1 <= len(requests) <= IN_A_BATCH:
            raise _invalid(f"requests must be a list of 1 to {IN_A_BATCH} queries")
        return web.json_response({"responses": [await self._one_of_batch(one) for one in requests]})

    async def _one_of_batch(self, one: Any) -> Json:
        known = one if isinstance(one, dict) else {}
        headers = {str(name).lower(): str(value) for name, value in (known.get("headers") or {}).items()}
        try:
            body = known.get("body")
            if not isinstance(body, dict):
                raise _invalid("a request of a batch needs a body")
            answer = await self._answered(
                str(known.get("workspace", "")), body, preferences(headers.get("prefer", ""))
            )
            status = 200
        except Refusal as refusal:
            answer, status = {"error": refusal.error}, refusal.status
        return {"id": known.get("id"), "status": status, "headers": {}, "body": answer}

    async def _answered(self, workspace: str, body: Json, preferred: dict[str, str]) -> Json:
        others = body.get("workspaces") or []
        for asked in (workspace, *others):
            if str(asked).lower() != WORKSPACE_ID:
                raise Refusal(
                    404, "WorkspaceNotFoundError",
                    f"The workspace could not be found. The one here is {WORKSPACE_ID}.",
                )  # fmt: skip
        query = body.get("query")
        if not isinstance(query, str) or not query.strip():
            raise _invalid("query is missing or empty")
        now = datetime.now(UTC)
        try:
            span = timespan(body.get("timespan"), now)
        except BadTimespan as err:
            raise _invalid(str(err)) from err
        begun = time.perf_counter()
        found = await self._within(_seconds(preferred.get("wait")), query, span)
        answer: Json = {"tables": [found.table]}
        if preferred.get("include-statistics") == "true":
            answer["statistics"] = {"query": {"executionTime": round(time.perf_counter() - begun, 6)}}
        if preferred.get("include-render") == "true":
            answer["render"] = rendering(query)
        if error := self._partial(found, span):
            answer["error"] = error
        return answer

    async def _within(self, seconds: float, query: str, span: Timespan) -> Answer:
        """The query's answer, or 504 when it takes longer."""
        cursors: list[duckdb.DuckDBPyConnection] = []

        def work() -> Answer:
            sql = to_sql(query)
            self._store.write()
            with self._store.view(span, datetime.now(UTC)) as cursor:
                cursors.append(cursor)
                return run(cursor, sql, self._limits)

        working = asyncio.ensure_future(asyncio.to_thread(work))
        done, _ = await asyncio.wait((working,), timeout=seconds)
        try:
            if not done:
                for cursor in cursors:
                    cursor.interrupt()
                with suppress(duckdb.Error, BadQuery):
                    await working
                raise Refusal(504, "GatewayTimeout", f"The query has not ended within {seconds:g} seconds.")
            return working.result()
        except BadQuery as err:
            raise _invalid("", *err.inner) from err
        except duckdb.Error as err:
            log.exception("a query failed")
            raise Refusal(500, "InternalServerError", f"The log could not be read: {err}") from err

    def _partial(self, found: Answer, span: Timespan) -> Json | None:
        """Azure's error beside an answer that does not hold everything."""
        lost = self._store.lost_before
        if found.cut:
            code = "-2133196797"
            message = f"{found.cut} (E_QUERY_RESULT_SET_TOO_LARGE; see https://aka.ms/kustoquerylimits)"
        elif lost is not None and (span.since is None or span.since < lost):
            code, message = "-2133196790", f"Rows from before {lost.isoformat()} were lost."
        else:
            return None
        inner = {"code": code, "message": message, "severity": 2, "severityName": "Error"}
        return {
            "code": "PartialError",
            "message": "There were some errors when processing your query.",
            "details": [
                {
                    "code": "EngineError",
                    "message": "Something went wrong processing your query on the server.",
                    "innererror": inner,
                }
            ],
        }


def preferences(header: str) -> dict[str, str]:
    """`wait=30,include-statistics=true` as names and values."""
    pairs = (part.partition("=") for part in header.split(","))
    return {name.strip().lower(): value.strip().lower() for name, _, value in pairs if name.strip()}


def _seconds(text: str | None) -> float:
    try:
        return min(float(text), LONGEST_WAIT) if text else WAIT
    except ValueError:
        return WAIT


def _admit(request: web.Request) -> None:
    if not request.headers.get("Authorization", "").lower().startswith("bearer "):
        raise Refusal(
            401, "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing."
        )


def _object(body: bytes) -> Json:
    try:
        found = json.loads(body)
    except ValueError as err:
        raise _invalid("the request's body is not JSON") from err
    if not isinstance(found, dict):
        raise _invalid("the request's body is not an object")
    return found


def _invalid(message: str, *inner: Json) -> Refusal:
    chain = inner or ({"code": "InvalidArgument", "message": message},)
    return Refusal(400, "BadArgumentError", "The request had some invalid properties", *chain)


@web.middleware
async def _refusals(request: web.Request, handler: Any) -> web.StreamResponse:
    try:
        answer: web.StreamResponse = await handler(request)
        return answer
    except Refusal as refusal:
        return web.json_response({"error": refusal.error}, status=refusal.status)
    except web.HTTPNotFound:
        missing = Refusal(404, "PathNotFoundError", "The requested path does not exist")
        return web.json_response({"error": missing.error}, status=404)
