"""Every setting of the app, read once; all that is missing or wrong is named in one message."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from control.approval import SHORTEST_KEY, Sealer, environment
from control.errors import PermanentError
from control.names import workspace_id
from control.schedule import spacing

if TYPE_CHECKING:
    from collections.abc import Callable

LOOPBACK = frozenset({"127.0.0.1", "localhost"})
STORAGE = "HomeostatStorage"
PURVIEW = (".purview.azure.com", ".purview-service.microsoft.com")
"""Where accounts of Purview are: our token for it goes nowhere else."""
WORKSPACES = "HOMEOSTAT_WORKSPACES"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{1,32}")
_PART = re.compile(r"(?!\.+$)[\w.()-]+")


class SettingsError(PermanentError):
    """A setting is missing or cannot be used."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Storage:
    """The app's storage account: a connection string, or service URIs for managed identity."""

    connection_string: str | None = field(default=None, repr=False)
    blob_uri: str | None = None
    queue_uri: str | None = None
    table_uri: str | None = None
    client_id: str | None = None

    @property
    def known(self) -> bool:
        """Whether there is one: who only reads data needs none."""
        return bool(self.connection_string or self.blob_uri)


@dataclass(frozen=True, kw_only=True, slots=True)
class Entra:
    """Whose tokens are believed, and by which names groups are known."""

    authority: str | None = None
    """`https://login.microsoftonline.com/<tenant id>`; None: bearer tokens are refused."""
    audiences: tuple[str, ...] = ()
    app_service: bool = False
    """Whether App Service authentication is on: only then its header is believed."""
    groups: Mapping[str, str] = field(default_factory=dict)
    """Name of a group to its object id."""

    @property
    def issuers(self) -> tuple[str, ...]:
        """Entra's own, of both versions of its tokens."""
        if self.authority is None:
            return ()
        tenant = self.authority.rpartition("/")[2]
        return f"{self.authority}/v2.0", f"https://sts.windows.net/{tenant}/"


@dataclass(frozen=True, kw_only=True, slots=True)
class FurtherWorkspace:
    """Another Azure ML workspace that the app looks after."""

    subscription: str
    resource_group: str
    workspace: str
    logs_workspace: str | None = None
    """Id of the Log Analytics workspace that its endpoints' logs go to."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """What the app is told from outside. docs/settings.md says what each is for."""

    storage: Storage
    subscription: str
    resource_group: str
    workspace: str
    azureml_url: str | None
    """Local Azure's control plane; None in Azure."""
    topic_endpoint: str
    topic_key: str | None = field(repr=False)
    policies: Path
    client_id: str | None
    logs_workspace: str | None = None
    """Id of the Log Analytics workspace that the endpoints' logs go to."""
    logs_url: str | None = None
    """Its address, where that is not public Azure's."""
    purview_url: str | None = None
    """The Purview account that lineage is exported to; None: to none."""
    checks_every: timedelta | None = None
    """How far apart the ticks of `drift_check` are."""
    approval_keys: tuple[str, ...] = field(default=(), repr=False)
    app_url: str = ""
    """Where people reach the app."""
    entra: Entra = field(default_factory=Entra)
    further: Mapping[str, FurtherWorkspace] = field(default_factory=dict)
    """The other workspaces, by the names that policies use."""

    @property
    def is_local(self) -> bool:
        """Whether the app talks to local Azure: the one question that changes anything."""
        return self.azureml_url is not None

    @property
    def sealer(self) -> Sealer:
        """What makes and opens the links by which people answer."""
        here = environment(self.subscription, self.resource_group, self.workspace)
        return Sealer(keys=self.approval_keys, environment=here, address=self.app_url)

    @property
    def workspace_id(self) -> str:
        """The workspace's resource id, in small letters."""
        return workspace_id(self.subscription, self.resource_group, self.workspace)

    @property
    def names(self) -> tuple[str, ...]:
        """What a policy may call a workspace: the app's own by its name, the others as the setting says."""
        return self.workspace, *self.further

    def of(self, home: str) -> Settings:
        """The same settings with the workspace of that resource id; an unknown one is the app's own."""
        places = [self.at(name) for name in self.names]
        return next((place for place in places if place.workspace_id == home), self)

    def at(self, name: str | None) -> Settings:
        """The same settings with that workspace in place of the app's own; None is the app's own.

        Raises:
            SettingsError: no workspace has that name.
        """
        if name is None or name == self.workspace:
            return self
        found = self.further.get(name)
        if found is None:
            known = ", ".join(self.names)
            raise SettingsError(f"no workspace is called {name}: {WORKSPACES} must name it (known: {known})")
        return replace(
            self,
            subscription=found.subscription,
            resource_group=found.resource_group,
            workspace=found.workspace,
            logs_workspace=found.logs_workspace,
            further={},
        )


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read the settings from `os.environ` or another mapping.

    Raises:
        SettingsError: names everything that is missing or wrong, at once.
    """
    faults: list[str] = []

    def text(name: str) -> str | None:
        return environment.get(name, "").strip() or None

    def needed(name: str) -> str:
        value = text(name)
        if value is None:
            faults.append(f"{name} is not set")
        return value or ""

    storage = _storage(text, faults)
    azureml_url = text("HOMEOSTAT_AZUREML_URL")
    if azureml_url is not None and not is_loopback(azureml_url):
        faults.append("HOMEOSTAT_AZUREML_URL must be http://127.0.0.1:PORT (local Azure); unset it in Azure")
    topic_endpoint = needed("HOMEOSTAT_TOPIC_ENDPOINT")
    topic_key = text("HOMEOSTAT_TOPIC_KEY")
    if topic_endpoint and not is_loopback(topic_endpoint) and urlsplit(topic_endpoint).scheme != "https":
        faults.append("HOMEOSTAT_TOPIC_ENDPOINT must be an https address")
    if topic_endpoint and is_loopback(topic_endpoint) and topic_key is None:
        faults.append("HOMEOSTAT_TOPIC_KEY is not set (a topic on loopback takes no managed identity)")
    logs_url = text("HOMEOSTAT_LOGS_URL")
    if logs_url is not None and not is_loopback(logs_url) and urlsplit(logs_url).scheme != "https":
        faults.append("HOMEOSTAT_LOGS_URL must be an https address, or http://127.0.0.1:PORT (local Azure)")
    settings = Settings(
        storage=storage,
        subscription=needed("HOMEOSTAT_SUBSCRIPTION_ID"),
        resource_group=needed("HOMEOSTAT_RESOURCE_GROUP"),
        workspace=needed("HOMEOSTAT_WORKSPACE"),
        azureml_url=azureml_url.rstrip("/") if azureml_url else None,
        topic_endpoint=topic_endpoint,
        topic_key=topic_key,
        policies=Path(text("HOMEOSTAT_POLICIES") or Path(__file__).parent.parent / "policies").absolute(),
        client_id=text("AZURE_CLIENT_ID"),
        logs_workspace=text("HOMEOSTAT_LOGS_WORKSPACE_ID"),
        logs_url=logs_url,
        purview_url=_purview_url(text, faults),
        checks_every=spacing(text("HOMEOSTAT_DRIFT_CHECK_SCHEDULE") or ""),
        approval_keys=_approval_keys(text, faults),
        app_url=_app_url(text, faults),
        entra=_entra(text, faults),
        further=_further(text, faults),
    )
    if faults:
        raise SettingsError("the app's settings cannot be used: " + "; ".join(sorted(faults)))
    return settings


def read_data_settings(environment: Mapping[str, str]) -> Settings:
    """What reading data takes: who reads, and which workspace and storage account where any are set.

    Raises:
        SettingsError: what is set cannot be used.
    """
    filled = {
        "HOMEOSTAT_SUBSCRIPTION_ID": "-", "HOMEOSTAT_RESOURCE_GROUP": "-", "HOMEOSTAT_WORKSPACE": "-",
        "HOMEOSTAT_TOPIC_ENDPOINT": "https://none.invalid/api/events",
        **({} if any(name.startswith(STORAGE) for name in environment) else {STORAGE: "-"}),
    }  # fmt: skip
    given = {name: value for name, value in environment.items() if value.strip()}
    settings = read_settings({**filled, **given})
    return replace(
        settings,
        storage=settings.storage if any(name.startswith(STORAGE) for name in given) else Storage(),
        subscription=given.get("HOMEOSTAT_SUBSCRIPTION_ID", ""),
        resource_group=given.get("HOMEOSTAT_RESOURCE_GROUP", ""),
        workspace=given.get("HOMEOSTAT_WORKSPACE", ""),
    )


def is_loopback(url: str) -> bool:
    """Whether that is a plain http address on this machine, without a user, query or fragment."""
    try:
        parts = urlsplit(url)
        return (
            parts.scheme == "http"
            and parts.hostname in LOOPBACK
            and parts.port is not None
            and parts.username is None
            and not parts.query
            and not parts.fragment
        )
    except ValueError:
        return False


def _approval_keys(text: Callable[[str], str | None], faults: list[str]) -> tuple[str, ...]:
    """The key that seals, and the one before it."""
    keys = []
    for name in ("HOMEOSTAT_APPROVAL_KEY", "HOMEOSTAT_APPROVAL_KEY_PREVIOUS"):
        key = text(name)
        if key is None:
            continue
        keys.append(key)
        if key.startswith("@Microsoft.KeyVault("):
            faults.append(f"{name} is a Key Vault reference that Azure could not resolve")
        elif len(key) < SHORTEST_KEY:
            faults.append(f"{name} must have at least {SHORTEST_KEY} characters")
    if len(keys) == 1 and text("HOMEOSTAT_APPROVAL_KEY") is None:
        faults.append("HOMEOSTAT_APPROVAL_KEY_PREVIOUS is set, but HOMEOSTAT_APPROVAL_KEY is not")
    return tuple(keys)


def _app_url(text: Callable[[str], str | None], faults: list[str]) -> str:
    url = text("HOMEOSTAT_APP_URL")
    host = text("WEBSITE_HOSTNAME")  # Azure's own
    if url is None:
        return f"https://{host}" if host and ":" not in host else f"http://{host}" if host else ""
    if not is_loopback(url) and urlsplit(url).scheme != "https":
        faults.append("HOMEOSTAT_APP_URL must be an https address")
    return url.rstrip("/")


def _purview_url(text: Callable[[str], str | None], faults: list[str]) -> str | None:
    url = text("HOMEOSTAT_PURVIEW_URL")
    if url is not None and not is_loopback(url) and not _is_purview(url):
        faults.append("HOMEOSTAT_PURVIEW_URL must be https://ACCOUNT.purview.azure.com, without a path")
    elif url is not None and is_loopback(url) != (text("HOMEOSTAT_AZUREML_URL") is not None):
        faults.append(
            "HOMEOSTAT_PURVIEW_URL and HOMEOSTAT_AZUREML_URL: both of Azure, or both of local Azure"
        )
    return url.rstrip("/") if url else None


def _is_purview(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        return (
            parts.scheme == "https"
            and host.endswith(PURVIEW)
            and parts.netloc.lower() == host  # no user, no port
            and parts.path in {"", "/"}
            and not parts.query
            and not parts.fragment
        )
    except ValueError:
        return False


def _entra(text: Callable[[str], str | None], faults: list[str]) -> Entra:
    authority, audiences = text("HOMEOSTAT_ENTRA_AUTHORITY"), text("HOMEOSTAT_ENTRA_AUDIENCE")
    if (authority is None) != (audiences is None):
        faults.append("set HOMEOSTAT_ENTRA_AUTHORITY and HOMEOSTAT_ENTRA_AUDIENCE, or neither")
    if authority and not is_loopback(authority) and urlsplit(authority).scheme != "https":
        faults.append("HOMEOSTAT_ENTRA_AUTHORITY must be https://login.microsoftonline.com/TENANT-ID")
    groups = {}
    for pair in _listed(text("HOMEOSTAT_GROUPS")):
        name, _, number = (part.strip() for part in pair.partition("="))
        if not name or not number:
            faults.append("HOMEOSTAT_GROUPS must be NAME=OBJECT-ID, separated by commas")
        groups[name] = number
    believed = (text("HOMEOSTAT_APP_SERVICE_AUTH") or "false").lower()
    if believed not in {"true", "false"}:
        faults.append("HOMEOSTAT_APP_SERVICE_AUTH must be true or false")
    if believed == "true" and (text("WEBSITE_AUTH_ENABLED") or "true").lower() != "true":  # Azure's own
        faults.append("HOMEOSTAT_APP_SERVICE_AUTH is true, but App Service authentication is off")
    return Entra(
        authority=authority.rstrip("/") if authority else None,
        audiences=tuple(_listed(audiences)),
        app_service=believed == "true",
        groups=groups,
    )


def _further(text: Callable[[str], str | None], faults: list[str]) -> dict[str, FurtherWorkspace]:
    found: dict[str, FurtherWorkspace] = {}
    for one in _listed(text(WORKSPACES)):
        name, _, where = (part.strip() for part in one.partition("="))
        parts = where.split("/")
        whole = len(parts) in {3, 4} and all(_PART.fullmatch(part) for part in parts)
        if not _NAME.fullmatch(name) or not whole:
            faults.append(
                f"{WORKSPACES} must be NAME=SUBSCRIPTION/RESOURCE-GROUP/WORKSPACE or "
                "NAME=SUBSCRIPTION/RESOURCE-GROUP/WORKSPACE/LOG-ANALYTICS-WORKSPACE-ID, separated by commas, "
                f"not {one!r}"
            )
            continue
        if name in found or name == text("HOMEOSTAT_WORKSPACE"):
            faults.append(f"{WORKSPACES} must call each workspace another name than {name}, which is taken")
            continue
        found[name] = FurtherWorkspace(
            subscription=parts[0],
            resource_group=parts[1],
            workspace=parts[2],
            logs_workspace=parts[3] if len(parts) == 4 else None,
        )
    logged = [(one.workspace, one.logs_workspace) for one in found.values()]
    logged.append((text("HOMEOSTAT_WORKSPACE") or "", text("HOMEOSTAT_LOGS_WORKSPACE_ID")))
    pairs = [(workspace.lower(), logs.lower()) for workspace, logs in logged if logs]
    faults.extend(
        f"{WORKSPACES}: two workspaces named {workspace} log to {logs}: nobody can tell them apart"
        for workspace, logs in sorted({pair for pair in pairs if pairs.count(pair) > 1})
    )
    return found


def _listed(text: str | None) -> list[str]:
    return [part.strip() for part in (text or "").split(",") if part.strip()]


def _storage(text: Callable[[str], str | None], faults: list[str]) -> Storage:
    connection_string = text(STORAGE)
    uris = {kind: text(f"{STORAGE}__{kind}ServiceUri") for kind in ("blob", "queue", "table")}
    absent = [f"{STORAGE}__{kind}ServiceUri" for kind, uri in uris.items() if uri is None]
    if connection_string is None and len(absent) == len(uris):
        faults.append(
            f"{STORAGE} (a connection string) or {', '.join(absent)} (for managed identity) is not set"
        )
    elif connection_string is None:
        faults.extend(f"{name} is not set" for name in absent)
        faults.extend(
            f"{STORAGE}__{kind}ServiceUri must be an https address"
            for kind, uri in uris.items()
            if uri is not None and urlsplit(uri).scheme != "https"
        )
    elif len(absent) < len(uris):
        faults.append(f"set {STORAGE} or {STORAGE}__...ServiceUri, not both")
    return Storage(
        connection_string=connection_string,
        blob_uri=uris["blob"],
        queue_uri=uris["queue"],
        table_uri=uris["table"],
        client_id=text(f"{STORAGE}__clientId"),
    )
