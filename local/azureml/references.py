"""From what a request names to what is stored."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from local.azureml.names import (
    ARTIFACT_DATASTORE,
    Asset,
    BadReference,
    JobOutput,
    Place,
    asset,
    job_output,
)

if TYPE_CHECKING:
    from local.azureml.store import Record, Store

_WORKSPACE = re.compile(
    r"subscriptions/([^/]+)/resourcegroups/([^/]+)/(?:providers/[^/]+/)?workspaces/([^/]+)/", re.IGNORECASE
)
_URI = {"data": "dataUri", "models": "modelUri", "codes": "codeUri"}


class References:
    """Looks up assets and follows them to their blobs."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.home = store.home

    def find(self, reference: str, kind: str) -> Record:
        """The registered version that an ARM id or `azureml:NAME:VERSION` names.

        Raises:
            BadReference: it names none, or none that is registered.
        """
        self._expect(reference)
        named = asset(reference, kind)
        if named is None or named.kind != kind:
            raise BadReference(f"not an id of {kind}: {reference}")
        return self.record(named)

    def record(self, named: Asset) -> Record:
        """The registered version.

        Raises:
            BadReference: there is none.
        """
        if named.label:
            versions = self._store.all(named.kind, named.name)
            found = (
                next((v for v in reversed(versions) if v.version), None) if named.label == "latest" else None
            )
        else:
            found = self._store.get(named.kind, named.name, named.version)
        if found is None:
            what = f"@{named.label}" if named.label else f":{named.version}"
            raise BadReference(f"no {named.kind} are registered as {named.name}{what}")
        return found

    def uri(self, reference: str, kind: str = "data") -> str:
        """The datastore URI behind an asset's id, a job's output or a URI.

        Raises:
            BadReference: it names nothing.
        """
        self._expect(reference)
        if named := asset(reference, kind):
            uri = self.record(named).properties.get(_URI.get(named.kind, ""))
            if not uri:
                raise BadReference(f"{reference} has no files")
            return self.uri(str(uri), kind)
        if output := job_output(reference):
            return self._output(output)
        return reference

    def place(self, reference: str, kind: str = "data") -> Place:
        """Where the blobs of a reference lie.

        Raises:
            BadReference: it names nothing, or nothing in local Azure's storage.
        """
        return self._store.home.place(self.uri(reference, kind))

    def _expect(self, reference: str) -> None:
        """Refuse what names another workspace."""
        named = _WORKSPACE.search(reference)
        own = self.home.subscription, self.home.group, self.home.workspace
        if named and tuple(part.lower() for part in named.groups()) != tuple(part.lower() for part in own):
            raise BadReference(f"{reference} is of another workspace; here is {self.home.workspace}")

    def _output(self, output: JobOutput) -> str:
        job = self._store.get("jobs", output.job)
        if job is None:
            raise BadReference(f"there is no job {output.job}")
        outputs = job.properties.get("outputs") or {}
        if output.output in outputs and output.output != "default":
            root = str(outputs[output.output]["uri"])
        elif output.output in {"artifacts", "default"}:
            root = f"azureml://datastores/{ARTIFACT_DATASTORE}/paths/ExperimentRun/dcid.{output.job}"
        else:
            raise BadReference(f"the job {output.job} has no output {output.output}: {', '.join(outputs)}")
        return f"{root.rstrip('/')}/{output.path}" if output.path else root
