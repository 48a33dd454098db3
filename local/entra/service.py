"""The server: discovery, keys, and the token endpoint, with Entra's paths, claims and errors.

Anybody on this machine gets a token in any name: what local Azure shows is that the app believes nobody else.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from typing import TYPE_CHECKING, Any

from aiohttp import web

from local.entra.signing import Signing

if TYPE_CHECKING:
    from pathlib import Path

TENANT = "00000000-0000-0000-0000-00000000e17a"
AUDIENCE = "api://homeostat"
LIFETIME_S = 3600
_NAMES = uuid.UUID(TENANT)


class Entra:
    """One tenant.

    Args:
        state: folder of the signing key, which lasts.
        port: of the loopback interface; 0 is any.
    """

    def __init__(self, *, state: Path, port: int = 0) -> None:
        self._signing = Signing(state / "key.pem")
        self._port = port
        self._runner: web.AppRunner | None = None
        self.authority = ""

    async def start(self) -> str:
        """Listen; the tenant's address, which is what applications are configured with."""
        app = web.Application()
        app.router.add_get("/{tenant}/v2.0/.well-known/openid-configuration", self._discovery)
        app.router.add_get("/{tenant}/discovery/v2.0/keys", self._keys)
        app.router.add_post("/{tenant}/oauth2/v2.0/token", self._token)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        host, port = self._runner.addresses[0][:2]
        self.authority = f"http://{host}:{port}/{TENANT}"
        return self.authority

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner:
            await self._runner.cleanup()
            self._runner = None

    async def _discovery(self, request: web.Request) -> web.Response:
        if refusal := _other_tenant(request):
            return refusal
        return web.json_response({
            "issuer": f"{self.authority}/v2.0",
            "token_endpoint": f"{self.authority}/oauth2/v2.0/token",
            "jwks_uri": f"{self.authority}/discovery/v2.0/keys",
            "id_token_signing_alg_values_supported": ["RS256"],
        })  # fmt: skip

    async def _keys(self, request: web.Request) -> web.Response:
        if refusal := _other_tenant(request):
            return refusal
        return web.json_response({"keys": [await asyncio.to_thread(self._signing.public)]})

    async def _token(self, request: web.Request) -> web.Response:
        if refusal := _other_tenant(request):
            return refusal
        form = {name: str(value) for name, value in (await request.post()).items()}
        claims = _claims(form)
        if claims is None:
            return _error(
                "invalid_request", "AADSTS900144: grant_type, and username or client_id, are needed"
            )
        scope = form.get("scope", "")
        if not scope.endswith("/.default"):
            return _error("invalid_scope", "AADSTS70011: the scope must be RESOURCE/.default")
        now = int(time.time())
        claims |= {
            "aud": scope.removesuffix("/.default"),
            "iss": f"{self.authority}/v2.0",
            "iat": now, "nbf": now, "exp": now + LIFETIME_S,
            "tid": TENANT, "ver": "2.0",
        }  # fmt: skip
        token = await asyncio.to_thread(self._signing.sign, claims)
        return web.json_response({"token_type": "Bearer", "expires_in": LIFETIME_S, "access_token": token})


def object_id(name: str) -> str:
    """The object id of a person or service here: the same each time."""
    return str(uuid.uuid5(_NAMES, name.casefold()))


def _claims(form: dict[str, str]) -> dict[str, Any] | None:
    """Who it is: a person by `username` and the `groups` they say, or a service by `client_id`."""
    match form.get("grant_type"), form.get("username"), form.get("client_id"):
        case "password", str(name), _ if name:
            # Names, as an app registration may ask for, and not object ids: nobody has to look them up here.
            groups = form.get("groups", "").split()
            return {"oid": object_id(name), "preferred_username": name, "name": name, "groups": groups}
        case "client_credentials", _, str(client) if client:
            return {"oid": object_id(client), "azp": client, "idtyp": "app"}
    return None


def _other_tenant(request: web.Request) -> web.Response | None:
    if request.match_info["tenant"] == TENANT:
        return None
    return _error("invalid_tenant", f"AADSTS90002: Tenant '{request.match_info['tenant']}' not found.")


def _error(kind: str, description: str) -> web.Response:
    return web.json_response({"error": kind, "error_description": description}, status=400)
