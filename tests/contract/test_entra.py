"""Who somebody is: tokens of local Azure's Entra, and everything that only looks like one."""

from __future__ import annotations

import base64
import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa

from cloud.identities import EntraIdentities
from cloud.settings import Entra as EntraSettings
from control.errors import AnswerRefused, Unavailable
from local.entra import AUDIENCE, TENANT, Entra

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def entra(background: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Entra]:
    service = Entra(state=tmp_path_factory.mktemp("entra"))
    background.run(service.start())
    yield service
    background.run(service.stop())


@pytest.fixture(scope="module")
def believed(entra: Entra) -> EntraSettings:
    return EntraSettings(authority=entra.authority, audiences=(AUDIENCE, "other"), groups={"owners": "G-1"})


@pytest.fixture(scope="module")
def identities(believed: EntraSettings) -> EntraIdentities:
    return EntraIdentities(believed)


def ask(entra: Entra, **form: str) -> requests.Response:
    body = {"grant_type": "password", "username": "jane", "scope": f"{AUDIENCE}/.default", **form}
    return requests.post(f"{entra.authority}/oauth2/v2.0/token", data=body, timeout=20)


def token(entra: Entra, **form: str) -> str:
    return str(ask(entra, **form).json()["access_token"])


def signed(entra: Entra, **claims: Any) -> str:
    """A token of this tenant's key, with other claims than its endpoint gives."""
    now = int(time.time())
    usual = {"iss": f"{entra.authority}/v2.0", "aud": AUDIENCE, "oid": "o", "iat": now, "exp": now + 600}
    merged = {name: value for name, value in {**usual, **claims}.items() if value is not None}
    return entra._signing.sign(merged)


def bearer(text: str) -> dict[str, str]:
    return {"authorization": f"Bearer {text}"}


def header(auth_typ: str = "aad", **claims: Any) -> dict[str, str]:
    pairs = [
        {"typ": name, "val": one}
        for name, value in claims.items()
        for one in (value if isinstance(value, list) else [value])
    ]
    body = json.dumps({"auth_typ": auth_typ, "claims": pairs, "name_typ": "n", "role_typ": "r"})
    return {"x-ms-client-principal": base64.b64encode(body.encode()).decode()}


def test_discovery_says_where_everything_is(entra: Entra) -> None:
    found = requests.get(f"{entra.authority}/v2.0/.well-known/openid-configuration", timeout=20).json()
    assert found["issuer"] == f"{entra.authority}/v2.0"
    (key,) = requests.get(found["jwks_uri"], timeout=20).json()["keys"]
    assert (key["kty"], key["alg"]) == ("RSA", "RS256")
    assert "d" not in key, "the private part stays here"
    assert entra.authority.endswith(TENANT)


def test_the_key_lasts(entra: Entra, background: Any, identities: EntraIdentities) -> None:
    again = Entra(state=entra._signing._file.parent)
    background.run(again.start())
    try:
        other = replace(identities._entra, authority=again.authority)
        assert EntraIdentities(other).who(bearer(signed(entra, iss=f"{again.authority}/v2.0")))
    finally:
        background.run(again.stop())
    assert entra._signing._file.stat().st_mode & 0o077 == 0


def test_a_person(entra: Entra, identities: EntraIdentities) -> None:
    jane = identities.who(bearer(token(entra, username="jane@contoso.com", groups="ml-owners others")))
    assert jane
    assert (jane.names, jane.groups) == (("jane@contoso.com",), frozenset({"ml-owners", "others"}))
    assert jane.label == "jane@contoso.com"
    again = identities.who(bearer(token(entra, username="JANE@contoso.com")))
    assert again
    assert again.id == jane.id


def test_a_service(entra: Entra, identities: EntraIdentities) -> None:
    body = {"grant_type": "client_credentials", "client_id": "pipeline", "scope": f"{AUDIENCE}/.default"}
    found = requests.post(f"{entra.authority}/oauth2/v2.0/token", data=body, timeout=20).json()
    service = identities.who(bearer(found["access_token"]))
    assert service
    assert service.names == ()
    assert service.label == service.id


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"scope": AUDIENCE}, "invalid_scope"),
        ({"username": ""}, "invalid_request"),
        ({"grant_type": "implicit"}, "invalid_request"),
    ],
)
def test_a_wrong_request_for_a_token(entra: Entra, form: dict[str, str], error: str) -> None:
    answer = ask(entra, **form)
    assert (answer.status_code, answer.json()["error"]) == (400, error)


def test_another_tenant_is_not_here(entra: Entra) -> None:
    other = entra.authority.replace(TENANT, "11111111-0000-0000-0000-000000000000")
    for path in ("discovery/v2.0/keys", "v2.0/.well-known/openid-configuration"):
        answer = requests.get(f"{other}/{path}", timeout=20)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_tenant")


def test_groups_have_the_names_that_settings_give_to_their_ids(
    entra: Entra, identities: EntraIdentities
) -> None:
    by_id = identities.who(bearer(signed(entra, groups=["g-1", "g-2"])))
    assert by_id
    assert by_id.groups == {"g-1", "g-2", "owners"}
    by_name = identities.who(bearer(signed(entra, groups=["Owners"])))
    assert by_name
    assert by_name.groups == frozenset(), "a name that stands for an id counts through the id alone"


@pytest.mark.parametrize(
    "claims", [{"hasgroups": True}, {"_claim_names": {"groups": "src1"}, "_claim_sources": {}}]
)
def test_more_groups_than_a_token_holds(entra: Entra, identities: EntraIdentities, claims: Any) -> None:
    found = identities.who(bearer(signed(entra, **claims)))
    assert found
    assert found.groups is None


def test_a_guest_is_known_by_object_id_alone(entra: Entra, identities: EntraIdentities) -> None:
    guest = identities.who(
        bearer(signed(entra, idp="https://sts.windows.net/x/", preferred_username="jane", email="jane"))
    )
    assert guest
    assert guest.names == ()
    mail = identities.who(bearer(signed(entra, email="jane@contoso.com")))
    assert mail
    assert mail.names == (), "people choose their addresses"


def test_version_one_of_the_tokens(entra: Entra, identities: EntraIdentities) -> None:
    found = identities.who(
        bearer(signed(entra, iss=f"https://sts.windows.net/{TENANT}/", aud="other", upn="jane"))
    )
    assert found
    assert found.names == ("jane",)


def _none(entra: Entra) -> str:
    return jwt.encode(
        {"iss": f"{entra.authority}/v2.0", "aud": AUDIENCE, "oid": "o", "exp": 2**33},
        "",
        "none",
        {"kid": "local"},
    )


def _public_key_as_secret(entra: Entra) -> str:
    """The old trick: HMAC with what everybody can read."""

    def part(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    import hashlib
    import hmac

    text = f"{part({'alg': 'HS256', 'kid': 'local'})}.{part({'iss': f'{entra.authority}/v2.0', 'aud': AUDIENCE, 'oid': 'o', 'exp': 2**33})}"
    mac = hmac.new(json.dumps(entra._signing.public()).encode(), text.encode(), hashlib.sha256).digest()
    return f"{text}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


def _another_key(entra: Entra, kid: str = "local") -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    claims = {"iss": f"{entra.authority}/v2.0", "aud": AUDIENCE, "oid": "o", "exp": 2**33}
    return jwt.encode(claims, key, "RS256", {"kid": kid})


FORGED: dict[str, Any] = {
    "another key under the same id": _another_key,
    "another key": lambda entra: _another_key(entra, "evil"),
    "no signature": _none,
    "the public key as a secret": _public_key_as_secret,
    "another audience": lambda entra: signed(entra, aud="https://management.azure.com"),
    "no audience": lambda entra: signed(entra, aud=None),
    "another tenant": lambda entra: signed(entra, iss="https://login.microsoftonline.com/x/v2.0"),
    "no issuer": lambda entra: signed(entra, iss=None),
    "expired": lambda entra: signed(entra, exp=int(time.time()) - 3600),
    "for ever": lambda entra: signed(entra, exp=None),
    "not yet": lambda entra: signed(entra, nbf=int(time.time()) + 3600),
    "nobody": lambda entra: signed(entra, oid=None),
    "a changed letter": lambda entra: signed(entra)[:-9] + ("A" if signed(entra)[-9] != "A" else "B") + signed(entra)[-8:],
    "no token": lambda _: "hello",
    "empty": lambda _: "",
    "long": lambda _: "a." * 20_000,
}  # fmt: skip


@pytest.mark.parametrize("how", FORGED)
def test_what_is_no_token_of_this_tenant_is_refused(
    entra: Entra, identities: EntraIdentities, how: str
) -> None:
    with pytest.raises(AnswerRefused) as caught:
        identities.who(bearer(FORGED[how](entra)))
    assert (caught.value.kind, caught.value.status) == ("identity", 401)


def test_no_token_is_nobody_and_other_schemes_too(identities: EntraIdentities) -> None:
    assert identities.who({}) is None
    assert identities.who({"authorization": "Basic amFuZTpzZWNyZXQ="}) is None


def test_where_no_tenant_is_set_a_token_is_refused(entra: Entra) -> None:
    with pytest.raises(AnswerRefused, match="HOMEOSTAT_ENTRA_AUTHORITY"):
        EntraIdentities(EntraSettings()).who(bearer(signed(entra)))


def test_keys_that_cannot_be_read_may_be_read_later(believed: EntraSettings, entra: Entra) -> None:
    silent = replace(believed, authority="http://127.0.0.1:9/x")
    with pytest.raises(Unavailable):
        EntraIdentities(silent).who(bearer(signed(entra)))


def test_app_services_header_counts_only_where_a_setting_says_so(believed: EntraSettings) -> None:
    sent = header(oid="1", preferred_username="jane", groups=["G-1", "x"], name="Jane")
    assert EntraIdentities(believed).who(sent) is None
    assert EntraIdentities(believed).sign_in("/api/approval?token=v1.a.b") is None
    on = EntraIdentities(replace(believed, app_service=True))
    found = on.who(sent)
    assert found
    assert (found.id, found.names, found.shown) == ("1", ("jane",), "Jane")
    assert found.groups == {"G-1", "x", "owners"}
    assert on.who({}) is None
    assert on.who({**sent, **bearer("for App Service alone")}) == found
    assert on.sign_in("/api/approval?token=v1.a.b") == (
        "/.auth/login/aad?post_login_redirect_uri=%2Fapi%2Fapproval%3Ftoken%3Dv1.a.b"
    )


def test_app_services_own_names_of_claims(believed: EntraSettings) -> None:
    claims = {
        "http://schemas.microsoft.com/identity/claims/objectidentifier": "1",
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn": "jane@contoso.com",
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress": "ceo@contoso.com",
    }
    found = EntraIdentities(replace(believed, app_service=True)).who(header(**claims))
    assert found
    assert (found.id, found.names) == ("1", ("jane@contoso.com",))


@pytest.mark.parametrize("sent", [
    "", "not base64", base64.b64encode(b"{").decode(), base64.b64encode(b"[]").decode(), base64.b64encode(b'{"claims": 3}').decode(),
    header("google", oid="1")["x-ms-client-principal"], header(name="nobody")["x-ms-client-principal"], "A" * 20_000,
])  # fmt: skip
def test_a_header_that_says_nothing(believed: EntraSettings, sent: str) -> None:
    on = EntraIdentities(replace(believed, app_service=True))
    if not sent:
        assert on.who({"x-ms-client-principal": sent}) is None
        return
    with pytest.raises(AnswerRefused):
        on.who({"x-ms-client-principal": sent})
