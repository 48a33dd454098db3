"""Addresses of data outside of this machine, as Azure's tools write them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from cloud.location import Location
from control.errors import BadInput

SUFFIXES = ("core.windows.net", "core.chinacloudapi.cn", "core.usgovcloudapi.net")
"""Of Azure's storage accounts: no other host is sent a token."""
KNOWN = (
    "abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/PATH, "
    "wasbs://CONTAINER@ACCOUNT.blob.core.windows.net/PATH, "
    "https://ACCOUNT.blob.core.windows.net/CONTAINER/PATH, "
    "azureml://datastores/NAME/paths/PATH (also its long form), azureml:NAME:VERSION"
)
_HOST = re.compile(
    rf"^(?P<account>[a-z0-9]{{3,24}})\.(?:blob|dfs)\.(?P<suffix>{'|'.join(map(re.escape, SUFFIXES))})\Z"
)
_WORKSPACE = re.compile(
    r"^azureml:/{1,3}subscriptions/(?P<subscription>[^/]+)/resource[gG]roups/(?P<group>[^/]+)"
    r"/(?:providers/Microsoft\.MachineLearningServices/)?workspaces/(?P<workspace>[^/]+)/(?P<rest>.*)$"
)
_ASSET = re.compile(r"^azureml:(?P<name>[A-Za-z0-9][\w.-]*)(?::(?P<version>[\w.-]+)|@(?P<label>[\w.-]+))$")
_DATA = re.compile(r"^data/(?P<name>[^/]+)/(?:versions/(?P<version>[^/]+)|labels/(?P<label>[^/]+))$")


@dataclass(frozen=True, slots=True)
class BlobAddress:
    """A path in a container; it may be a blob, a folder or a glob."""

    account: str
    suffix: str
    container: str
    path: str


@dataclass(frozen=True, slots=True)
class Workspace:
    """An Azure ML workspace."""

    subscription: str
    resource_group: str
    name: str


@dataclass(frozen=True, slots=True)
class MLAddress:
    """A place in a datastore or a data asset, of that workspace or of the one that the settings name."""

    workspace: Workspace | None
    location: Location | None = None
    asset: str | None = None
    version: str | None = None
    label: str | None = None


def trusted_account(account: str, suffix: str) -> bool:
    """Whether that is a storage account of Azure's: to no other host may a token of ours go."""
    return _HOST.match(f"{account}.blob.{suffix}") is not None and "." not in account


def is_address(source: str) -> bool:
    """Whether a source is no path of this machine."""
    return "://" in source or source.startswith("azureml:")


def address_of(source: str) -> BlobAddress | MLAddress:
    """Read an address.

    Raises:
        BadInput: it is none of those in `KNOWN`.
    """
    if source.startswith("azureml:"):
        return _of_workspace(source)
    try:
        parts = urlsplit(source)
        host = _HOST.match(parts.hostname or "")
        plain = parts.port is None and parts.password is None and not parts.fragment
    except ValueError:
        host, plain = None, False
    if host is None or not plain:
        raise BadInput(f"{source}: this is no address of data in Azure. Known are {KNOWN}")
    if parts.query:
        bare = source.partition("?")[0]
        raise BadInput(f"{bare}: leave out what follows the ?: the data are read in your own name")
    path = unquote(parts.path).lstrip("/")
    if parts.scheme in ("abfs", "abfss", "wasb", "wasbs"):
        container = parts.username or ""
    else:
        container, _, path = path.partition("/")
        container = container if parts.scheme == "https" and parts.username is None else ""
    if not container:
        raise BadInput(f"{source}: it names no container. Known are {KNOWN}")
    return BlobAddress(host["account"], host["suffix"], container, path)


def _of_workspace(source: str) -> MLAddress:
    match = _WORKSPACE.match(source)
    workspace = Workspace(match["subscription"], match["group"], match["workspace"]) if match else None
    location = Location.of(source)
    if location is not None:
        return MLAddress(workspace, location=location)
    asset = _DATA.match(match["rest"]) if match else _ASSET.match(source)
    if asset is None:
        raise BadInput(f"{source}: this is no datastore's path and no data asset. Known are {KNOWN}")
    return MLAddress(workspace, asset=asset["name"], version=asset["version"], label=asset["label"])
