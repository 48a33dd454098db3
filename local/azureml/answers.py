"""Answers as Azure Resource Manager gives them."""

from __future__ import annotations

import json
import logging
import re
import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from local.azureml.names import LOCATION, PROVIDER, Home

Json = dict[str, Any]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

log = logging.getLogger(__name__)


class ArmError(Exception):
    """A refusal: its HTTP status, Azure's code for it, and what went wrong."""

    def __init__(
        self, status: int, code: str, message: str, *, inner: tuple[str, ...] = (), detail: str = ""
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.inner = inner
        self.detail = detail

    def body(self) -> Json:
        """The error body; `inner` holds the chain of inner codes, outermost first."""
        message = str(self)
        details = [{"code": self.detail, "message": message, "details": [], "additionalInfo": []}]
        return {"error": {
            "code": self.code,
            "message": message,
            "details": details if self.detail else [],
            "additionalInfo": [
                {"type": "ComponentName", "info": {"value": "managementfrontend"}},
                {"type": "Correlation", "info": {"value": {
                    "operation": secrets.token_hex(16), "request": secrets.token_hex(8)}}},
                {"type": "Environment", "info": {"value": LOCATION}},
                {"type": "Location", "info": {"value": LOCATION}},
                {"type": "Time", "info": {"value": timestamp()}},
                *([{"type": "InnerError", "info": {"value": _nested(self.inner)}}] if self.inner else []),
            ],
        }}  # fmt: skip


def _nested(codes: tuple[str, ...]) -> Json | None:
    return {"code": codes[0], "innerError": _nested(codes[1:])} if codes else None


def user_error(message: str, *inner: str, status: int = 400) -> ArmError:
    """The request is wrong, and will be wrong when it comes again."""
    return ArmError(status, "UserError", message, inner=inner)


def not_found(kind: str, message: str) -> ArmError:
    """What the path names does not exist."""
    return ArmError(404, "UserError", message, detail=f"{kind}NotFound")


def conflict(message: str) -> ArmError:
    """Another operation on the same thing has not ended yet."""
    return ArmError(409, "Conflict", message)


def timestamp(moment: datetime | None = None) -> str:
    """Seven fractional digits, as Azure writes them."""
    moment = moment or datetime.now(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f") + "0+00:00"


def system_data() -> Json:
    """Who made it, and when."""
    now = timestamp()
    return {
        "createdAt": now, "createdBy": "local", "createdByType": "User",
        "lastModifiedAt": now, "lastModifiedBy": "local", "lastModifiedByType": "User",
    }  # fmt: skip


async def json_body(request: web.Request) -> Json:
    """The request's body, an object.

    Raises:
        ArmError: it is not a JSON object.
    """
    try:
        body = json.loads(await request.text())
    except ValueError as err:
        raise user_error(f"The request body is not JSON: {err}", "BadArgument") from err
    if not isinstance(body, dict):
        raise user_error("The request body is not a JSON object.", "BadArgument")
    return body


async def properties_of(request: web.Request) -> tuple[Json, Json]:
    """The request's body and its `properties`."""
    body = await json_body(request)
    properties = body.get("properties")
    if not isinstance(properties, dict):
        raise user_error("The request body has no properties.", "BadArgument")
    return body, properties


HOMES = web.AppKey("homes", tuple[Home, ...])
_WORKSPACE = re.compile(
    rf"(?P<id>/subscriptions/[^/]+/resourcegroups/[^/]+/providers/{re.escape(PROVIDER)}/workspaces/(?P<name>[^/]+))",
    re.IGNORECASE,
)


def _expect_known(request: web.Request) -> None:
    asked = _WORKSPACE.search(request.path)
    homes = request.app[HOMES]
    if asked is None or asked["id"].lower() in {home.id.lower() for home in homes}:
        return
    here = "; ".join(
        f"subscription {home.subscription}, resource group {home.group}, workspace {home.workspace}"
        for home in homes
    )
    raise ArmError(
        404,
        "ResourceNotFound",
        f"The Resource '{PROVIDER}/workspaces/{asked['name']}' was not found. Here are: {here}.",
    )


@web.middleware
async def arm(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every refusal as ARM writes it; other subscriptions, groups and workspaces do not exist here."""
    try:
        _expect_known(request)
        return await handler(request)
    except ArmError as refusal:
        body, status = refusal.body(), refusal.status
    except web.HTTPNotFound:
        body = ArmError(404, "NotFound", f"Nothing is served at {request.method} {request.path}").body()
        status = 404
    except web.HTTPMethodNotAllowed as err:
        body = ArmError(405, "MethodNotAllowed", f"{request.method} is not understood here.").body()
        status = err.status
    except Exception as err:
        log.exception("%s %s", request.method, request.path)
        body, status = ArmError(500, "ServiceError", f"{type(err).__name__}: {err}").body(), 500
    return web.json_response(body, status=status, headers={"x-ms-response-type": "error"})
