"""Calls functions: decode the trigger, run, encode what came out, hand it to the output bindings."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from local.host.converters import decode, encode

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import timedelta
    from types import TracebackType

    from azure.functions.meta import Datum

    from local.host.indexing import Function, Parameter

log = logging.getLogger("host")
current: contextvars.ContextVar[str] = contextvars.ContextVar("invocation", default="-")
"""Id of the invocation that runs here, for the log."""


class Out:
    """What a function sets on an output binding."""

    def __init__(self) -> None:
        self._value: Any = None

    def set(self, val: Any) -> None:
        """Set the value."""
        self._value = val

    def get(self) -> Any:
        """The value, None when nothing was set."""
        return self._value


@dataclass(frozen=True, kw_only=True, slots=True)
class Trace:
    """The worker's trace context; local Azure traces nothing."""

    trace_parent: str = ""
    trace_state: str = ""
    attributes: tuple[()] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Context:
    """What a parameter named `context` gets."""

    invocation_id: str
    function_name: str
    function_directory: str
    thread_local_storage: threading.local
    trace_context: Trace
    retry_context: None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """How an invocation ended."""

    id: str
    error: Exception | None = None
    returned: Datum | None = None

    @property
    def message(self) -> str:
        """The failure as the worker words it."""
        return "" if self.error is None else f"{type(self.error).__name__}: {self.error}"


class Invoker:
    """Runs functions; at most so many synchronous ones at a time as the worker would."""

    def __init__(
        self,
        send: Callable[[Parameter, Datum], Awaitable[None]],
        timeout: timedelta | None = None,
        threads: int | None = None,
    ) -> None:
        """`send` takes what a function put on an output binding; `timeout` is host.json's functionTimeout."""
        self._send = send
        self._timeout = timeout.total_seconds() if timeout else None
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="function")
        self._running: set[asyncio.Task[Outcome]] = set()
        self._storage = threading.local()

    async def invoke(
        self, function: Function, datum: Datum, metadata: dict[str, Datum] | None = None, *, reason: str
    ) -> Outcome:
        """Call the function once. Its failure is in the outcome; SystemExit ends the host, as in Azure."""
        task = asyncio.create_task(self._run(function, datum, metadata or {}, reason))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)  # a client that goes away does not end the function

    async def drain(self, grace: float) -> int:
        """Wait for what runs; how many invocations were still running after the grace."""
        if self._running:
            await asyncio.wait(self._running, timeout=grace)
        self._threads.shutdown(wait=False, cancel_futures=True)
        return len(self._running)

    async def _run(
        self, function: Function, datum: Datum, metadata: dict[str, Datum], reason: str
    ) -> Outcome:
        identity = str(uuid.uuid4())
        current.set(identity[:8])
        begun = time.monotonic()
        log.debug("%s started (%s)", function.name, reason)
        try:
            # a thread cannot be ended: after the timeout the invocation has failed, its thread runs on
            async with asyncio.timeout(self._timeout):
                returned = await self._call(function, datum, metadata, identity)
        except Exception as err:
            took = (time.monotonic() - begun) * 1000
            log.error(  # noqa: TRY400 - the host's own frames would only hide the app's
                "%s %s FAILED after %.0f ms (%s)", function.name, identity, took, reason,
                exc_info=(type(err), err, _below_host(err.__traceback__)),
            )  # fmt: skip
            return Outcome(id=identity, error=err)
        took = (time.monotonic() - begun) * 1000
        log.info("%s %s succeeded in %.0f ms (%s)", function.name, identity, took, reason)
        return Outcome(id=identity, returned=returned)

    async def _call(
        self, function: Function, datum: Datum, metadata: dict[str, Datum], identity: str
    ) -> Datum | None:
        trigger = function.trigger
        arguments: dict[str, Any] = {trigger.binding["name"]: decode(trigger.converter, datum, metadata)}
        outs = {name: Out() for name in function.outputs}
        arguments.update(outs)
        if function.wants_context:
            arguments["context"] = Context(
                invocation_id=identity,
                function_name=function.name,
                function_directory=str(function.folder),
                thread_local_storage=self._storage,
                trace_context=Trace(),
            )
        if function.is_async:
            result = await function.call(**arguments)
        else:
            here = contextvars.copy_context()
            result = await asyncio.get_running_loop().run_in_executor(
                self._threads, lambda: here.run(_call, self._storage, identity, function, arguments)
            )
        if result is not None and function.returns is None:
            raise RuntimeError(
                f"function {function.name!r} without a $return binding returned a non-None value"
            )
        for name, out in outs.items():
            if (value := out.get()) is not None:
                end = function.outputs[name]
                await self._send(end, encode(end.converter, value, end.annotation))
        if function.returns is None:
            return None
        returned = encode(function.returns.converter, result, function.returns.annotation)
        if function.returns.binding["type"] != "http":
            await self._send(function.returns, returned)
        return returned


def _call(storage: threading.local, identity: str, function: Function, arguments: dict[str, Any]) -> Any:
    storage.invocation_id = identity  # in the function's own thread
    return function.call(**arguments)


def _below_host(trace: TracebackType | None) -> TracebackType | None:
    """The part of a traceback that is the app's; all of it when the host itself failed."""
    found = trace
    while found is not None and found.tb_frame.f_code is not _call.__code__:
        found = found.tb_next
    return found.tb_next if found is not None and found.tb_next is not None else trace
