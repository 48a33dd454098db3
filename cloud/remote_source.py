"""Which blobs an address means: a blob, a glob, or a folder, where `key=value` folders are columns."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from glob import has_magic
from typing import TYPE_CHECKING

from cloud.connections import Connections
from cloud.data_address import BlobAddress, MLAddress, address_of
from cloud.datastores import Datastores, Store
from cloud.errors import translated
from cloud.local_source import is_hidden, partitions_of
from cloud.location import Location
from cloud.settings import read_data_settings
from cloud.source_file import RemoteFile
from control.errors import BadData, BadInput

if TYPE_CHECKING:
    from control.ports import Blob


def remote_files(source: str, environment: Mapping[str, str] = os.environ) -> list[RemoteFile]:
    """The blobs that an address means, in the order of their names.

    Args:
        source: one of `cloud.data_address.KNOWN`.
        environment: says which workspace, where the address does not, and who reads.

    Raises:
        BadInput: it is no such address, or the workspace is not known.
        BadData: there are no blobs.
        Refused: the container, datastore or asset is not there, or not yours to read.
        Unavailable: it cannot be reached now.
    """
    address = address_of(source)
    if isinstance(address, BlobAddress):
        return blob_files(address, Connections(read_data_settings(environment)))
    connections = _connections(source, address, environment)
    store, path = _place(address, connections)
    return _found(store, path, source)


def blob_files(address: BlobAddress, connections: Connections) -> list[RemoteFile]:
    """The blobs of an address in a storage account."""
    store = _container(address, connections)
    return _found(store, address.path, f"{address.path or '/'} of container {address.container}")


def files_below(store: Store, below: str, blobs: Iterable[Blob]) -> list[RemoteFile]:
    """Those blobs, whose paths lie below a folder that ends with `/`."""
    return [
        RemoteFile(store, below, blob, partitions_of(blob.path.split("/")[:-1]))
        for blob in blobs
        if not is_hidden(blob.path.split("/"))
    ]


def _connections(source: str, address: MLAddress, environment: Mapping[str, str]) -> Connections:
    settings = read_data_settings(environment)
    if address.workspace:
        settings = replace(
            settings,
            subscription=address.workspace.subscription,
            resource_group=address.workspace.resource_group,
            workspace=address.workspace.name,
        )
    missing = [
        name
        for name, value in (
            ("HOMEOSTAT_SUBSCRIPTION_ID", settings.subscription),
            ("HOMEOSTAT_RESOURCE_GROUP", settings.resource_group),
            ("HOMEOSTAT_WORKSPACE", settings.workspace),
        )
        if not value
    ]
    if missing:
        long = "azureml://subscriptions/ID/resourcegroups/NAME/workspaces/NAME/..."
        raise BadInput(f"{source}: of which workspace? Set {', '.join(missing)}, or write {long}")
    return Connections(settings)


def _place(address: MLAddress, connections: Connections) -> tuple[Store, str]:
    if address.location is not None:
        return Datastores(connections).at(address.location), address.location.path
    with translated(f"reading data {address.asset}:{address.version or address.label}"):
        asset = connections.ml.data.get(address.asset, version=address.version, label=address.label)
    if asset.type not in ("uri_file", "uri_folder"):
        raise BadInput(f"data {address.asset} is of type {asset.type}: only uri_file and uri_folder are read")
    location = Location.of(asset.path)
    if location is not None:
        return Datastores(connections).at(location), location.path
    found = address_of(asset.path)
    if not isinstance(found, BlobAddress):
        raise BadInput(f"data {address.asset} lies at {asset.path}, which is not read")
    return _container(found, connections), found.path


def _container(address: BlobAddress, connections: Connections) -> Store:
    service = connections.blob_service(address.account, address.suffix)
    return Store(address.container, service.get_container_client(address.container), service.url)


def _found(store: Store, path: str, said: str) -> list[RemoteFile]:
    files = sorted(_matching(store, path), key=lambda file: file.blob.path)
    if not files:
        raise BadData(f"{said}: there are no blobs")
    return files


def _matching(store: Store, path: str) -> Iterator[RemoteFile]:
    path = path.lstrip("/")
    fixed = _fixed_part(path) if has_magic(path) else path
    if has_magic(path):
        below = fixed[: fixed.rfind("/") + 1]
        pattern = _pattern(path[len(below) :])
        blobs = [blob for blob in store.list(fixed[len(below) :], below=below) if pattern.match(blob.path)]
        yield from files_below(store, below, blobs)
        return
    folder = path if not path or path.endswith("/") else f"{path}/"
    if folder != path:
        parent = path[: path.rfind("/") + 1]
        name = path[len(parent) :]
        yield from (
            RemoteFile(store, parent, blob) for blob in store.list(name, below=parent) if blob.path == name
        )
    yield from files_below(store, folder, store.list("", below=folder))


def _fixed_part(path: str) -> str:
    return path[: min(path.find(mark) for mark in "*?[" if mark in path)]


def _pattern(glob: str) -> re.Pattern[str]:
    """A glob over paths: `*` stays within a folder, `**` does not; what it matches may be a folder."""
    found = ""
    for part in re.findall(r"\*\*/?|\*|\?|\[[^\]]+\]|[^*?\[]+|\[", glob):
        if part.startswith("**"):
            found += "(?:.*/)?" if part.endswith("/") else ".*"
        elif part in ("*", "?"):
            found += "[^/]*" if part == "*" else "[^/]"
        elif part.startswith("[") and part.endswith("]"):
            inside = part[1:-1].replace("\\", "\\\\")
            found += f"[{'^' + inside[1:] if inside.startswith('!') else inside}]"
        else:
            found += re.escape(part)
    return re.compile(f"{found}(?:/.*)?$")
