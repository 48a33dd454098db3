"""One workspace with everything in it: records, jobs, endpoints, and the routes to them."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Protocol

from local.azureml.assets import KINDS, Assets
from local.azureml.batch_deployments import BatchDeployments
from local.azureml.batch_endpoints import BatchEndpoints
from local.azureml.batch_jobs import BatchJobs
from local.azureml.batch_settling import Settling
from local.azureml.deployment_lives import DeploymentLives
from local.azureml.deployments import Deployments
from local.azureml.endpoints import Endpoints
from local.azureml.history import History
from local.azureml.job_lives import JobLives
from local.azureml.jobs import Jobs
from local.azureml.names import Asset
from local.azureml.operations import Operations
from local.azureml.references import References
from local.azureml.runner import EnvironmentBuilder, Runner
from local.azureml.store import Store
from local.azureml.tracking import Tracking
from local.azureml.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

    from aiohttp import web

    from local.azureml.blobs import Blobs
    from local.azureml.names import Home, Place
    from local.azureml.store import Record
    from local.serving import Serving

Publish = Callable[[str, list[dict[str, Any]]], Awaitable[None]]


class Routed(Protocol):
    """A part that answers requests."""

    def routes(self, workspace: str) -> list[web.RouteDef]:
        """Below the workspace's path."""


class Room:
    """A workspace. What is stored, runs or is asked for in one is in no other."""

    def __init__(
        self,
        *,
        home: Home,
        state: Path,
        blobs: Blobs,
        publish: Publish,
        environments: Path,
        serving: Serving,
        operation_seconds: float,
        parallel_jobs: int,
    ) -> None:
        self.home = home
        self._state = state
        self._blobs = blobs
        self._publish = publish
        self._environments = environments
        self._serving = serving
        self._operation_seconds = operation_seconds
        self._parallel_jobs = parallel_jobs

    async def open(self) -> None:
        """Make the parts, and the containers that are not there."""
        self._store = Store(self._state / "azureml.sqlite", self.home)
        for container in sorted(set(self.home.datastores.values())):
            await self._blobs.ensure_container(container)
        self._references = references = References(self._store)
        self._operations = Operations(self._store)
        builder = EnvironmentBuilder(references, self._environments)
        runner = Runner(
            folder=self._state / "jobs", blobs=self._blobs, references=references, builder=builder,
            tracking=Tracking(self._state / "mlflow"),
        )  # fmt: skip
        job_lives = JobLives(
            store=self._store, publish=self._publish, runner=runner, parallel=self._parallel_jobs
        )
        self._jobs = Jobs(
            store=self._store, references=references, operations=self._operations, runner=runner,
            lives=job_lives,
        )  # fmt: skip
        deployment_lives = DeploymentLives(
            store=self._store, blobs=self._blobs, references=references, operations=self._operations,
            publish=self._publish, builder=builder, serving=self._serving, folder=self._state / "deployments",
            seconds=self._operation_seconds,
        )  # fmt: skip
        self._deployments = Deployments(
            store=self._store, references=references, operations=self._operations, lives=deployment_lives
        )
        self._endpoints = Endpoints(
            store=self._store, operations=self._operations, serving=self._serving,
            deployments=self._deployments, seconds=self._operation_seconds,
        )  # fmt: skip
        self._settling = Settling(self._operation_seconds)
        self._batch_deployments = BatchDeployments(
            store=self._store, references=references, operations=self._operations, settling=self._settling
        )
        self._batch_endpoints = BatchEndpoints(
            store=self._store, operations=self._operations, deployments=self._batch_deployments,
            settling=self._settling,
        )  # fmt: skip
        self._batch_jobs = BatchJobs(store=self._store, references=references, lives=job_lives)
        self._assets = [
            Assets(kind, store=self._store, references=references, blobs=self._blobs, publish=self._publish)
            for kind in KINDS
        ]

    def routes(self) -> list[web.RouteDef]:
        """Below the workspace's path, and a few beside it."""
        parts: tuple[Routed, ...] = (
            Workspace(self.home, self._blobs.account), *self._assets, self._jobs, History(self._store),
            self._endpoints, self._deployments, self._batch_endpoints, self._batch_deployments,
            self._batch_jobs,
        )  # fmt: skip
        path = workspace_path(self.home)
        return [*self._operations.routes(), *(route for part in parts for route in part.routes(path))]

    async def start(self, url: str) -> None:
        """Answer with this address, and take up again what was under way."""
        front = f"{url}{self.home.front}"
        await self._jobs.start(front)
        self._batch_jobs.start(front)
        self._batch_endpoints.start(front)
        self._batch_deployments.start()
        await self._endpoints.start()
        await self._deployments.start()

    async def stop(self) -> None:
        """End everything that runs."""
        await self._jobs.stop()
        await self._settling.stop()
        await self._endpoints.stop()
        await self._deployments.stop()

    def model(self, name: str, version: str) -> tuple[Record, Place]:
        """A registered version of a model, and where its files lie.

        Raises:
            BadReference: there is none.
        """
        record = self._references.record(Asset("models", name, version))
        return record, self._references.place(str(record.properties["modelUri"]), "models")

    def close(self) -> None:
        """Close the records, when nothing uses them any more."""
        self._store.close()


def workspace_path(home: Home) -> str:
    """The workspace's ARM path as a route: Azure's names have no case."""

    def word(name: str, value: str) -> str:
        return f"{{{name}:(?i:{re.escape(value)})}}"

    return (
        f"/subscriptions/{word('subscription', home.subscription)}/{word('_groups', 'resourcegroups')}"
        f"/{word('group', home.group)}/providers/{word('_provider', 'microsoft.machinelearningservices')}"
        f"/workspaces/{word('workspace', home.workspace)}"
    )
