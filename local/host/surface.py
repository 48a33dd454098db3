"""The host over HTTP: Event Grid's webhook, HTTP functions, and the admin API."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Any

from aiohttp import web
from azure.functions.meta import Datum

from local.host.routes import Route

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local.host.indexing import Function
    from local.host.invocation import Invoker, Outcome
    from local.host.keys import Keys

log = logging.getLogger("host")
WEBHOOK = "/runtime/webhooks/EventGrid"
MAX_BODY = 100 * 1024 * 1024


class Surface:
    """What answers requests."""

    def __init__(self, functions: Sequence[Function], invoker: Invoker, keys: Keys, prefix: str) -> None:
        self._functions = {function.name.casefold(): function for function in functions}
        self._invoker = invoker
        self._keys = keys
        self._manual: set[asyncio.Task[Outcome]] = set()
        self._routes = sorted(
            (
                (
                    Route.compile(f"{prefix}/{function.trigger.binding.get('route') or function.name}"),
                    function,
                )
                for function in functions
                if function.kind == "httpTrigger"
            ),
            key=lambda pair: pair[0].weight,
        )

    def application(self) -> web.Application:
        """The aiohttp application."""
        app = web.Application(client_max_size=MAX_BODY)
        app.router.add_route("*", WEBHOOK, self._webhook)
        app.router.add_get("/admin/functions", self._list)
        app.router.add_get("/admin/functions/{name}", self._describe)
        app.router.add_post("/admin/functions/{name}", self._start)
        app.router.add_get("/admin/host/ping", self._ping)
        app.router.add_get("/admin/host/status", self._status)
        app.router.add_route("*", "/{path:.*}", self._http)
        return app

    # Event Grid

    async def _webhook(self, request: web.Request) -> web.Response:
        if self._keys.refuse(request, self._keys.eventgrid):
            return web.Response(status=401)
        name = request.query.get("functionName", "")
        function = self._functions.get(name.casefold())
        if function is None or function.kind != "eventGridTrigger" or function.disabled:
            return web.Response(status=404, text=f"cannot find function: '{name}'")
        if request.method == "OPTIONS":
            if "WebHook-Request-Origin" not in request.headers:
                return web.Response(status=400)
            return web.Response(headers={"Webhook-Allowed-Origin": "eventgrid.azure.net"})
        kind = request.headers.get("aeg-event-type", "").casefold()
        if request.method != "POST" or kind not in {"subscriptionvalidation", "notification", "unsubscribe"}:
            return web.Response(status=400)
        if kind == "unsubscribe":
            return web.Response(status=202)
        try:
            body = json.loads(await request.read())
            events = body if isinstance(body, list) else [body]
            if not all(isinstance(event, dict) for event in events):
                raise TypeError
            if kind == "subscriptionvalidation":
                return web.json_response({"validationResponse": events[0]["data"]["validationCode"]})
        except (ValueError, TypeError, LookupError) as err:
            log.warning("webhook %s: the body is no event and no array of events: %r", name, err)
            return web.Response(status=400)
        outcomes = await asyncio.gather(
            *(
                self._invoker.invoke(function, Datum(json.dumps(event), "json"), reason="Event Grid")
                for event in events
            )
        )
        failed = next((outcome for outcome in outcomes if outcome.error is not None), None)
        return web.Response(status=202) if failed is None else web.Response(status=500, text=failed.message)

    # HTTP functions

    async def _http(self, request: web.Request) -> web.Response:
        if request.path == "/":
            return web.Response(text="The Functions host of local Azure is running.")
        for route, function in self._routes:
            parameters = route.match(request.rel_url.raw_path)
            if parameters is not None and _allowed(function, request.method):
                break
        else:
            return web.Response(status=404)
        if function.disabled:
            return web.Response(status=404)
        level = str(function.trigger.binding.get("authLevel", "FUNCTION")).upper()
        right = self._keys.master if level == "ADMIN" else self._keys.functions
        if level != "ANONYMOUS" and self._keys.refuse(request, right):
            return web.Response(status=401)
        outcome = await self._invoker.invoke(
            function, _request(request, parameters, await request.read()), reason=f"HTTP {request.method}"
        )
        if outcome.error is not None:
            return web.Response(status=500)
        return _response(outcome.returned)

    # admin

    async def _list(self, request: web.Request) -> web.Response:
        return web.json_response([self._described(each, request) for each in self._functions.values()])

    async def _describe(self, request: web.Request) -> web.Response:
        function = self._functions.get(request.match_info["name"].casefold())
        if function is None:
            return web.Response(status=404)
        return web.json_response(self._described(function, request))

    async def _start(self, request: web.Request) -> web.Response:
        if self._keys.refuse(request, self._keys.master):
            return web.Response(status=401)
        function = self._functions.get(request.match_info["name"].casefold())
        if function is None or function.disabled:
            return web.Response(status=404)
        try:
            given = json.loads(await request.read())["input"]
        except (ValueError, TypeError, LookupError):
            return web.Response(status=400)
        text = given if isinstance(given, str) else json.dumps(given)
        task = asyncio.create_task(
            self._invoker.invoke(function, *_by_hand(function, text), reason="by hand, /admin/functions")
        )
        self._manual.add(task)
        task.add_done_callback(self._manual.discard)
        return web.Response(status=202)

    async def _ping(self, _: web.Request) -> web.Response:
        return web.Response()

    async def _status(self, _: web.Request) -> web.Response:
        return web.json_response({"id": "local", "state": "Running", "version": "4"})

    def _described(self, function: Function, request: web.Request) -> dict[str, Any]:
        home = f"{request.scheme}://{request.host}"
        route = next((route for route, each in self._routes if each is function), None)
        return {
            "name": function.name,
            "href": f"{home}/admin/functions/{function.name}",
            "invoke_url_template": None if route is None else f"{home}/{route.template}",
            "language": "python",
            "isDisabled": function.disabled,
            "config": {
                "name": function.name,
                "scriptFile": "function_app.py",
                "language": "python",
                "bindings": function.bindings,
            },
        }


def _allowed(function: Function, method: str) -> bool:
    methods = function.trigger.binding.get("methods")
    return not methods or method in {str(each).upper() for each in methods}


def _request(request: web.Request, parameters: dict[str, str], body: bytes) -> Datum:
    """The request as the host hands it to the worker."""

    def joined(pairs: Any) -> dict[str, Datum]:
        return {
            name: Datum(",".join(str(each) for each in pairs.getall(name)), "string")
            for name in dict.fromkeys(pairs)
        }

    return Datum(
        {
            "method": Datum(request.method, "string"),
            "url": Datum(str(request.url), "string"),
            "headers": joined(request.headers),
            "query": joined(request.query),
            "params": {name: Datum(value, "string") for name, value in parameters.items()},
            "body": Datum(body, "bytes"),
        },
        "http",
    )


def _response(returned: Datum | None) -> web.Response:
    if returned is None or returned.type is None:
        return web.Response(status=204)
    if returned.type != "http":
        return web.Response(text=str(returned.value))
    value = returned.value
    headers = {name: each.value for name, each in value["headers"].items()}
    answer = web.Response(status=int(value["status_code"].value), body=value["body"].value, headers=headers)
    for cookies in value.get("cookies") or ():
        for morsel in cookies.values():
            answer.headers.add("Set-Cookie", morsel.OutputString())
    return answer


def _by_hand(function: Function, text: str) -> tuple[Datum, dict[str, Datum]]:
    """Trigger data for a function that somebody starts by hand."""
    match function.kind:
        case "timerTrigger":
            past = {"Schedule": {"AdjustForDST": False}, "ScheduleStatus": None, "IsPastDue": False}
            return Datum(json.dumps(past), "json"), {}
        case "eventGridTrigger":
            return Datum(text, "json"), {}
        case "httpTrigger":
            empty: dict[str, Datum] = {}
            request = {
                "method": Datum("POST", "string"),
                "url": Datum(f"http://127.0.0.1/admin/functions/{function.name}", "string"),
                "headers": empty,
                "query": empty,
                "params": empty,
                "body": Datum(text.encode(), "bytes"),
            }
            return Datum(request, "http"), {}
        case _:
            return Datum(text, "string"), {"Id": Datum("by hand", "string")}
