"""Names: the workspaces of local Azure, their resources' ids, and the URIs that jobs and assets use."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
TENANT = "00000000-0000-0000-0000-000000000001"
RESOURCE_GROUP = "local"
WORKSPACE = "local"
LOCATION = "local"
PROVIDER = "Microsoft.MachineLearningServices"
WORKSPACE_GUID = "00000000-0000-0000-0000-000000000002"

DEFAULT_DATASTORE = "workspaceblobstore"
ARTIFACT_DATASTORE = "workspaceartifactstore"
DATASTORES = {
    "landing": "landing",
    DEFAULT_DATASTORE: "azureml",
    ARTIFACT_DATASTORE: "azureml",
    "modeldatacollector": "modeldatacollector",
}
"""Datastore to blob container, of the first workspace."""


@dataclass(frozen=True, slots=True)
class Home:
    """A workspace: where it is, and where its blobs lie. What is in one is not in another."""

    workspace: str = WORKSPACE
    subscription: str = SUBSCRIPTION
    group: str = RESOURCE_GROUP

    @classmethod
    def named(cls, name: str) -> Home:
        """Another workspace, in a subscription and a resource group of its own.

        Raises:
            ValueError: its containers could not be called after it.
        """
        if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) or not 2 <= len(name) <= 33 or name == WORKSPACE:
            raise ValueError(
                f"{name!r}: a workspace here has 2 to 33 small letters, digits and single -, and is not the "
                f"first one, {WORKSPACE}"
            )
        return cls(name, str(uuid.uuid5(uuid.NAMESPACE_URL, f"subscription of {name}")), f"rg-{name}")

    @property
    def is_first(self) -> bool:
        """Whether it is the one that is always there."""
        return self == Home()

    @property
    def group_id(self) -> str:
        """Of its resource group."""
        return f"/subscriptions/{self.subscription}/resourceGroups/{self.group}"

    @property
    def id(self) -> str:
        """Its resource id."""
        return f"{self.group_id}/providers/{PROVIDER}/workspaces/{self.workspace}"

    @property
    def guid(self) -> str:
        """Its number."""
        return WORKSPACE_GUID if self.is_first else str(uuid.uuid5(uuid.NAMESPACE_URL, self.id))

    @property
    def front(self) -> str:
        """What the paths beside ARM begin with."""
        return "" if self.is_first else f"/workspaces/{self.guid}"

    @property
    def topic(self) -> str:
        """Name of its Event Grid topic."""
        return "azureml" if self.is_first else f"azureml-{self.workspace}"

    @property
    def datastores(self) -> dict[str, str]:
        """Datastore to blob container."""
        if self.is_first:
            return DATASTORES
        return {name: f"{container}-{self.workspace}".lower() for name, container in DATASTORES.items()}

    def place(self, uri: str) -> Place:
        """The place of a datastore URI, short or long, or of a blob's own URL.

        Raises:
            BadReference: no such datastore, one of another workspace, or another kind of URI.
        """
        if found := _DATASTORE.match(uri):
            self._expect(found)
            container = self.datastores.get(found["datastore"])
            if container is None:
                raise BadReference(
                    f"no datastore is named {found['datastore']}: there are {', '.join(self.datastores)}"
                )
            return Place(container, unquote(found["path"]))
        url = urlsplit(uri)
        if url.scheme in {"http", "https"}:
            parts = unquote(url.path).lstrip("/").split("/", 2)  # account, container, blob
            if len(parts) >= 2:
                return Place(parts[1], parts[2] if len(parts) > 2 else "")
        raise BadReference(f"not a place that local Azure knows: {uri}")

    def long_uri(self, uri: str) -> str:
        """A short datastore URI in the long form in which Azure ML stores models'; others as they are."""
        found = _DATASTORE.match(uri)
        if not found:
            return uri
        self._expect(found)
        return (
            f"azureml://subscriptions/{self.subscription}/resourceGroups/{self.group}/workspaces/"
            f"{self.workspace}/datastores/{found['datastore']}/paths/{found['path']}"
        )

    def _expect(self, found: re.Match[str]) -> None:
        named = found["subscription"], found["group"], found["workspace"]
        own = self.subscription, self.group, self.workspace
        if any(one and one.lower() != mine.lower() for one, mine in zip(named, own, strict=True)):
            raise BadReference(f"a datastore of another workspace: {found[0]}; here is {self.workspace}")


GROUP_ID = Home().group_id
WORKSPACE_ID = Home().id


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
    r"azureml://(?:subscriptions/(?P<subscription>[^/]+)/resourcegroups/(?P<group>[^/]+)/(?:providers/[^/]+/)?"
    r"workspaces/(?P<workspace>[^/]+)/)?datastores/(?P<datastore>[^/]+)/(?:paths/)?(?P<path>.*)",
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
