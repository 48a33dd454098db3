"""The endpoints' front door: keys, traffic, mirroring, and Azure's way of answering."""

from __future__ import annotations

import asyncio
import hmac
import logging
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

import aiohttp
from aiohttp import web

from local.serving.endpoint_log import Asked, EndpointLog, Model, since
from local.serving.split import Share, Split

if TYPE_CHECKING:
    from local.serving.deployment import Deployment

DEPLOYMENT = "azureml-model-deployment"
SESSION = "azureml-model-session"
REQUEST_ID = "x-ms-request-id"
CLIENT_REQUEST_ID = "x-ms-client-request-id"
FORWARDED = ("Content-Type", "Accept", "User-Agent", "traceparent", "tracestate", CLIENT_REQUEST_ID)
RETURNED = ("Content-Type", CLIENT_REQUEST_ID, "x-ms-run-fn-exec-ms", "x-ms-run-function-failed")

log = logging.getLogger(__name__)


@dataclass(kw_only=True, slots=True)
class Endpoint:
    """What the router knows of an endpoint."""

    keys: tuple[str, ...] = ()
    split: Split = field(default_factory=lambda: Split({}))
    mirror: dict[str, Share] = field(default_factory=dict)
    deployments: dict[str, Deployment] = field(default_factory=dict)

    def admits(self, authorization: str) -> bool:
        """Whether the Authorization header holds one of the keys."""
        scheme, _, given = authorization.partition(" ")
        return scheme.lower() == "bearer" and any(
            hmac.compare_digest(given.strip().encode(), key.encode()) for key in self.keys
        )


class Router:
    """Sends each request to one deployment, copies some to a mirror, and logs what deployments answer."""

    def __init__(self, session: aiohttp.ClientSession, log: EndpointLog) -> None:
        self.endpoints: dict[str, Endpoint] = {}
        self._session = session
        self._log = log
        self._copies: set[asyncio.Task[None]] = set()

    def application(self) -> web.Application:
        """The HTTP surface."""
        app = web.Application(client_max_size=256 * 1024 * 1024)
        app.router.add_post("/endpoints/{endpoint}/score", self._score)
        return app

    async def settle(self) -> None:
        """Wait until the mirrored requests have been answered."""
        await asyncio.gather(*self._copies)

    async def _score(self, request: web.Request) -> web.Response:
        request_id = request.headers.get("x-request-id") or str(uuid4())
        response = await self._routed(request, request_id)
        response.headers[REQUEST_ID] = request_id
        return response

    async def _routed(self, request: web.Request, request_id: str) -> web.Response:
        at, begun = datetime.now(UTC), time.perf_counter()
        endpoint = self.endpoints.get(request.match_info["endpoint"])
        if endpoint is None:
            return _error(404, "EndpointNotFound", "There is no such endpoint.")
        if not endpoint.admits(request.headers.get("Authorization", "")):
            return _error(401, "key_auth_access_denied", "The key is missing or wrong.")
        body = await request.read()
        # From here to _ask's first await nothing else runs: the chosen deployment cannot vanish in between.
        asked = request.headers.get(DEPLOYMENT)
        name = asked or endpoint.split.next(endpoint.deployments.keys() | set())
        if name is None:
            return _error(404, "NoDeployment", "No deployment of the endpoint has traffic and is ready.")
        deployment = endpoint.deployments.get(name)
        if deployment is None:
            return _error(
                404, "DeploymentNotFound", f"The endpoint has no deployment '{name}' that is ready."
            )
        headers = {key: request.headers[key] for key in FORWARDED if key in request.headers}
        headers["x-request-id"] = request_id
        arrived = Asked(
            at=at,
            begun=begun,
            received_ms=since(begun),
            method=request.method,
            path=request.path,
            protocol=f"HTTP/{request.version.major}.{request.version.minor}",
            agent=request.headers.get("User-Agent", ""),
            request_id=request_id,
            client_request_id=request.headers.get(CLIENT_REQUEST_ID, ""),
            size=len(body),
        )
        if asked is None:
            self._copy(endpoint, name, arrived, body, headers)
        return await self._ask(deployment, arrived, body, headers)

    def _copy(
        self, endpoint: Endpoint, chosen: str, arrived: Asked, body: bytes, headers: dict[str, str]
    ) -> None:
        for name, share in endpoint.mirror.items():
            deployment = endpoint.deployments.get(name)
            if deployment is not None and name != chosen and share.next():
                task = asyncio.create_task(self._mirrored(deployment, arrived, body, headers))
                self._copies.add(task)
                task.add_done_callback(self._copies.discard)

    async def _mirrored(
        self, deployment: Deployment, arrived: Asked, body: bytes, headers: dict[str, str]
    ) -> None:
        answer = await self._ask(deployment, arrived, body, headers)
        if answer.status != 200:
            log.warning(
                "mirror %s/%s answered %d", deployment.spec.endpoint, deployment.spec.name, answer.status
            )

    async def _ask(
        self, deployment: Deployment, arrived: Asked, body: bytes, headers: dict[str, str]
    ) -> web.Response:
        spec = deployment.spec
        model = Model()
        timeout = aiohttp.ClientTimeout(total=spec.request_timeout_ms / 1000)
        with deployment.instance() as instance:
            try:
                async with self._session.post(
                    f"{instance.url}/score", data=body, headers=headers, timeout=timeout
                ) as answer:
                    model.status, model.reason = answer.status, answer.reason or ""
                    model.after_ms = since(arrived.begun)
                    response = _translated(answer, await answer.read())
            except TimeoutError:
                response = _error(408, "RequestTimeout", f"No answer within {spec.request_timeout_ms} ms.")
            except aiohttp.ClientError as error:
                response = _error(503, "UpstreamConnectError", f"The deployment could not be asked: {error}")
            response.headers[DEPLOYMENT] = spec.name
            response.headers[SESSION] = f"{spec.name}-{instance.id}"
            self._log.request(arrived, spec, model, response)
            return response


def _translated(answer: aiohttp.ClientResponse, body: bytes) -> web.Response:
    """The server's answer as an endpoint gives it: whatever is not a 200 becomes 424, Model Error."""
    headers = {key: answer.headers[key] for key in RETURNED if key in answer.headers}
    if answer.status == 200:
        return web.Response(status=200, body=body, headers=headers)
    headers["ms-azureml-model-error-statuscode"] = str(answer.status)
    headers["ms-azureml-model-error-reason"] = "model_error"
    return web.Response(status=424, reason="Model Error", body=body, headers=headers)


def _error(status: int, code: str, message: str) -> web.Response:
    return web.json_response({"error": {"code": code, "message": message}}, status=status)
