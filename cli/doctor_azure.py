"""`homeostat doctor --azure`: what the app lacks in Azure, and what is wider than it needs to be."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from cloud.settings import STORAGE, WORKSPACES, Settings, SettingsError, is_loopback, read_settings

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

    from infra.checks.roles import Grant

ARM = "https://management.azure.com"
LOGS = "https://api.loganalytics.io"
PATIENCE_S = 5.0
UNSEEN = (
    "whether Event Grid's subscriptions and Azure Monitor's alerts are there",
    "whether firewalls let the app itself through: addresses were tried from this machine",
    "roles inside Purview (the app has to be a Data Curator there, where lineage is exported)",
    "conditions of roles, and roles that come through groups",
    "roles on the storage and the logs of further workspaces",
    "whether the Key Vault reference resolves: the portal shows it beside the setting",
)
"""What nobody can tell from here."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sight:
    """One thing seen, or that could not be."""

    kind: Literal["ok", "missing", "too wide", "unseen"]
    what: str
    found: str = ""
    remedy: str = ""


def look(
    environment: Mapping[str, str],
    *,
    credential: TokenCredential | None = None,
    identity: str | None = None,
    arm: str = ARM,
) -> Iterator[Sight]:
    """What these settings lack, or have too much of.

    Args:
        environment: the app's settings, as Azure would hold them.
        credential: who asks; the settings' own identity by default.
        identity: object id of the identity whose roles are looked at; by default of who asks.
        arm: address of Azure Resource Manager.
    """
    yield from _keys(environment)
    yield from _of_the_host(environment)
    try:
        settings = read_settings(environment)
    except SettingsError as err:
        for fault in str(err).partition(": ")[2].split("; "):
            yield Sight(kind="missing", what="settings", found=fault, remedy="docs/settings.md")
        yield Sight(kind="unseen", what="addresses and roles", found="not while the settings cannot be used")
        return
    yield Sight(kind="ok", what="settings", found="the app takes them")
    yield from _worth_having(settings)
    yield from _addresses(settings, arm)
    yield from _roles(settings, credential, identity, arm)
    yield from (Sight(kind="unseen", what="not looked at", found=one) for one in UNSEEN)


def _keys(environment: Mapping[str, str]) -> Iterator[Sight]:
    for name in (STORAGE, "AzureWebJobsStorage"):
        if environment.get(name):
            yield Sight(
                kind="too wide",
                what=name,
                found="a connection string, which opens the whole account",
                remedy=f"take it out, and set {name}__... for managed identity (docs/settings.md)",
            )
    if environment.get("HOMEOSTAT_TOPIC_KEY"):
        yield Sight(
            kind="too wide",
            what="HOMEOSTAT_TOPIC_KEY",
            found="whoever has it may publish",
            remedy="take it out: the identity publishes with EventGrid Data Sender",
        )
    if environment.get("HOMEOSTAT_AZUREML_URL"):
        yield Sight(
            kind="too wide",
            what="HOMEOSTAT_AZUREML_URL",
            found="the app would send its tokens to local Azure",
            remedy="take it out in Azure",
        )
    if (environment.get("HOMEOSTAT_APP_SERVICE_AUTH") or "").lower() == "true" and not environment.get(
        "WEBSITE_AUTH_ENABLED"
    ):
        yield Sight(
            kind="unseen",
            what="HOMEOSTAT_APP_SERVICE_AUTH",
            found="true: right only while App Service authentication is on, which only the app can see",
        )


def _of_the_host(environment: Mapping[str, str]) -> Iterator[Sight]:
    """What the Functions host reads, beside what the app does."""
    from infra.checks.app_settings import HOST

    schedules = {"HOMEOSTAT_DRIFT_CHECK_SCHEDULE", "HOMEOSTAT_RECONCILE_SCHEDULE"}
    by_key = {name for name in (STORAGE, "AzureWebJobsStorage") if environment.get(name)}
    for name in sorted(HOST | schedules):
        if not environment.get(name) and name.partition("__")[0] not in by_key:
            yield Sight(
                kind="missing",
                what=name,
                found="the Functions host reads it",
                remedy="set it: docs/settings.md",
            )


def _worth_having(settings: Settings) -> Iterator[Sight]:
    if not settings.approval_keys:
        yield Sight(
            kind="missing",
            what="HOMEOSTAT_APPROVAL_KEY",
            found="nobody can be asked by link",
            remedy="a Key Vault reference to a secret of 32 characters or more",
        )
    if settings.logs_workspace is None:
        yield Sight(
            kind="missing",
            what="HOMEOSTAT_LOGS_WORKSPACE_ID",
            found="releases with traffic steps cannot be judged",
            remedy="the id (a GUID) of the Log Analytics workspace",
        )
    for name, one in settings.further.items():
        if one.logs_workspace is None:
            yield Sight(
                kind="missing",
                what=f"{WORKSPACES}, {name}",
                found="no Log Analytics workspace: its releases with traffic steps cannot be judged",
                remedy=f"{name}=SUBSCRIPTION/RESOURCE-GROUP/WORKSPACE/LOG-ANALYTICS-WORKSPACE-ID",
            )


def _addresses(settings: Settings, arm: str) -> Iterator[Sight]:
    named = {
        "blob storage": settings.storage.blob_uri,
        "queue storage": settings.storage.queue_uri,
        "table storage": settings.storage.table_uri,
        "Event Grid topic": settings.topic_endpoint,
        "Log Analytics": settings.logs_url or LOGS,
        "Purview": settings.purview_url,
        "Azure Resource Manager": arm,
    }
    for what, url in named.items():
        if url is None:
            continue
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or 443
        try:
            socket.create_connection((host, port), timeout=PATIENCE_S).close()
        except OSError as err:
            yield Sight(
                kind="missing",
                what=what,
                found=f"{host}:{port} does not answer: {err}",
                remedy="is the name right? behind private endpoints, ask from inside the network",
            )
        else:
            yield Sight(kind="ok", what=what, found=f"{host}:{port} answers")


def _roles(
    settings: Settings, credential: TokenCredential | None, identity: str | None, arm: str
) -> Iterator[Sight]:
    from azure.core.exceptions import AzureError

    from cloud.credentials import credential as own

    who = credential or own(settings)
    try:
        claims = _claims(who.get_token(f"{ARM}/.default").token)
        asked = identity or str(claims.get("oid") or "")
        if identity is None and settings.client_id not in {None, claims.get("appid"), claims.get("azp")}:
            yield Sight(
                kind="unseen",
                what="roles of the app",
                found="you are not the app: these are your own",
                remedy="homeostat doctor --azure --identity OBJECT-ID-OF-THE-APP'S-IDENTITY",
            )
        grants = list(_granted(settings, who, asked, arm))
        further = [_further(settings.at(name), name, who, asked, arm) for name in settings.further]
    except AzureError as err:
        yield Sight(
            kind="unseen",
            what="roles",
            found=f"cannot be read: {str(err).splitlines()[0]}",
            remedy="sign in (az login); reading roles takes Microsoft.Authorization/roleAssignments/read",
        )
        return
    yield from compared(grants)
    yield from further


def _further(settings: Settings, name: str, who: TokenCredential, identity: str, arm: str) -> Sight:
    """Whether the app may work in a further workspace, by its role on the workspace or further up."""
    from infra.checks.roles import named_roles
    from infra.checks.scenarios import INFRA

    role, wanted = "azureMlDataScientist", settings.workspace_id
    granted = _granted(settings, who, identity, arm)
    scopes = [scope.lower().rstrip("/") for one, scope in granted if one == named_roles(INFRA)[role]]
    if any(f"{wanted}/".startswith(f"{scope}/") for scope in scopes):
        return Sight(kind="ok", what=f"{role} in {name}", found=f"on {wanted}")
    return Sight(
        kind="missing",
        what=f"{role} in {name}",
        found=f"not on {wanted}",
        remedy="deploy infra/further-workspace.bicep there: docs/workspaces.md",
    )


def _granted(settings: Settings, who: TokenCredential, identity: str, arm: str) -> Iterator[tuple[str, str]]:
    """Role ids and scopes of that identity, anywhere in the subscription."""
    from azure.mgmt.authorization import AuthorizationManagementClient

    from cloud.credentials import allow_loopback_http

    more: dict[str, Any] = {"per_call_policies": [allow_loopback_http()]} if is_loopback(arm) else {}
    client = AuthorizationManagementClient(
        who, settings.subscription, base_url=arm, credential_scopes=[f"{ARM}/.default"], retry_total=1, **more
    )
    with client:
        for one in client.role_assignments.list_for_subscription(filter=f"principalId eq '{identity}'"):
            yield one.role_definition_id.rpartition("/")[2], one.scope


def compared(grants: list[tuple[str, str]]) -> Iterator[Sight]:
    """The roles (id, scope) that an identity has, against those that `infra/` gives the app."""
    from infra.checks.roles import TOO_WIDE, grants_of
    from infra.checks.scenarios import templates

    wanted = grants_of(templates()[0], "app")
    names = {one.role: one.name for one in wanted}
    kinds = {(one.role, one.kind.lower()) for one in wanted}
    for role, scope in sorted(grants):
        name = TOO_WIDE.get(role) or names.get(role) or role
        if role in TOO_WIDE:
            yield Sight(
                kind="too wide", what=name, found=f"on {scope}", remedy="take it away: docs/security.md"
            )
        elif (role, kind_of(scope)) not in kinds:
            need = " or ".join(sorted(one.kind for one in wanted if one.role == role)) or "nothing here"
            yield Sight(
                kind="too wide",
                what=name,
                found=f"on {scope}",
                remedy=f"the app needs it on {need}, by what infra/ sets up",
            )
    for one in sorted(wanted, key=lambda one: (one.name, one.kind)):
        yield _has(one, grants)


def _has(one: Grant, grants: list[tuple[str, str]]) -> Sight:
    having = [scope for role, scope in grants if role == one.role]
    at = [scope for scope in having if kind_of(scope) == one.kind.lower()]
    if at:
        return Sight(kind="ok", what=one.name, found=f"on {', '.join(at)}")
    if any(kind_of(scope) in {"subscription", "resource group"} for scope in having):
        return Sight(kind="ok", what=one.name, found="from further up")
    return Sight(
        kind="missing", what=one.name, found=f"on no {one.kind}", remedy="docs/security.md says what for"
    )


def kind_of(scope: str) -> str:
    """The resource type that a scope is of, in small letters."""
    steps = scope.lower().strip("/").split("/")
    if "providers" not in steps:
        return "resource group" if "resourcegroups" in steps else "subscription"
    last = len(steps) - 1 - steps[::-1].index("providers")
    return "/".join([steps[last + 1], *steps[last + 2 :: 2]])


def _claims(token: str) -> dict[str, Any]:
    """What a token says of its bearer; nothing where it is none of Entra's."""
    try:
        body = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except (IndexError, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}
