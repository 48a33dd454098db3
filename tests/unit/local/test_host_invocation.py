"""How the host calls functions: what they get, what becomes of what they give, what is a failure."""

from __future__ import annotations

import asyncio
import inspect
import json
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import azure.functions as func
from azure.functions.meta import Datum

from local.host.indexing import Function, Parameter
from local.host.invocation import Invoker, Outcome
from local.host.queues import datum, decode, encode, messages

TRIGGER = {"name": "message", "type": "queueTrigger", "direction": "IN"}
OUT = {"name": "out", "type": "queue", "direction": "OUT"}


def function(
    call: Any, *, outputs: dict[str, Parameter] | None = None, returns: Parameter | None = None
) -> Function:
    return Function(
        name="f",
        call=call,
        is_async=inspect.iscoroutinefunction(call),
        folder=Path(),
        bindings=[],
        trigger=Parameter(binding=TRIGGER, converter="generic"),
        outputs=outputs or {},
        returns=returns,
        wants_context="context" in call.__code__.co_varnames,
        disabled=False,
    )


def invoke(what: Function, text: str = "x", timeout: timedelta | None = None) -> tuple[Outcome, list[Datum]]:
    sent: list[Datum] = []

    async def send(_: Parameter, given: Datum) -> None:
        sent.append(given)

    async def run() -> Outcome:
        invoker = Invoker(send, timeout)
        try:
            return await invoker.invoke(what, Datum(text, "string"), reason="test")
        finally:
            await invoker.drain(5)

    return asyncio.run(run()), sent


def test_a_synchronous_function_runs_in_a_thread_of_its_own() -> None:
    seen = []

    def call(message: str) -> None:
        seen.append((message, threading.current_thread() is threading.main_thread()))

    assert invoke(function(call))[0].error is None
    assert seen == [("x", False)]


def test_an_asynchronous_function_runs_in_the_loop() -> None:
    seen = []

    async def call(message: str) -> None:
        await asyncio.sleep(0)
        seen.append((message, threading.current_thread() is threading.main_thread()))

    assert invoke(function(call))[0].error is None
    assert seen == [("x", True)]


def test_the_context() -> None:
    seen = []

    def call(message: str, context: Any) -> None:  # noqa: ARG001
        seen.append(
            (context.function_name, context.invocation_id, context.thread_local_storage.invocation_id)
        )

    outcome, _ = invoke(function(call))
    assert seen == [("f", outcome.id, outcome.id)]


def test_an_exception_is_worded_as_the_worker_does() -> None:
    def call(message: str) -> None:
        raise ValueError(message)

    assert invoke(function(call))[0].message == "ValueError: x"


def test_a_value_without_a_return_binding_is_a_failure() -> None:
    def call(message: str) -> str:
        return message

    assert "without a $return binding" in invoke(function(call))[0].message


def test_an_output_that_was_not_set_sends_nothing() -> None:
    def call(message: str, out: func.Out[str]) -> None:
        if message == "set":
            out.set("given")

    what = function(call, outputs={"out": Parameter(binding=OUT, converter="generic", annotation=str)})
    assert invoke(what, "leave")[1] == []
    assert invoke(what, "set")[1] == [Datum("given", "string")]


def test_an_output_of_a_wrong_type_is_a_failure() -> None:
    def call(message: str, out: Any) -> None:
        out.set(object() if message == "object" else [1])

    for converter in ("queue", "generic"):
        what = function(call, outputs={"out": Parameter(binding=OUT, converter=converter)})
        outcome, sent = invoke(what, "object")
        assert isinstance(outcome.error, TypeError)
        assert sent == []


def test_a_function_that_takes_too_long_has_failed() -> None:
    def call(message: str) -> None:  # noqa: ARG001
        time.sleep(0.5)

    outcome, _ = invoke(function(call), timeout=timedelta(seconds=0.05))
    assert isinstance(outcome.error, TimeoutError)


def test_messages_on_the_wire() -> None:
    assert decode(encode("ä")) == "ä".encode()
    assert decode(encode(b"\xff")) == b"\xff"
    assert datum("ä".encode()) == Datum("ä", "string")
    assert datum(b"\xff") == Datum(b"\xff", "bytes")


def test_messages_that_an_output_stands_for() -> None:
    assert list(messages(Datum('["not", "split"]', "string"))) == ['["not", "split"]']
    assert list(messages(Datum(b"\xff", "bytes"))) == [b"\xff"]
    assert list(messages(Datum(json.dumps(["a", {"b": 1}]), "json"))) == ["a", '{"b": 1}']
    assert list(messages(Datum(json.dumps({"b": 1}), "json"))) == ['{"b": 1}']
