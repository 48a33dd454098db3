"""The workspace's blobs: files for jobs and deployments, down and up.

What was downloaded or uploaded once is kept by its ETag, so the same blob does not travel twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import shutil
import uuid
from typing import TYPE_CHECKING

from azure.core.exceptions import ResourceExistsError
from azure.storage.blob import ContainerSasPermissions, generate_container_sas
from azure.storage.blob.aio import BlobServiceClient

from local.azureml.names import Place

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from azure.storage.blob.aio import ContainerClient

    from local.storage import StorageAccount

TRANSFERS = 8
"""Blobs under way at once."""


class NothingThere(LookupError):  # noqa: N818 - reads as what it is
    """No blob lies at a place."""


class Blobs:
    """The storage account, with a cache of its blobs' contents."""

    def __init__(self, account: StorageAccount, cache: Path) -> None:
        self.account = account
        self._cache = cache
        self._client = BlobServiceClient.from_connection_string(account.connection_string)
        self._transfers = asyncio.Semaphore(TRANSFERS)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def ensure_container(self, container: str) -> None:
        """Make the container unless it is there."""
        with contextlib.suppress(ResourceExistsError):
            await self._client.create_container(container)

    async def open_container(self, container: str, expiry: datetime) -> tuple[str, str]:
        """Make the container. Returns its URL, and the same with a SAS to read, write and list it."""
        await self.ensure_container(container)
        token = generate_container_sas(
            account_name=self.account.name,
            container_name=container,
            account_key=self.account.key,
            permission=ContainerSasPermissions(read=True, add=True, create=True, write=True, list=True),
            expiry=expiry,
        )
        url = f"{self.account.blob_endpoint.rstrip('/')}/{container}"
        return url, f"{url}?{token}"

    async def download_file(self, place: Place, folder: Path, *, writable: bool = False) -> Path:
        """Fetch the one blob at that place into the folder. Returns the file.

        Raises:
            NothingThere: there is no such blob.
        """
        container = self._client.get_container_client(place.container)
        async for blob in container.list_blobs(name_starts_with=place.path):
            if blob.name == place.path:
                target = folder / place.path.rsplit("/", 1)[-1]
                await self._fetch(container, blob.name, blob.etag, target, writable=writable)
                return target
            break
        raise NothingThere(f"no blob {place.path} in the container {place.container}")

    async def download_folder(self, place: Place, folder: Path, *, writable: bool = False) -> Path:
        """Fetch every blob below that place into the folder. Returns the folder.

        Raises:
            NothingThere: there are none.
        """
        prefix = f"{place.path.rstrip('/')}/" if place.path.strip("/") else ""
        container = self._client.get_container_client(place.container)
        folder.mkdir(parents=True, exist_ok=True)
        async with asyncio.TaskGroup() as group:
            found = False
            async for blob in container.list_blobs(name_starts_with=prefix):
                target = folder / blob.name[len(prefix) :]
                if blob.name.endswith("/") or not target.resolve().is_relative_to(folder.resolve()):
                    continue
                found = True
                group.create_task(self._fetch(container, blob.name, blob.etag, target, writable=writable))
        if not found:
            raise NothingThere(f"no blobs below {prefix or '/'} in the container {place.container}")
        return folder

    async def download(self, place: Place, folder: Path) -> Path:
        """Fetch a blob or all below a folder into `folder`, under its own last name, as models are mounted.

        Raises:
            NothingThere: there is neither.
        """
        try:
            if not place.path.endswith("/"):
                return await self.download_file(place, folder)
        except NothingThere:
            pass
        last = place.path.rstrip("/").rsplit("/", 1)[-1]
        return await self.download_folder(place, folder / last)

    async def copy(self, source: Place, target: Place) -> None:
        """Copy every blob below `source` (or the one there) to the same name below `target`.

        Raises:
            NothingThere: there is no such blob.
        """
        container = self._client.get_container_client(source.container)
        found = [blob.name async for blob in container.list_blobs(name_starts_with=source.path)]
        if not found:
            raise NothingThere(f"{source.container}/{source.path}")
        for name in found:
            body = await (await container.download_blob(name)).readall()
            path = target.path + name[len(source.path) :]
            await self._client.get_blob_client(target.container, path).upload_blob(body, overwrite=True)

    async def upload_folder(self, folder: Path, place: Place) -> None:
        """Put every file of the folder below that place."""
        files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        root = place.path.rstrip("/")
        async with asyncio.TaskGroup() as group:
            for path in files:
                name = f"{root}/{path.relative_to(folder).as_posix()}".lstrip("/")
                group.create_task(self.upload_file(path, Place(place.container, name)))

    async def upload_file(self, path: Path, place: Place) -> None:
        """Put the file there. The file itself must not change any more."""
        async with self._transfers:
            blob = self._client.get_blob_client(place.container, place.path)
            with path.open("rb") as data:
                answer = await blob.upload_blob(data, overwrite=True)
        self._keep(path, self._cached(place.container, place.path, answer["etag"]))

    async def upload_text(self, text: bytes, place: Place) -> None:
        """Put the text there."""
        await self._client.get_blob_client(place.container, place.path).upload_blob(text, overwrite=True)

    async def _fetch(
        self, container: ContainerClient, name: str, etag: str, target: Path, *, writable: bool
    ) -> None:
        cached = self._cached(container.container_name, name, etag)
        if not cached.exists():
            cached.parent.mkdir(parents=True, exist_ok=True)
            part = cached.with_name(f"{cached.name}.{uuid.uuid4().hex}")
            async with self._transfers:
                download = await container.download_blob(name)
                try:
                    with part.open("wb") as file:
                        await download.readinto(file)
                    part.chmod(0o444)
                    part.rename(cached)
                finally:
                    part.unlink(missing_ok=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        if writable:
            await asyncio.to_thread(shutil.copyfile, cached, target)
        else:
            _link(cached, target)

    def _cached(self, container: str, name: str, etag: str) -> Path:
        identity = "\n".join((container, name, etag.strip('"')))
        digest = hashlib.sha256(identity.encode()).hexdigest()
        return self._cache / digest[:2] / digest[2:]

    def _keep(self, path: Path, cached: Path) -> None:
        cached.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_symlink():
            path.chmod(0o444)
        _link(path.resolve(), cached)


def _link(source: Path, target: Path) -> None:
    """One file under two names; a copy where the file system cannot."""
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
