"""What the Bicep sets against what the app reads, in both directions; and no key among it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from cloud.settings import SettingsError, read_settings
from infra.checks.places import Fault
from infra.checks.template import Template
from infra.checks.values import Resource, Unknown, Value

OPTIONAL = {
    "HOMEOSTAT_APPROVAL_KEY_PREVIOUS": "set by hand while a key is changed",
    "HOMEOSTAT_APP_SERVICE_AUTH": "App Service authentication is set up by hand",
    "HOMEOSTAT_APP_URL": "Azure's own WEBSITE_HOSTNAME stands for it",
    "HOMEOSTAT_AZUREML_URL": "local Azure only",
    "HOMEOSTAT_LOGS_URL": "local Azure and other clouds only",
    "HOMEOSTAT_POLICIES": "the policies are deployed with the app",
    "HOMEOSTAT_TOPIC_KEY": "local Azure only: managed identity in Azure",
}
"""What the app reads and the Bicep leaves out, and why."""
TOGETHER = {"HOMEOSTAT_PURVIEW_URL": "Microsoft.Purview/accounts"}
"""What is set exactly when there is such a resource."""
HOST = {
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
    "APPLICATIONINSIGHTS_CONNECTION_STRING",
    "AzureWebJobsStorage__accountName",
    "AzureWebJobsStorage__clientId",
    "AzureWebJobsStorage__credential",
    "HomeostatStorage__credential",
}
"""What the Functions host reads. Without the credential it looks for a key."""
KEYS = re.compile(r"AccountKey=|SharedAccessKey|sig=|;Key=|^[A-Za-z0-9+/]{60,}={0,2}$")
SECRET = re.compile(r"(KEY|SECRET|PASSWORD|TOKEN)(_|$)")


def read_by_app(root: Path) -> set[str]:
    """The names that the code reads: cloud/ and handlers/, and the timers' schedules."""
    named = set()
    for folder in ("cloud", "handlers"):
        for file in (root / folder).rglob("*.py"):
            named |= set(re.findall(r"\b(?:HOMEOSTAT_[A-Z_]+|AZURE_CLIENT_ID)\b", file.read_text("utf-8")))
    named |= set(re.findall(r"%(\w+)%", (root / "function_app.py").read_text("utf-8")))
    parts = ("blobServiceUri", "queueServiceUri", "tableServiceUri", "clientId")
    return named | {f"HomeostatStorage__{part}" for part in parts}


def faults_of_settings(template: Template, root: Path, *, whole: bool) -> Iterator[Fault]:
    """What is missing, unknown or a key. `whole`: everything that can be set is set in this template."""
    apps = [one for one in template.of("Microsoft.Web/sites/config") if one.name.endswith("appsettings")]
    if len(apps) != 1:
        return
    (config,) = apps
    properties = config.get("properties")
    given: dict[str, Value] = dict(properties.data) if properties else {}
    wanted = read_by_app(root)
    for name in sorted(wanted - set(given) - set(OPTIONAL)) if whole else ():
        yield Fault(config.at, f"the app reads {name}, which is not set")
    for name in sorted(HOST - set(given)):
        yield Fault(config.at, f"the Functions host reads {name}, which is not set")
    for name, kind in TOGETHER.items():
        if (name in given) != bool(template.of(kind)):
            yield Fault(config.at, f"{name} is set exactly when there is a {kind}: here only one of them is")
    for name in sorted(set(given) - wanted - HOST):
        yield Fault(given[name].at, f"nothing reads {name}")
    for name, value in sorted(given.items()):
        yield from _secrets(name, value)
    yield from _refused(config, given)


def _secrets(name: str, value: Value) -> Iterator[Fault]:
    text = str(value.data)
    if KEYS.search(text):
        yield Fault(value.at, f"{name} holds a key: use managed identity or a Key Vault reference")
    elif SECRET.search(name) and not text.lstrip("[").startswith("@Microsoft.KeyVault("):
        yield Fault(value.at, f"{name} must be a Key Vault reference")


def _refused(config: Resource, given: dict[str, Value]) -> Iterator[Fault]:
    """Whether the app's own reader takes them, with samples for what Azure fills in."""
    filled = {name: _sample(name, value) for name, value in given.items()}
    filled["WEBSITE_HOSTNAME"] = "sample.azurewebsites.net"
    try:
        settings = read_settings(filled)
    except SettingsError as err:
        yield Fault(config.at, str(err))
        return
    if settings.is_local or settings.storage.connection_string or settings.topic_key:
        yield Fault(config.at, "the app would not run by managed identity")


def _sample(name: str, value: Value) -> str:
    text = str(value.data)
    if text.lstrip("[").startswith("@Microsoft.KeyVault("):
        return "k" * 64  # what the reference leads to
    if isinstance(value.data, Unknown):
        return (
            "https://sample.invalid/"
            if name.endswith(("Uri", "ENDPOINT"))
            else "55555555-5555-5555-5555-555555555555"
        )
    return text
