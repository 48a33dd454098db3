"""Azure ML registries: released versions go there, and come from there into another workspace.

`MLClient.models.share` makes a client of its own, without our options: it cannot talk to local Azure. What it
does with it is public: a registry's client takes a `WorkspaceModelReference`.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cloud.datastores import DEFAULT
from cloud.errors import NotFound, translated
from cloud.location import Location
from cloud.models import aged, version_of
from control.errors import Refused
from control.names import REGISTRY_TAG, SOURCE_TAG, registry_address, source_of
from control.release import EVIDENCE_TAG, REPORT_TAG

if TYPE_CHECKING:
    from collections.abc import Sequence

    from azure.ai.ml.entities import Model

    from cloud.connections import Connections
    from cloud.datastores import Datastores
    from control.facts import ModelVersion
    from control.policy import Policy, Registry

LEFT_BEHIND = frozenset({REPORT_TAG})
"""Tags that mean something in their own workspace alone."""


class Registries:
    """What a workspace shares with a registry, and takes from one."""

    def __init__(self, connections: Connections, datastores: Datastores) -> None:
        self._connections = connections
        self._datastores = datastores

    def versions(self, policy: Policy) -> Sequence[ModelVersion]:
        """The versions of the policy's model in its registry, oldest first."""
        rule = _rule(policy)
        models = self._connections.registry(rule.name).models
        try:
            with translated(f"listing the versions of model {rule.model} in registry {rule.name}"):
                return aged(version_of(model) for model in models.list(name=rule.model))
        except NotFound:
            return ()

    def share(self, policy: Policy, version: str, evidence: str) -> bool:
        """Import the workspace's version into the registry, and wait for it; False when it was there.

        The version first says in its tags where it comes from; the one in the registry says the same.

        Raises:
            Refused: it is not registered in the workspace, or that version is in the registry from elsewhere.
        """
        from azure.ai.ml.entities import WorkspaceModelReference

        rule, ml = _rule(policy), self._connections.ml
        source = source_of(self._connections.settings.workspace_id, policy.name, version)
        there = self._found(rule, version)
        if there is not None:
            return _same(
                there.tags or {}, SOURCE_TAG, source, f"{rule.model}:{version} in registry {rule.name}"
            )
        with translated(f"tagging model {policy.name}:{version}"):
            model = ml.models.get(policy.name, version)
            model.tags = {**(model.tags or {}), SOURCE_TAG: source, EVIDENCE_TAG: evidence}
            ml.models.create_or_update(model)
        with translated(f"sharing model {policy.name}:{version} with registry {rule.name}"):
            workspace = ml.workspaces.get(self._connections.settings.workspace)
            asset = (
                f"azureml://locations/{workspace.location}/workspaces/{workspace._workspace_id}"  # noqa: SLF001 - as the SDK's own share does
                f"/models/{policy.name}/versions/{version}"
            )
            models = self._connections.registry(rule.name).models
            imported = models.create_or_update(
                WorkspaceModelReference(name=rule.model, version=version, asset_id=asset)
            )
            if (imported.tags or {}).get(SOURCE_TAG) != source:  # nothing promises that they go with it
                imported.tags = model.tags
                models.create_or_update(imported)
        return True

    def take(self, policy: Policy, version: str) -> bool:
        """Copy the registry's version into the workspace and register it there; False when it was there.

        Raises:
            Refused: it is not in the registry, or the workspace has that version from elsewhere.
        """
        from azure.ai.ml.entities import Model

        rule, ml = _rule(policy), self._connections.ml
        address = registry_address(rule.name, rule.model, version)
        try:
            with translated(f"reading model {policy.name}:{version}"):
                own = ml.models.get(policy.name, version)
        except NotFound:
            own = None
        if own is not None:
            return _same(own.tags or {}, REGISTRY_TAG, address, f"{policy.name}:{version} in the workspace")
        found = self._found(rule, version)
        if found is None:
            raise Refused(f"{address} is not there any more")
        folder = f"homeostat/{policy.name}/registry/{rule.name}/{version}/"
        self._copy(rule, version, found, folder)
        kept = {key: value for key, value in (found.tags or {}).items() if key not in LEFT_BEHIND}
        with translated(f"registering model {policy.name}:{version}"):
            ml.models.create_or_update(
                Model(
                    name=policy.name,
                    version=version,
                    path=Location(DEFAULT, folder).uri,
                    type=found.type,
                    description=found.description,
                    tags={**kept, REGISTRY_TAG: address},
                )
            )
        return True

    def _copy(self, rule: Registry, version: str, found: Model, folder: str) -> None:
        """By this machine's disk, file by file. What a copy before this one left is written over."""
        store = self._datastores[DEFAULT]
        with TemporaryDirectory() as place:
            with translated(f"reading model {rule.model}:{version} of registry {rule.name}"):
                self._connections.registry(rule.name).models.download(
                    rule.model, version, download_path=place
                )
            # The SDK makes a folder of the model's name, and in it one of the last step of the address.
            root = Path(place, rule.model)
            last = PurePosixPath(urlsplit(str(found.path)).path).name
            root = root / last if (root / last).is_dir() else root
            files = [path for path in sorted(root.rglob("*")) if path.is_file()]
            if not files:
                raise Refused(f"{registry_address(rule.name, rule.model, version)} has no files")
            for file in files:
                with file.open("rb") as body:
                    store.upload(folder + file.relative_to(root).as_posix(), body)

    def _found(self, rule: Registry, version: str) -> Model | None:
        try:
            with translated(f"reading model {rule.model}:{version} of registry {rule.name}"):
                return self._connections.registry(rule.name).models.get(rule.model, version)
        except NotFound:
            return None


def _same(tags: dict[str, str], tag: str, wanted: str, what: str) -> bool:
    """Always False; raises Refused where the version is another one."""
    if tags.get(tag) != wanted:
        raise Refused(
            f"{what} is another one: its {tag} is {tags.get(tag) or 'not set'}, not {wanted}. It is not "
            "overwritten: release a version of another number, or use another name in the registry "
            "(registry.model)"
        )
    return False


def _rule(policy: Policy) -> Registry:
    if policy.registry is None:
        raise Refused(f"{policy.source}: registry is gone: nothing says where versions go or come from")
    return policy.registry
