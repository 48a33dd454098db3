"""Registered model versions, and the files that travel with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloud.datastores import DEFAULT
from cloud.errors import NotFound, translated
from cloud.location import Location
from control.errors import Refused
from control.facts import ModelVersion

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cloud.connections import Connections
    from cloud.datastores import Datastores


AUTHOR_TAG = "homeostat.author"
SERVICES = frozenset({"application", "managedidentity"})


class Models:
    """Model versions in Azure ML."""

    def __init__(self, connections: Connections, datastores: Datastores) -> None:
        self._connections = connections
        self._datastores = datastores

    def versions(self, name: str) -> Sequence[ModelVersion]:
        """The registered versions, oldest first."""
        try:
            with translated(f"listing the versions of model {name}"):
                found = [version_of(model) for model in self._connections.ml.models.list(name=name)]
        except NotFound:
            return ()
        return aged(found)

    def get(self, name: str, version: str) -> ModelVersion | None:
        """One version, or None when it is not registered."""
        try:
            with translated(f"reading model {name}:{version}"):
                return version_of(self._connections.ml.models.get(name, version))
        except NotFound:
            return None

    def register(self, name: str, version: str, job: str, tags: dict[str, str]) -> bool:
        """Register the job's output as that version; a second time is no change.

        Raises:
            Refused: the version is there already, from something else.
        """
        from azure.ai.ml.entities import Model

        existing = self.get(name, version)
        if existing is not None:
            different = {key for key, value in tags.items() if existing.tags.get(key) != value}
            if different:
                raise Refused(
                    f"model {name}:{version} is registered already with other {', '.join(sorted(different))}"
                )
            return False
        path = output(name, job, "model").uri
        with translated(f"registering model {name}:{version}"):
            self._connections.ml.models.create_or_update(
                Model(name=name, version=version, path=path, type="custom_model", tags=tags)
            )
        return True

    def location(self, name: str, version: str) -> Location | None:
        """Where the version's folder lies; None when it is not registered or not in a datastore."""
        model = self.get(name, version)
        place = Location.of(model.path) if model else None
        return Location(place.datastore, place.path.rstrip("/") + "/") if place else None

    def read(self, address: str) -> bytes | None:
        """A file by its `azureml://` address; None when there is none, or that is no place in a datastore."""
        place = Location.of(address)
        return self._datastores.at(place).read(place.path) if place else None

    def file(self, name: str, version: str, file: str) -> bytes | None:
        """A file of the version's folder; None when there is none."""
        place = self.location(name, version)
        return self._datastores.at(place).read(place.path + file) if place else None


def output(model: str, job: str, name: str) -> Location:
    """Where a retraining job writes that output (docs/pipeline-contract.md)."""
    return Location(DEFAULT, f"homeostat/{model}/{job}/{name}/")


def aged(versions: Iterable[ModelVersion]) -> Sequence[ModelVersion]:
    """Oldest first."""
    return sorted(versions, key=_age)


def version_of(model: object) -> ModelVersion:
    """What the SDK says of a version."""
    version, path, tags = (getattr(model, name) for name in ("version", "path", "tags"))
    tags = dict(tags or {})
    authors = _authors(tags, getattr(model, "creation_context", None))
    return ModelVersion(version=str(version), path=str(path or ""), tags=tags, authors=authors)


def _authors(tags: dict[str, str], made: object) -> tuple[str, ...] | None:
    """Whom the tag names, and the person whom Azure ML says; empty when it was a service's identity."""
    named = (tags[AUTHOR_TAG],) if tags.get(AUTHOR_TAG) else ()
    kind, by = (str(getattr(made, name, None) or "") for name in ("created_by_type", "created_by"))
    if kind.lower() == "user" and by:
        return (*named, by)
    return named if named or kind.lower() in SERVICES else None


def _age(model: ModelVersion) -> tuple[bool, int, str]:
    """By number; versions that are no numbers come first: nobody knows how old they are."""
    number = model.version.isdecimal()
    return number, int(model.version) if number else 0, model.version
