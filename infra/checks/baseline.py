"""What holds for every resource of a kind: no keys, no open doors, logs that go somewhere, azd's tag."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from infra.checks.places import Fault
from infra.checks.template import Template
from infra.checks.values import Resource, plain

MUST: dict[str, dict[tuple[str, ...], Any]] = {
    "Microsoft.Storage/storageAccounts": {
        ("properties", "allowSharedKeyAccess"): False,
        ("properties", "allowBlobPublicAccess"): False,
        ("properties", "supportsHttpsTrafficOnly"): True,
        ("properties", "minimumTlsVersion"): "TLS1_2",
    },
    "Microsoft.Storage/storageAccounts/blobServices/containers": {("properties", "publicAccess"): "None"},
    "Microsoft.EventGrid/topics": {("properties", "disableLocalAuth"): True},
    "Microsoft.KeyVault/vaults": {
        ("properties", "enableRbacAuthorization"): True,
        ("properties", "enableSoftDelete"): True,
    },
    "Microsoft.ContainerRegistry/registries": {("properties", "adminUserEnabled"): False},
    "Microsoft.Insights/components": {("properties", "DisableLocalAuth"): True},
    "Microsoft.OperationalInsights/workspaces": {("properties", "features", "disableLocalAuth"): True},
    "Microsoft.MachineLearningServices/workspaces": {("properties", "systemDatastoresAuthMode"): "Identity"},
    "Microsoft.MachineLearningServices/workspaces/computes": {("properties", "disableLocalAuth"): True},
    "Microsoft.Web/sites": {
        ("properties", "httpsOnly"): True,
        ("properties", "siteConfig", "minTlsVersion"): "1.2",
        ("properties", "siteConfig", "ftpsState"): "Disabled",
        ("properties", "functionAppConfig", "runtime", "name"): "python",
        ("properties", "functionAppConfig", "runtime", "version"): "3.13",
    },
    "Microsoft.Web/sites/basicPublishingCredentialsPolicies": {("properties", "allow"): False},
}
"""Type of a resource to values that it must have."""
LOGGED = {
    "Microsoft.ContainerRegistry/registries",
    "Microsoft.DataFactory/factories",
    "Microsoft.EventGrid/systemTopics",
    "Microsoft.EventGrid/topics",
    "Microsoft.KeyVault/vaults",
    "Microsoft.MachineLearningServices/workspaces",
    "Microsoft.MachineLearningServices/workspaces/onlineEndpoints",
    "Microsoft.Storage/storageAccounts/blobServices",
    "Microsoft.Web/sites",
}
"""Types whose resources need a diagnostic setting."""
CLOSED = {
    "Microsoft.ContainerRegistry/registries",
    "Microsoft.DataFactory/factories",
    "Microsoft.EventGrid/topics",
    "Microsoft.KeyVault/vaults",
    "Microsoft.MachineLearningServices/workspaces",
    "Microsoft.MachineLearningServices/workspaces/onlineEndpoints",
    "Microsoft.Purview/accounts",
}
"""Types without public access where there is a network."""
TAG = "azd-env-name"


def faults_of_baseline(template: Template) -> Iterator[Fault]:
    """Resources that are not as every one of their type must be."""
    there = [one for one in template.resources if not one.existing and not one.absent]
    logged = {
        scope.data.id
        for one in there
        if one.type == "Microsoft.Insights/diagnosticSettings"
        and (scope := one.get("scope"))
        and isinstance(scope.data, Resource)
    }
    network = template.of("Microsoft.Network/virtualNetworks")
    for one in there:
        for path, wanted in MUST.get(one.type, {}).items():
            yield from _is(one, path, wanted)
        if one.type in LOGGED and one.id not in logged:
            yield Fault(one.at, f"{one.title} has no diagnostic setting")
        if one.get("location") is not None and one.type.count("/") == 1:
            tags = one.get("tags")
            if TAG not in (tags.data if tags else {}):
                yield Fault(one.at, f"{one.title} has no tag {TAG}")
        if network and one.type in CLOSED:
            yield from _is(one, ("properties", "publicNetworkAccess"), "Disabled")
        if network and one.type == "Microsoft.Storage/storageAccounts":
            yield from _is(one, ("properties", "networkAcls", "defaultAction"), "Deny")


def _is(one: Resource, path: tuple[str, ...], wanted: Any) -> Iterator[Fault]:
    found = one.get(*path)
    if found is None or plain(found) != wanted:
        at = found.at if found else one.at
        yield Fault(at, f"{one.title}: {'.'.join(path)} must be {wanted!r}")
