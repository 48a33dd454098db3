"""Environments and components of a folder of YAML, registered in Azure ML when they have changed.

YAML without a version gets the next number when its content, or that of a file it refers to, is not what
the latest version was made from; so `@latest` in a pipeline always means what the folder holds. YAML with a
version of its own must raise it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from cloud.content import content_digest
from cloud.errors import NotFound, loading, translated
from control.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from azure.ai.ml import MLClient

DIGEST = "homeostat.digest"
Kind = Literal["environment", "component"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Registered:
    """One asset as it is registered now."""

    kind: Kind
    name: str
    version: str
    new: bool
    """Whether it was registered just now."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Asset:
    kind: Kind
    path: Path
    name: str
    version: str | None
    digest: str


def register_assets(ml: MLClient, folders: Sequence[Path]) -> list[Registered]:
    """Register what the folders hold, environments first, because components refer to them.

    Raises:
        Refused: a version that is registered has other content now.
        Unavailable: Azure ML did not answer.
    """
    return [_register(ml, asset) for asset in _assets(folders)]


def _assets(folders: Sequence[Path]) -> list[_Asset]:
    files = sorted(
        path for folder in folders for path in folder.rglob("*") if path.suffix in {".yml", ".yaml"}
    )
    found = [(path, body, kind) for path in files if (body := _yaml(path)) and (kind := _kind(body))]
    environments = [
        _asset("environment", path, body, _files(path, body.get("conda_file"), _build(body)))
        for path, body, kind in found
        if kind == "environment"
    ]
    # A component holds on to the very version of its environment: a new environment makes a new component.
    beneath = [asset.digest for asset in environments]
    components = [
        _asset("component", path, body, _files(path, body.get("code"), *_includes(body)), beneath)
        for path, body, kind in found
        if kind == "component"
    ]
    return environments + components


def _register(ml: MLClient, asset: _Asset) -> Registered:
    known = _known(ml, asset)
    if known is not None and (known.tags or {}).get(DIGEST) == asset.digest:
        return Registered(kind=asset.kind, name=asset.name, version=str(known.version), new=False)
    if known is not None and asset.version is not None:
        raise Refused(
            f"{asset.path.name}: {asset.kind} {asset.name}:{asset.version} is registered with other content; "
            "raise its version, or leave it out"
        )
    with translated(f"registering {asset.kind} {asset.name}"):
        version = asset.version or str(_greatest(ml, asset) + 1)
        with loading(asset.path.name):
            entity = _load(asset)
        entity.version = version
        entity.tags = {**(entity.tags or {}), DIGEST: asset.digest}
        _operations(ml, asset.kind).create_or_update(entity)
    return Registered(kind=asset.kind, name=asset.name, version=version, new=True)


def _known(ml: MLClient, asset: _Asset) -> Any:
    """The version that is registered: the one of the YAML, or the latest."""
    which = {"version": asset.version} if asset.version else {"label": "latest"}
    try:
        with translated(f"reading {asset.kind} {asset.name}"):
            return _operations(ml, asset.kind).get(asset.name, **which)
    except NotFound:
        return None


def _greatest(ml: MLClient, asset: _Asset) -> int:
    try:
        with translated(f"listing {asset.kind} {asset.name}"):
            versions = [str(one.version) for one in _operations(ml, asset.kind).list(name=asset.name)]
    except NotFound:
        return 0
    return max((int(version) for version in versions if version.isdecimal()), default=0)


def _operations(ml: MLClient, kind: Kind) -> Any:
    return ml.environments if kind == "environment" else ml.components


def _load(asset: _Asset) -> Any:
    from azure.ai.ml import load_component, load_environment

    return load_environment(asset.path) if asset.kind == "environment" else load_component(asset.path)


def _yaml(path: Path) -> dict[str, Any] | None:
    import yaml

    try:
        body = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as err:
        raise Refused(f"{path}: cannot be read as YAML: {err}") from err
    return body if isinstance(body, dict) else None


def _kind(body: dict[str, Any]) -> Kind | None:
    """Pipelines, deployments and conda files are none of these."""
    schema = str(body.get("$schema", "")).lower()
    if "name" not in body:
        return None
    if "environment.schema" in schema or (not schema and {"image", "build"} & set(body)):
        return "environment"
    return "component" if "component.schema" in schema else None


def _build(body: dict[str, Any]) -> Any:
    return (body.get("build") or {}).get("path")


def _includes(body: dict[str, Any]) -> list[Any]:
    return list(body.get("additional_includes") or ())


def _files(path: Path, *references: Any) -> list[Path]:
    """The local files and folders that the YAML refers to, and the YAML itself."""
    named = [reference for reference in references if isinstance(reference, str) and ":" not in reference]
    return [path, *(path.parent / reference for reference in named)]


def _asset(
    kind: Kind, path: Path, body: dict[str, Any], files: Iterable[Path], beneath: Sequence[str] = ()
) -> _Asset:
    version = body.get("version")
    return _Asset(
        kind=kind,
        path=path,
        name=str(body["name"]),
        version=None if version is None else str(version),
        digest=content_digest(files, beneath),
    )
