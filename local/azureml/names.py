"""Names: the one workspace of local Azure, its resources' ids, and the URIs that jobs and assets use."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
TENANT = "00000000-0000-0000-0000-000000000001"
RESOURCE_GROUP = "local"
WORKSPACE = "local"
LOCATION = "local"
PROVIDER = "Microsoft.MachineLearningServices"
GROUP_ID = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{RESOURCE_GROUP}"
WORKSPACE_ID = f"{GROUP_ID}/providers/{PROVIDER}/workspaces/{WORKSPACE}"
WORKSPACE_GUID = "00000000-0000-0000-0000-000000000002"

DEFAULT_DATASTORE = "workspaceblobstore"
ARTIFACT_DATASTORE = "workspaceartifactstore"
DATASTORES = {
    "landing": "landing",
    DEFAULT_DATASTORE: "azureml",
    ARTIFACT_DATASTORE: "azureml",
    "modeldatacollector": "modeldatacollector",
}
"""Datastore to blob container."""


class BadReference(ValueError):  # noqa: N818 - reads as what it is
    """A URI or id that names nothing local Azure knows."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where blobs lie: a container, and a path in it that is a blob's name or a folder."""

    container: str
    path: str


@dataclass(frozen=True, slots=True)
class Asset:
    """A registered thing: `kind` as in its ARM id (`data`, `models`, `codes`, ...); version or label."""

    kind: str
    name: str
    version: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True)
class JobOutput:
    """An output of a job, and a path below it."""

    job: str
    output: str
    path: str


_DATASTORE = re.compile(
    r"azureml://(?:subscriptions/[^/]+/resourcegroups/[^/]+/(?:providers/[^/]+/)?workspaces/[^/]+/)?"
    r"datastores/(?P<datastore>[^/]+)/(?:paths/)?(?P<path>.*)",
    re.IGNORECASE,
)
_JOB_OUTPUT = re.compile(
    r"azureml://(?:subscriptions/[^/]+/resourcegroups/[^/]+/(?:providers/[^/]+/)?workspaces/[^/]+/)?"
    r"jobs/(?P<job>[^/]+)/outputs/(?P<output>[^/]+)(?:/paths/(?P<path>.*))?$",
    re.IGNORECASE,
)
_ARM_ASSET = re.compile(
    r"(?:azureml:)?/?/?.*/workspaces/[^/]+/(?P<kind>data|models|codes|environments|components)/(?P<name>[^/]+)"
    r"/(?P<what>versions|labels)/(?P<version>[^/]+)$",
    re.IGNORECASE,
)
_SHORT_ASSET = re.compile(r"(?:azureml:)?(?P<name>[A-Za-z0-9][\w.\-]*)(?P<at>[:@])(?P<version>[\w.\-]+)$")


def datastore_place(uri: str) -> Place:
    """The place of a datastore URI, short or long, or of a blob's own URL.

    Raises:
        BadReference: no such datastore, or another kind of URI.
    """
    if found := _DATASTORE.match(uri):
        container = DATASTORES.get(found["datastore"])
        if container is None:
            raise BadReference(
                f"no datastore is named {found['datastore']}: there are {', '.join(DATASTORES)}"
            )
        return Place(container, unquote(found["path"]))
    url = urlsplit(uri)
    if url.scheme in {"http", "https"}:
        parts = unquote(url.path).lstrip("/").split("/", 2)  # account, container, blob
        if len(parts) >= 2:
            return Place(parts[1], parts[2] if len(parts) > 2 else "")
    raise BadReference(f"not a place that local Azure knows: {uri}")


def job_output(uri: str) -> JobOutput | None:
    """What `azureml://jobs/NAME/outputs/OUTPUT/paths/PATH` or `runs:/NAME/PATH` names; None for others."""
    if uri.startswith("runs:/"):
        job, _, path = uri.removeprefix("runs:/").partition("/")
        return JobOutput(job, "artifacts", path)
    if found := _JOB_OUTPUT.match(uri):
        return JobOutput(found["job"], found["output"], unquote(found["path"] or ""))
    return None


def asset(reference: str, kind: str = "") -> Asset | None:
    """The asset that an ARM id or `azureml:NAME:VERSION` (of that kind) names, if it names one."""
    if found := _ARM_ASSET.match(reference):
        version, labelled = found["version"], found["what"].lower() == "labels"
        return Asset(
            found["kind"].lower(), found["name"], "" if labelled else version, version if labelled else ""
        )
    if kind and (found := _SHORT_ASSET.match(reference)):
        version, labelled = found["version"], found["at"] == "@"
        return Asset(kind, found["name"], "" if labelled else version, version if labelled else "")
    return None


def long_uri(uri: str) -> str:
    """A short datastore URI in the long form in which Azure ML stores models' URIs; others as they are."""
    found = _DATASTORE.match(uri)
    if not found:
        return uri
    return (
        f"azureml://subscriptions/{SUBSCRIPTION}/resourceGroups/{RESOURCE_GROUP}/workspaces/{WORKSPACE}"
        f"/datastores/{found['datastore']}/paths/{found['path']}"
    )
