"""Who the app is: a managed identity in Azure, nobody in particular on local Azure."""

from __future__ import annotations

import base64
import json
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken, TokenCredential

    from cloud.settings import Settings

AUDIENCE = "https://ml.azure.com"
LIFETIME = 24 * 3600


def credential(settings: Settings, client_id: str | None = None) -> TokenCredential:
    """The credential for everything that takes tokens.

    `client_id` names a user-assigned identity other than the app's own AZURE_CLIENT_ID.
    """
    if settings.is_local:
        return LocalToken()
    from azure.identity import DefaultAzureCredential

    return DefaultAzureCredential(
        managed_identity_client_id=client_id or settings.client_id,
        exclude_interactive_browser_credential=True,
    )


class LocalToken:
    """A token for local Azure: it opens nothing; azure-ai-ml decodes it and looks at `aud`."""

    def get_token(self, *_scopes: str, **_options: Any) -> AccessToken:
        """A JWT without a signature."""
        from azure.core.credentials import AccessToken

        now = int(time.time())
        claims = {"aud": AUDIENCE, "iss": "local", "iat": now, "exp": now + LIFETIME, "oid": "local"}
        parts = ({"alg": "none", "typ": "JWT"}, claims)
        encoded = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
        return AccessToken(".".join(encoded) + ".", now + LIFETIME)


def allow_loopback_http() -> Any:
    """A policy for the clients of local Azure, which have no https to send tokens over."""
    from azure.core.pipeline.policies import SansIOHTTPPolicy

    class AllowLoopbackHttp(SansIOHTTPPolicy):  # type: ignore[misc]
        """Tokens go over plain http to this machine, and nowhere else."""

        def on_request(self, request: Any) -> None:
            if request.http_request.url.startswith(("http://127.0.0.1:", "http://localhost:")):
                request.context.options.setdefault("enforce_https", False)

    return AllowLoopbackHttp()
