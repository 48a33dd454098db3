"""Every setting of the app, read once; all that is missing or wrong is named in one message."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from control.errors import PermanentError
from control.schedule import spacing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LOOPBACK = frozenset({"127.0.0.1", "localhost"})
STORAGE = "HomeostatStorage"


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
    checks_every: timedelta | None = None
    """How far apart the ticks of `drift_check` are."""

    @property
    def is_local(self) -> bool:
        """Whether the app talks to local Azure: the one question that changes anything."""
        return self.azureml_url is not None


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
        checks_every=spacing(text("HOMEOSTAT_DRIFT_CHECK_SCHEDULE") or ""),
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
