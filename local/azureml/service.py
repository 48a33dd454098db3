"""The server: it puts the parts together and listens on a free port of the loopback interface."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from local.azureml.answers import arm
from local.azureml.assets import KINDS, Assets
from local.azureml.batch_deployments import BatchDeployments
from local.azureml.batch_endpoints import BatchEndpoints
from local.azureml.batch_jobs import BatchJobs
from local.azureml.batch_settling import Settling
from local.azureml.blobs import Blobs
from local.azureml.deployment_lives import DeploymentLives
from local.azureml.deployments import Deployments
from local.azureml.endpoints import Endpoints
from local.azureml.history import History
from local.azureml.job_lives import JobLives
from local.azureml.jobs import Jobs
from local.azureml.names import DATASTORES
from local.azureml.operations import Operations
from local.azureml.references import References
from local.azureml.runner import EnvironmentBuilder, Runner
from local.azureml.store import Store
from local.azureml.tracking import Tracking
from local.azureml.workspace import Workspace
from local.datafactory import DataFactory

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path
    from typing import Any

    from local.serving import Serving
    from local.storage import StorageAccount

WORKSPACE_PATH = (
    "/subscriptions/{subscription}/{_groups:(?i:resourcegroups)}/{group}"
    "/providers/{_provider:(?i:microsoft\\.machinelearningservices)}/workspaces/{workspace}"
)


class AzureML:
    """Azure Machine Learning: control plane and compute.

    Attributes:
        state: folder for the database, jobs, caches and the MLflow store.
        operation_seconds: how long an operation on an endpoint takes at least.
        parallel_jobs: commands that run at once.
    """

    def __init__(
        self,
        *,
        state: Path,
        account: StorageAccount,
        publish: Callable[[str, list[dict[str, Any]]], Awaitable[None]],
        environments: Path,
        serving: Serving,
        operation_seconds: float = 0.3,
        parallel_jobs: int = 2,
        port: int = 0,
    ) -> None:
        self._state = state
        self._account = account
        self._publish = publish
        self._environments = environments
        self._serving = serving
        self._operation_seconds = operation_seconds
        self._parallel_jobs = parallel_jobs
        self._port = port
        self._runner: web.AppRunner | None = None

    async def start(self) -> str:
        """Listen, and take up again what was under way. Returns the base URL."""
        self._store = Store(self._state / "azureml.sqlite")
        self._blobs = Blobs(self._account, self._state / "blobs")
        for container in sorted(set(DATASTORES.values())):
            await self._blobs.ensure_container(container)
        references = References(self._store)
        operations = Operations(self._store)
        builder = EnvironmentBuilder(references, self._environments)
        runner = Runner(
            folder=self._state / "jobs", blobs=self._blobs, references=references, builder=builder,
            tracking=Tracking(self._state / "mlflow"),
        )  # fmt: skip
        job_lives = JobLives(
            store=self._store, publish=self._publish, runner=runner, parallel=self._parallel_jobs
        )
        self._jobs = Jobs(
            store=self._store, references=references, operations=operations, runner=runner, lives=job_lives
        )
        deployment_lives = DeploymentLives(
            store=self._store, blobs=self._blobs, references=references, operations=operations,
            publish=self._publish, builder=builder, serving=self._serving, folder=self._state / "deployments",
            seconds=self._operation_seconds,
        )  # fmt: skip
        self._deployments = Deployments(
            store=self._store, references=references, operations=operations, lives=deployment_lives
        )
        self._endpoints = Endpoints(
            store=self._store, operations=operations, serving=self._serving, deployments=self._deployments,
            seconds=self._operation_seconds,
        )  # fmt: skip
        self._settling = Settling(self._operation_seconds)
        batch_deployments = BatchDeployments(
            store=self._store, references=references, operations=operations, settling=self._settling
        )
        batch_endpoints = BatchEndpoints(
            store=self._store, operations=operations, deployments=batch_deployments, settling=self._settling
        )
        batch_jobs = BatchJobs(store=self._store, references=references, lives=job_lives)
        app = web.Application(middlewares=[arm], client_max_size=64 * 2**20)
        app.add_routes(Workspace(self._account).routes(WORKSPACE_PATH))
        for kind in KINDS:
            assets = Assets(
                kind, store=self._store, references=references, blobs=self._blobs, publish=self._publish
            )
            app.add_routes(assets.routes(WORKSPACE_PATH))
        app.add_routes(operations.routes())
        app.add_routes(self._jobs.routes(WORKSPACE_PATH))
        app.add_routes(History(self._store).routes(WORKSPACE_PATH))
        app.add_routes(self._endpoints.routes(WORKSPACE_PATH))
        app.add_routes(self._deployments.routes(WORKSPACE_PATH))
        self._factory = DataFactory(self._blobs)
        app.add_routes(self._factory.routes())
        for part in (batch_endpoints, batch_deployments, batch_jobs):
            app.add_routes(part.routes(WORKSPACE_PATH))
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        url = f"http://{host}:{port}"
        await self._jobs.start(url)
        batch_jobs.start(url)
        batch_endpoints.start(url)
        batch_deployments.start()
        await self._endpoints.start()
        await self._deployments.start()
        return url

    async def stop(self) -> None:
        """Stop listening, and everything that runs."""
        if self._runner is None:
            return
        await self._runner.cleanup()
        await self._factory.stop()
        await self._jobs.stop()
        await self._settling.stop()
        await self._endpoints.stop()
        await self._deployments.stop()
        await self._blobs.close()
        self._store.close()
        self._runner = None
