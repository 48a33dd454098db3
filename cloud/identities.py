"""Who somebody is, by Entra: a bearer token that we validate, or what App Service authentication says.

What App Service says is a header that anybody can send where that authentication is off: it is believed only
where a setting says that it is on. Authorization never looks at e-mail addresses: people choose those.
"""

from __future__ import annotations

import base64
import json
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from control.approvers import Principal
from control.errors import AnswerRefused, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from jwt import PyJWKClient

    from cloud.settings import Entra

PRINCIPAL = "x-ms-client-principal"
LONGEST = 16_384
LEEWAY_S = 60
PATIENCE_S = 10
_OBJECT_ID = "http://schemas.microsoft.com/identity/claims/objectidentifier"
_UPN = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"
_NAME = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name"
_PROVIDER = "http://schemas.microsoft.com/identity/claims/identityprovider"


class EntraIdentities:
    """Identities of one Entra tenant."""

    def __init__(self, entra: Entra) -> None:
        self._entra = entra

    def who(self, headers: Mapping[str, str]) -> Principal | None:
        """Who a request with these headers (names in lower case) comes from; None where it says nothing.

        Raises:
            AnswerRefused: it says something that is not so.
            Unavailable: Entra's keys cannot be read.
        """
        if self._entra.app_service and headers.get(PRINCIPAL):
            return self._of_header(headers[PRINCIPAL])  # App Service has looked at a bearer token itself
        scheme, _, token = headers.get("authorization", "").strip().partition(" ")
        return self._of_token(token.strip()) if scheme.lower() == "bearer" else None

    def sign_in(self, path: str) -> str | None:
        """Where a person signs in to come back to that path; None where nobody can."""
        if not self._entra.app_service:
            return None
        return f"/.auth/login/aad?post_login_redirect_uri={quote(path, safe='')}"

    def _of_token(self, token: str) -> Principal:
        if not self._entra.authority:
            raise AnswerRefused(
                "identity", 401, "bearer tokens are not set up: HOMEOSTAT_ENTRA_AUTHORITY is not set"
            )
        import jwt

        try:
            key = self._keys.get_signing_key_from_jwt(token) if len(token) <= LONGEST else None
            if key is None:
                raise AnswerRefused("identity", 401, f"a bearer token has at most {LONGEST} characters")
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=["RS256"],
                audience=list(self._entra.audiences),
                issuer=list(self._entra.issuers),
                leeway=LEEWAY_S,
                options={"require": ["exp", "iss", "aud"]},
            )
        except jwt.PyJWKClientConnectionError as err:
            raise Unavailable(f"reading Entra's keys: {err}") from err
        except jwt.PyJWTError as err:
            raise AnswerRefused("identity", 401, f"the bearer token is not valid: {err}") from err
        groups = claims.get("groups")
        hidden = "hasgroups" in claims or "groups" in (claims.get("_claim_names") or {})
        return self._principal(
            id_=claims.get("oid"),
            # A guest's sign-in name is another tenant's business.
            names=() if "idp" in claims else (claims.get("upn"), claims.get("preferred_username")),
            shown=claims.get("name") or claims.get("app_displayname"),
            groups=None if hidden else groups if isinstance(groups, list) else (),
        )

    def _of_header(self, header: str) -> Principal:
        try:
            body = json.loads(base64.b64decode(header, validate=True)) if len(header) <= LONGEST else {}
            pairs = [(str(claim["typ"]), str(claim["val"])) for claim in body["claims"]]
        except (ValueError, KeyError, TypeError, RecursionError) as err:
            raise AnswerRefused("identity", 401, f"the header {PRINCIPAL} cannot be read") from err
        if body.get("auth_typ") != "aad":
            raise AnswerRefused("identity", 401, "only Entra says who somebody is")
        claims = dict(reversed(pairs))
        guest = "idp" in claims or _PROVIDER in claims
        hidden = "hasgroups" in claims or "_claim_names" in claims
        return self._principal(
            id_=claims.get(_OBJECT_ID) or claims.get("oid"),
            names=() if guest else (claims.get(_UPN), claims.get("upn"), claims.get("preferred_username")),
            shown=claims.get("name") or claims.get(_NAME),
            groups=None if hidden else [value for name, value in pairs if name == "groups"],
        )

    def _principal(
        self, *, id_: Any, names: Iterable[Any], shown: Any, groups: Iterable[Any] | None
    ) -> Principal:
        if not isinstance(id_, str) or not id_:
            raise AnswerRefused("identity", 401, "the identity has no object id (oid)")
        return Principal(
            id=id_,
            names=tuple(dict.fromkeys(str(name) for name in names if name)),
            shown=str(shown or ""),
            groups=None if groups is None else self._named(frozenset(map(str, groups))),
        )

    def _named(self, groups: frozenset[str]) -> frozenset[str]:
        """With the names that settings give to object ids; such a name counts through its id alone."""
        known = self._entra.groups
        names = {
            name for name, number in known.items() if number.casefold() in {g.casefold() for g in groups}
        }
        given = {name.casefold() for name in known}
        return frozenset(group for group in groups if group.casefold() not in given) | names

    @cached_property
    def _keys(self) -> PyJWKClient:
        """Entra's public keys: kept, and read again for one that is not known, at most every half minute."""
        from jwt import PyJWKClient

        return PyJWKClient(f"{self._entra.authority}/discovery/v2.0/keys", timeout=PATIENCE_S)
