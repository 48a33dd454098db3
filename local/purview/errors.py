"""Refusals as Apache Atlas, which Purview is made from, writes them."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

Json = dict[str, Any]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class AtlasError(Exception):
    """A refusal: Atlas' code, whose first number is the HTTP status, and what went wrong."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = f"ATLAS-{code}"
        self.status = int(code.partition("-")[0])

    def body(self) -> Json:
        """As `AtlasErrorResponse`."""
        return {"requestId": str(uuid.uuid4()), "errorCode": self.code, "errorMessage": str(self)}


def bad_parameters(message: str) -> AtlasError:
    """What was sent cannot be understood."""
    return AtlasError("400-00-01A", f"invalid parameters: {message}")


@web.middleware
async def atlas(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every refusal as Atlas writes it; nobody gets in without a token."""
    if not request.headers.get("Authorization", "").startswith("Bearer "):
        body = {"error": {"code": "Unauthorized", "message": "Not authorized to access account"}}
        return web.json_response(body, status=401, headers={"WWW-Authenticate": "Bearer"})
    try:
        if request.query.get("api-version", "2023-09-01") != "2023-09-01":
            raise bad_parameters(f"api-version {request.query['api-version']} is not 2023-09-01")
        return await handler(request)
    except AtlasError as refusal:
        return web.json_response(refusal.body(), status=refusal.status)
    except web.HTTPException as err:
        return web.json_response(
            {"error": {"code": err.reason, "message": f"{request.method} {request.path}: {err.reason}"}},
            status=err.status,
        )
