"""Names that the Bicep and the app must share: queues, tables, containers, datastores, endpoints."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cloud.ledger import TABLE
from cloud.policies import FolderPolicies
from cloud.wakeups import QUEUE
from infra.checks.places import Fault, Place
from infra.checks.template import Template
from infra.checks.values import plain

STORAGE, AZURE_ML = "Microsoft.Storage/storageAccounts", "Microsoft.MachineLearningServices/workspaces"
OWN_DATASTORES = {
    "workspaceblobstore",
    "workspacefilestore",
    "workspaceartifactstore",
    "workspaceworkingdirectory",
}
"""Those that a workspace comes with."""


def faults_of_names(main: Template, after: Template, policies: Path) -> Iterator[Fault]:
    """What the app or a policy names and the Bicep does not make. `after` is after-deploy.bicep."""
    yield from _there(main, f"{STORAGE}/queueServices/queues", {QUEUE, f"{QUEUE}-poison"}, "the app's queue")
    yield from _there(main, f"{STORAGE}/tableServices/tables", {TABLE}, "the app's table")
    containers = _names(main, f"{STORAGE}/blobServices/containers")
    for one in main.of("Microsoft.Web/sites"):
        package = one.get("properties", "functionAppConfig", "deployment", "storage", "value")
        if package and not any(str(plain(package)).strip("[]").endswith(name) for name in containers):
            yield Fault(package.at, f"the app is deployed to a container that nobody makes: {plain(package)}")
    for kind in (
        "Microsoft.EventGrid/systemTopics/eventSubscriptions",
        "Microsoft.EventGrid/topics/eventSubscriptions",
    ):
        for one in after.of(kind):
            given = one.get(
                "properties", "deadLetterWithResourceIdentity", "deadLetterDestination", "properties"
            )
            container = given.data.get("blobContainerName") if given else None
            if container and container.data not in containers:
                yield Fault(
                    container.at, f"dead letters go to a container that nobody makes: {container.data}"
                )
    datastores = _names(main, f"{AZURE_ML}/datastores") | OWN_DATASTORES
    endpoints = _names(main, f"{AZURE_ML}/onlineEndpoints")
    for policy in FolderPolicies(policies).all():
        at = Place(policies / f"{policy.name}.yaml", 1)
        if policy.data.datastore not in datastores:
            yield Fault(at, f"the Bicep makes no datastore {policy.data.datastore}")
        if policy.release.endpoint not in endpoints:
            yield Fault(
                at, f"the Bicep makes no endpoint {policy.release.endpoint}: its log would go nowhere"
            )


def _names(template: Template, kind: str) -> set[str]:
    return {one.name for one in template.of(kind)}


def _there(main: Template, kind: str, names: set[str], what: str) -> Iterator[Fault]:
    for name in sorted(names - _names(main, kind)):
        yield Fault(Place(main.file, 1), f"nobody makes {what} {name}")
