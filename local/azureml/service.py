"""The server: it puts the parts together and listens on a free port of the loopback interface."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from local.azureml.answers import HOMES, arm
from local.azureml.blobs import Blobs
from local.azureml.names import Home
from local.azureml.registries import Registry
from local.azureml.rooms import Room
from local.datafactory import DataFactory

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from local.azureml.rooms import Publish
    from local.serving import Serving
    from local.storage import StorageAccount


class AzureML:
    """Azure Machine Learning: control plane and compute of one workspace, or of several.

    Attributes:
        state: folder for the databases, jobs, caches and the MLflow stores.
        serving: the first workspace's online endpoints.
        further: more workspaces, each with its own online endpoints. Nothing of one is seen in another.
        registries: names of registries, which all the workspaces share.
        operation_seconds: how long an operation on an endpoint takes at least.
        parallel_jobs: commands of a workspace that run at once.
    """

    def __init__(
        self,
        *,
        state: Path,
        account: StorageAccount,
        publish: Publish,
        environments: Path,
        serving: Serving,
        further: Mapping[Home, Serving] | None = None,
        registries: Sequence[str] = (),
        operation_seconds: float = 0.3,
        parallel_jobs: int = 2,
        port: int = 0,
    ) -> None:
        self._state = state
        self._account = account
        self._publish = publish
        self._environments = environments
        self._serving = {Home(): serving, **(further or {})}
        self._registry_names = tuple(registries)
        self._operation_seconds = operation_seconds
        self._parallel_jobs = parallel_jobs
        self._port = port
        self._runner: web.AppRunner | None = None

    async def start(self) -> str:
        """Listen, and take up again what was under way. Returns the base URL."""
        self._blobs = Blobs(self._account, self._state / "blobs")
        self._rooms = [
            Room(
                home=home,
                state=self._state if home.is_first else self._state / "workspaces" / home.workspace,
                blobs=self._blobs,
                publish=self._publish,
                environments=self._environments,
                serving=serving,
                operation_seconds=self._operation_seconds,
                parallel_jobs=self._parallel_jobs,
            )
            for home, serving in self._serving.items()
        ]
        app = web.Application(middlewares=[arm], client_max_size=64 * 2**20)
        app[HOMES] = tuple(self._serving)
        for room in self._rooms:
            await room.open()
            app.add_routes(room.routes())
        self._registries = [
            Registry(name=name, state=self._state, blobs=self._blobs, rooms=self._rooms)
            for name in self._registry_names
        ]
        for registry in self._registries:
            await registry.open()
            app.add_routes(registry.routes())
        self._factory = DataFactory(self._blobs)
        app.add_routes(self._factory.routes())
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        url = f"http://{host}:{port}"
        for room in self._rooms:
            await room.start(url)
        return url

    async def stop(self) -> None:
        """Stop listening, and everything that runs."""
        if self._runner is None:
            return
        await self._runner.cleanup()
        await self._factory.stop()
        for registry in self._registries:
            await registry.stop()
        for room in self._rooms:
            await room.stop()
        await self._blobs.close()
        for room in self._rooms:
            room.close()
        for registry in self._registries:
            registry.close()
        self._runner = None
