"""How deployments come and go: servers from a model, code and an environment; one task each."""

from __future__ import annotations

import asyncio
import shutil
import uuid
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any

from local.azureml import events
from local.azureml.answers import Json
from local.azureml.blobs import NothingThere
from local.azureml.deployment_record import KIND, instances, timeout_ms
from local.azureml.names import BadReference
from local.azureml.run import JobFailed
from local.serving import DeploymentFailed, DeploymentSpec

if TYPE_CHECKING:
    from pathlib import Path

    from local.azureml.blobs import Blobs
    from local.azureml.operations import Operations
    from local.azureml.references import References
    from local.azureml.runner import EnvironmentBuilder
    from local.azureml.store import Record, Store
    from local.serving import Serving

Key = tuple[str, str]


class DeploymentLives:
    """The deployments' servers, and what is under way with them. `seconds` is what an operation takes."""

    def __init__(
        self,
        *,
        store: Store,
        blobs: Blobs,
        references: References,
        operations: Operations,
        publish: Callable[[str, list[Json]], Awaitable[None]],
        builder: EnvironmentBuilder,
        serving: Serving,
        folder: Path,
        seconds: float,
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._references = references
        self._operations = operations
        self._publish = publish
        self._builder = builder
        self._serving = serving
        self._folder = folder.absolute()
        self._seconds = seconds
        self._tasks: dict[Key, asyncio.Task[None]] = {}

    async def recover(self) -> None:
        """Start again what was ready or on its way, and end what was being deleted."""
        for record in self._store.all(KIND):
            state = record.properties["provisioningState"]
            if state == "Deleting":
                self._spawn(record, self._remove(record))
            elif state != "Failed":
                if state == "Succeeded":
                    record.properties["provisioningState"] = "Updating"
                    self._store.put(record)
                self._spawn(record, self._bring_up(record, again=state == "Succeeded"))

    async def stop(self) -> None:
        """Stop what is under way; it goes on when the state is started again."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def remove_all(self, endpoint: str) -> None:
        """Delete the endpoint's deployments."""
        for record in self._store.all(KIND, endpoint):
            await self.interrupt(record)
            await self._remove(record)

    def begin(self, record: Record, *, ready: bool) -> None:
        """Bring a new or changed deployment up; of one that is `ready` only the number of servers."""
        self._spawn(record, self._scaled(record) if ready else self._bring_up(record))

    def begin_removal(self, record: Record) -> None:
        """Delete a deployment."""
        self._spawn(record, self._remove(record))

    async def interrupt(self, record: Record) -> None:
        """Stop what is under way with it: whoever waits for that hears that it failed."""
        if task := self._tasks.get((record.name, record.version)):
            task.cancel()
            await asyncio.wait([task])
            self._operations.end(
                record.private["operation"],
                {"code": "OperationCanceled", "message": "The deployment is deleted."},
            )

    def logs(self, record: Record) -> str:
        """What the building of its environment said, and its servers."""
        build = self._place(record) / "build.log"
        built = build.read_text(encoding="utf-8", errors="replace") if build.exists() else ""
        return built + self._serving.logs(record.name, record.version)

    async def _bring_up(self, record: Record, *, again: bool = False) -> None:
        """Start the servers. `again`: they were ready before this process started."""
        error: Json | None = None
        try:
            await asyncio.gather(self._serve(record), asyncio.sleep(0 if again else self._seconds))
        except (JobFailed, BadReference, NothingThere, DeploymentFailed, OSError) as err:
            error = {
                "code": "ResourceNotReady" if isinstance(err, DeploymentFailed) else "UserError",
                "message": str(err),
            }
        record.properties["provisioningState"] = "Failed" if error else "Succeeded"
        self._store.put(record)
        self._operations.end(record.private["operation"], error)
        if not error and not again:
            model = self._references.find(str(record.properties["model"]), "models")
            deployed = events.model_deployed(
                self._store.home,
                record.name,
                f"{model.name}:{model.version}",
                {"deployment": record.version} | record.body["tags"],
                record.properties["properties"],
            )
            await self._publish(self._store.home.topic, [deployed])

    async def _scaled(self, record: Record) -> None:
        error: Json | None = None
        try:
            await asyncio.gather(
                self._serving.scale(record.name, record.version, instances(record)),
                asyncio.sleep(self._seconds),
            )
        except DeploymentFailed as err:
            error = {"code": "ResourceNotReady", "message": str(err)}
        record.properties["provisioningState"] = "Failed" if error else "Succeeded"
        self._store.put(record)
        self._operations.end(record.private["operation"], error)

    async def _serve(self, record: Record) -> None:
        properties = record.properties
        model = self._references.find(str(properties["model"]), "models")
        code = properties["codeConfiguration"]
        place = self._place(record)
        version = place / uuid.uuid4().hex[:8]  # the servers that run go on reading their own
        version.mkdir(parents=True)
        model_uri = self._references.place(str(model.properties["modelUri"]), "models")
        try:
            async with asyncio.TaskGroup() as group:
                python = group.create_task(
                    self._builder.python(str(properties["environmentId"]), place / "build.log")
                )
                fetched = group.create_task(self._blobs.download(model_uri, version / "model"))
                group.create_task(
                    self._blobs.download_folder(
                        self._references.place(str(code["codeId"]), "codes"), version / "code", writable=True
                    )
                )
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from errors
        collections = (properties.get("dataCollector") or {}).get("collections") or {}
        await self._serving.create(
            DeploymentSpec(
                endpoint=record.name,
                name=record.version,
                model_name=model.name,
                model_version=model.version,
                model_dir=fetched.result(),
                code_dir=version / "code",
                scoring_script=str(code["scoringScript"]),
                python=python.result(),
                environment_variables={k: str(v) for k, v in properties["environmentVariables"].items()},
                collections=tuple(
                    name
                    for name, how in collections.items()
                    if (how or {}).get("dataCollectionMode") == "Enabled"
                ),
                instance_count=instances(record),
                **timeout_ms(properties),
            )
        )
        for old in place.iterdir():
            if old.is_dir() and old != version:
                shutil.rmtree(old, ignore_errors=True)

    async def _remove(self, record: Record) -> None:
        await asyncio.gather(self._serving.delete(record.name, record.version), asyncio.sleep(self._seconds))
        self._forget_traffic(record)
        self._store.delete(KIND, record.name, record.version)
        shutil.rmtree(self._place(record), ignore_errors=True)
        self._operations.end(record.private["operation"])

    def _forget_traffic(self, record: Record) -> None:
        endpoint = self._store.get("onlineEndpoints", record.name)
        if endpoint is None:
            return
        for what in ("traffic", "mirrorTraffic"):
            endpoint.properties[what].pop(record.version, None)
        self._store.put(endpoint)

    def _place(self, record: Record) -> Path:
        return self._folder / record.name / record.version

    def _spawn(self, record: Record, work: Coroutine[Any, Any, None]) -> None:
        key = record.name, record.version
        task = asyncio.create_task(work, name=f"deployment {'/'.join(key)}")
        self._tasks[key] = task

        def ended(task: asyncio.Task[None]) -> None:
            if self._tasks.get(key) is task:
                del self._tasks[key]

        task.add_done_callback(ended)
