"""The person at the terminal: a bearer token of theirs, from Entra by `az login`, or from local Azure's."""

from __future__ import annotations

import getpass
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cloud.settings import Settings

PATIENCE_S = 30


class NoIdentity(Exception):  # noqa: N818 - reads as what it is
    """There is no token to be had; the message says why."""


def bearer(settings: Settings, name: str | None = None, groups: Sequence[str] = ()) -> str | None:
    """A token for the app; None where the app takes none.

    `name` and `groups` are local Azure's: who to be there, instead of the user of this machine.

    Raises:
        NoIdentity: Entra gives none.
    """
    entra = settings.entra
    if entra.authority is None:
        return None
    scope = f"{entra.audiences[0]}/.default"
    if settings.is_local:
        return _local(entra.authority, scope, name or getpass.getuser(), groups)
    from azure.core.exceptions import ClientAuthenticationError

    from cloud.credentials import credential

    try:
        return str(credential(settings).get_token(scope).token)
    except ClientAuthenticationError as err:
        first = str(err).strip().splitlines()[0]
        raise NoIdentity(f"no token for {scope}: az login first ({first})") from err


def _local(authority: str, scope: str, name: str, groups: Sequence[str]) -> str:
    form = {"grant_type": "password", "username": name, "groups": " ".join(groups), "scope": scope}
    request = urllib.request.Request(  # noqa: S310 - the settings' own address on loopback
        f"{authority}/oauth2/v2.0/token", data=urllib.parse.urlencode(form).encode()
    )
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:  # noqa: S310
            return str(json.load(answer)["access_token"])
    except (OSError, ValueError, KeyError) as err:
        raise NoIdentity(f"local Azure's Entra gives no token: {err}") from err
