"""The online endpoints of local Azure ML."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import web

from local.serving.appender import Appender
from local.serving.deployment import Deployment
from local.serving.endpoint_log import EndpointLog, nowhere
from local.serving.instance import Instance
from local.serving.router import Endpoint, Router
from local.serving.spec import DeploymentFailed
from local.serving.split import Share, Split

if TYPE_CHECKING:
    from pathlib import Path

    from local.serving.endpoint_log import Add
    from local.serving.spec import DeploymentSpec
    from local.storage import StorageAccount

CONTAINER = "modeldatacollector"


class Serving:
    """Inference servers, the router in front of them and the data collection behind them.

    Args:
        state: folder for logs and configuration of the servers.
        account: where collected data goes.
        workspace: ARM id of the workspace, which collected records name as their source.
        container: of the account, for collected data.
        add: where the rows of the endpoints' logs go.
    """

    def __init__(
        self,
        *,
        state: Path,
        account: StorageAccount,
        workspace: str = "",
        container: str = CONTAINER,
        add: Add = nowhere,
    ) -> None:
        self._state = state
        self._workspace = workspace
        self._appender = Appender(account, container)
        self._log = EndpointLog(add, workspace)
        self._changing: defaultdict[tuple[str, str], asyncio.Lock] = defaultdict(asyncio.Lock)
        self._failures: dict[tuple[str, str], str] = {}
        self._starting: dict[tuple[str, str], list[Instance]] = {}
        self._session: aiohttp.ClientSession | None = None
        self._router: Router | None = None
        self._runner: web.AppRunner | None = None
        self._url = ""

    async def start(self) -> str:
        """Listen; returns the router's base URL."""
        await self._appender.start()
        # The servers close each connection after its answer: a kept one would be stale.
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True, limit=0))
        self._router = Router(self._session, self._log)
        self._runner = web.AppRunner(self._router.application(), access_log=None, shutdown_timeout=5)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self._url

    async def stop(self) -> None:
        """End everything; collected data is written first."""
        if self._runner is not None:
            await self._runner.cleanup()
        if self._router is not None:
            await asyncio.gather(
                *(
                    self.delete(endpoint, name)
                    for endpoint, known in list(self._router.endpoints.items())
                    for name in list(known.deployments)
                )
            )
        await self._appender.stop()
        if self._session is not None:
            await self._session.close()

    async def create(self, spec: DeploymentSpec) -> None:
        """Start a deployment and return when it is ready; one of the same name is replaced without a gap.

        Raises:
            DeploymentFailed: it did not become ready; one that ran under the name goes on.
        """
        key = spec.endpoint, spec.name
        async with self._changing[key]:
            self._failures.pop(key, None)
            instances = await self._started(spec, spec.instance_count)
            deployments = self._endpoint(spec.endpoint).deployments
            previous = deployments.get(spec.name)
            deployments[spec.name] = Deployment(spec, instances)
            if previous is not None:
                await previous.drain()

    async def scale(self, endpoint: str, name: str, count: int) -> None:
        """Run a deployment on that many instances, without a gap; one that is not there is no error.

        Raises:
            DeploymentFailed: the instances that are missing did not become ready; the others go on.
        """
        async with self._changing[endpoint, name]:
            deployment = self._endpoint(endpoint).deployments.get(name)
            if deployment is None:
                return
            if count > len(deployment):
                deployment.add(await self._started(deployment.spec, count - len(deployment)))
            await deployment.shrink(max(1, count))

    async def delete(self, endpoint: str, name: str) -> None:
        """End a deployment after the requests under way; one that is not there is no error."""
        async with self._changing[endpoint, name]:
            self._failures.pop((endpoint, name), None)
            deployment = self._endpoint(endpoint).deployments.pop(name, None)
            if deployment is not None:
                await deployment.drain()
                await self._appender.flush()

    def set_endpoint(
        self, endpoint: str, *, keys: tuple[str, str], traffic: dict[str, int], mirror: dict[str, int]
    ) -> None:
        """Make an endpoint known, or change its keys and traffic; requests under way are not touched."""
        known = self._endpoint(endpoint)
        known.keys = keys
        known.split = Split(traffic)
        known.mirror = {name: Share(percent) for name, percent in mirror.items() if percent > 0}

    def remove_endpoint(self, endpoint: str) -> None:
        """Answer no more requests for it. Its deployments are deleted one by one, before."""
        if self._router is not None:
            self._router.endpoints.pop(endpoint, None)

    def scoring_url(self, endpoint: str) -> str:
        """Where the endpoint is asked."""
        return f"{self._url}/endpoints/{endpoint}/score"

    def logs(self, endpoint: str, name: str) -> str:
        """What the deployment's servers have said, also while they start and after a failed start."""
        if starting := self._starting.get((endpoint, name)):
            return "\n".join(instance.log() for instance in starting)
        deployment = self._endpoint(endpoint).deployments.get(name)
        return deployment.log() if deployment is not None else self._failures.get((endpoint, name), "")

    async def flush(self) -> None:
        """Wait for mirrored requests and write collected data now rather than within a second."""
        if self._router is not None:
            await self._router.settle()
        await self._appender.flush()

    async def _started(self, spec: DeploymentSpec, count: int) -> list[Instance]:
        """So many ready instances of the deployment, or none at all and DeploymentFailed."""
        if self._session is None:
            raise DeploymentFailed("Serving has not been started.")
        key = spec.endpoint, spec.name
        folder = self._state / spec.endpoint / spec.name
        instances = [
            Instance(spec, folder=folder, appender=self._appender, source=self._source(spec), log=self._log)
            for _ in range(count)
        ]
        self._starting[key] = instances
        try:
            outcomes = await asyncio.gather(
                *(instance.start(self._session) for instance in instances), return_exceptions=True
            )
        finally:
            del self._starting[key]
        failure = next((outcome for outcome in outcomes if outcome is not None), None)
        if failure is None:
            return instances
        self._failures[key] = "\n".join(instance.log() for instance in instances)
        await asyncio.gather(*(instance.stop() for instance in instances))
        for instance in instances:
            instance.discard()
        raise failure

    def _endpoint(self, name: str) -> Endpoint:
        if self._router is None:
            raise RuntimeError("Serving has not been started.")
        return self._router.endpoints.setdefault(name, Endpoint())

    def _source(self, spec: DeploymentSpec) -> str:
        return f"{self._workspace}/onlineEndpoints/{spec.endpoint}/deployments/{spec.name}"
