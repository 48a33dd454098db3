"""Microsoft's own worker, as a library, around one app: run as a script, in a fresh interpreter.

    python worker_harness.py APP < requests.json > answers.json

The host talks to the worker over gRPC; here small stand-ins carry the same fields, and the worker's own
handlers do everything else: import the app, index it, decode what triggers bring, call, encode what comes
out. Standard input: `{"invocations": [{"function", "data": {KIND: VALUE}, "metadata": {NAME: {KIND: VALUE}}}]}`,
where KIND is a field of the protocol's TypedData (`json`, `string`, `bytes`, `http`, ...). Standard output:
`{"load", "functions", "modules", "ready", "cpu", "peak_kib", "answers"}`. Nothing but the standard library is
imported before the worker is, so that time and memory are the worker's and the app's.
"""

import asyncio
import json
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any


class Stand(SimpleNamespace):
    """A protocol message: whatever fields it is made with, None for the others."""

    def __getattr__(self, _name: str) -> None:
        return None


class TypedData(SimpleNamespace):
    """A value on its way: one field is set."""

    def WhichOneof(self, _group: str) -> str | None:  # noqa: N802 - the protocol's name
        return next(iter(vars(self)), None)


class ParameterBinding(Stand):
    """A value and the parameter it is for."""

    def WhichOneof(self, _group: str) -> str:  # noqa: N802
        return "data"


class BindingInfo(Stand):
    """A binding. The numbers are the protocol's."""

    inout, out, undefined = 2, 1, 0


class StatusResult(Stand):
    """How a request ended. The numbers are the protocol's."""

    Failure, Success = 0, 1


class RpcHttpCookie(Stand):
    """A cookie of an answer."""

    SameSite = SimpleNamespace(**{"None": 0}, Lax=1, Strict=2, ExplicitNone=3)


PROTOS = SimpleNamespace(
    BindingInfo=BindingInfo,
    ParameterBinding=ParameterBinding,
    RpcHttpCookie=RpcHttpCookie,
    StatusResult=StatusResult,
    TypedData=TypedData,
    **{
        name: type(name, (Stand,), {})
        for name in (
            "FunctionLoadResponse",
            "FunctionMetadataResponse",
            "InvocationResponse",
            "NullableBool",
            "NullableDouble",
            "NullableString",
            "NullableTimestamp",
            "RpcException",
            "RpcFunctionMetadata",
            "RpcHttp",
            "RpcRetryOptions",
            "WorkerInitResponse",
            "WorkerMetadata",
        )
    },
)


def request(**fields: Any) -> Stand:
    """A request of the host."""
    return Stand(request=Stand(**fields), properties={"host": "127.0.0.1", "protos": PROTOS})


def typed(value: dict[str, Any]) -> TypedData:
    """A `{KIND: VALUE}` of the input as the protocol's message."""
    kind, content = next(iter(value.items()))
    if kind == "http":
        http = {"headers": {}, "params": {}, "query": {}} | content
        content = Stand(**http | {"body": typed(http["body"])})
    elif kind == "bytes":
        content = content.encode()
    return TypedData(**{kind: content})


def plain(data: TypedData | None) -> Any:
    """A value that came out, as `{KIND: VALUE}`."""
    if data is None:
        return None
    kind, content = next(iter(vars(data).items()))
    if kind == "http":
        content = vars(content) | {"body": plain(content.body)}
        content.pop("cookies", None)
    elif kind == "bytes":
        content = content.decode()
    return {kind: content}


def status(result: Stand) -> dict[str, Any]:
    """A result, readable."""
    failure = result.exception
    return {
        "ok": result.status == StatusResult.Success,
        "error": failure and failure.message,
        "trace": failure and failure.stack_trace,
    }


def peak_kib() -> int | None:
    """Greatest resident memory of this process so far; None where the system does not tell.

    Not `getrusage`: its figure counts the memory of the parent that this process was forked from.
    """
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), None)


async def serve(app: Path, invocations: list[dict[str, Any]]) -> dict[str, Any]:
    """Everything that the host asks of the worker, from its start to its end."""
    import azure_functions_runtime as worker

    worker.start_threadpool_executor()
    start = Stand(capabilities={}, function_app_directory=str(app))
    loaded = await worker.worker_init_request(request(worker_init_request=start))
    listed = await worker.functions_metadata_request(request())
    found = listed.function_metadata_results or []
    answer: dict[str, Any] = {
        "ready": time.monotonic(),
        "cpu": time.process_time(),
        "peak_kib": peak_kib(),
        "modules": sorted(sys.modules),
        "file": getattr(sys.modules.get("function_app"), "__file__", None),
        "load": status(loaded.result),
        "functions": {
            each.name: {
                "id": each.function_id,
                "bindings": [json.loads(text) for text in each.raw_bindings],
                "file": each.script_file,
            }
            for each in found
        },
    }
    for each in found:
        load = Stand(function_id=each.function_id, metadata=each)
        response = await worker.function_load_request(request(function_load_request=load))
        answer["functions"][each.name]["load"] = status(response.result)
    asked = invocations if answer["load"]["ok"] else []
    answer["answers"] = [await invoke(worker, found, number, each) for number, each in enumerate(asked)]
    worker.stop_threadpool_executor()
    return answer


async def invoke(worker: Any, found: list[Any], number: int, asked: dict[str, Any]) -> dict[str, Any]:
    """One invocation, as the host orders it."""
    function = next(each for each in found if each.name == asked["function"])
    trigger = next(
        binding
        for binding in map(json.loads, function.raw_bindings)
        if binding["type"].lower().endswith("trigger")
    )
    invocation = Stand(
        invocation_id=f"invocation-{number}",
        function_id=function.function_id,
        input_data=[ParameterBinding(name=trigger["name"], data=typed(asked["data"]))],
        trigger_metadata={name: typed(value) for name, value in asked.get("metadata", {}).items()},
        trace_context=Stand(trace_parent="", trace_state="", attributes={}),
        retry_context=Stand(retry_count=0, max_retry_count=0),
    )
    response = await worker.invocation_request(request(invocation_request=invocation))
    return status(response.result) | {
        "function": asked["function"],
        "outputs": {each.name: plain(each.data) for each in response.output_data or []},
        "returned": plain(response.return_value),
    }


def main() -> None:
    """Serve one app from standard input to standard output."""
    app = Path(sys.argv[1]).resolve()
    # As in Azure, what is installed is found before the app's own folder.
    sys.path[:] = [folder for folder in sys.path if folder != str(Path(__file__).parent)] + [str(app)]
    asked = json.load(sys.stdin)
    real, sys.stdout = sys.stdout, sys.stderr  # what the app prints is log
    answer = asyncio.run(serve(app, asked.get("invocations", [])))
    json.dump(answer, real)


if __name__ == "__main__":
    main()
