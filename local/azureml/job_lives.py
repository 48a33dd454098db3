"""How jobs live: a task each, the processes of a command, the steps of a pipeline, and what events tell."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any

from local.azureml import events
from local.azureml.answers import Json, timestamp
from local.azureml.job_record import KIND, MUTABLE, new_child, resolved
from local.azureml.run import CommandRun, JobFailed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.azureml.pipeline import Step
    from local.azureml.runner import Runner
    from local.azureml.store import Record, Store

    Publish = Callable[[str, list[Json]], Awaitable[None]]

ENDED = {"Completed", "Failed", "Canceled"}
SILENT = {"Queued", "Finalizing", "CancelRequested"}
"""Statuses that no event tells of."""
STOPPED = "Local Azure ML was stopped while the job ran."

log = logging.getLogger(__name__)


class JobLives:
    """The jobs that run now, and what becomes of them. At most `parallel` commands run at once."""

    def __init__(self, *, store: Store, publish: Publish, runner: Runner, parallel: int) -> None:
        self._store = store
        self._publish = publish
        self._runner = runner
        self._slots = asyncio.Semaphore(parallel)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._stopping = False

    async def recover(self) -> None:
        """Jobs that ran when the process ended have failed."""
        for record in self._store.all(KIND):
            if record.properties["status"] not in ENDED:
                await self._fail(record, JobFailed(STOPPED, "ServiceError"))

    async def stop(self) -> None:
        """End every process; their jobs count as failed when the state is started again."""
        self._stopping = True
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def task(self, record: Record) -> asyncio.Task[None] | None:
        """The job's task while it runs."""
        return self._tasks.get(record.name)

    async def cancel(self, record: Record, task: asyncio.Task[None], ended: Callable[[], None]) -> None:
        """Cancel a running job; `ended` is called when it has stopped."""
        await self._set_status(record, "CancelRequested")
        task.add_done_callback(lambda _: ended())
        task.cancel()

    def begin_command(self, record: Record, run: CommandRun) -> None:
        """Let a command job live."""
        self._spawn(record.name, self._supervise(record, lambda: self._command(record, run)))

    def begin_pipeline(self, record: Record, steps: Mapping[str, Step], url: str) -> None:
        """Let a pipeline job and its steps live."""
        self._spawn(record.name, self._supervise(record, lambda: self._pipeline(record, steps, url)))

    def _spawn(self, name: str, life: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(life, name=f"job {name}")
        self._tasks[name] = task

        def ended(task: asyncio.Task[None]) -> None:
            self._tasks.pop(name, None)
            if not task.cancelled() and (error := task.exception()) and not isinstance(error, JobFailed):
                log.error("job %s", name, exc_info=error)

        task.add_done_callback(ended)

    async def _supervise(self, record: Record, work: Callable[[], Awaitable[None]]) -> None:
        """Whatever happens, the job ends in a status that says so."""
        try:
            await work()
        except asyncio.CancelledError:
            if not self._stopping:
                await self._set_status(record, "Canceled")
            raise
        except JobFailed as err:
            await self._fail(record, err)
            raise
        except Exception as err:
            await self._fail(record, JobFailed(f"{type(err).__name__}: {err}", "ServiceError"))
            raise
        await self._set_status(record, "Completed")

    async def _command(self, record: Record, run: CommandRun) -> None:
        async def phase(status: str) -> None:
            await self._set_status(record, status)

        if self._slots.locked():
            await phase("Queued")
        async with self._slots:
            await self._runner.run(run, phase)

    async def _pipeline(self, record: Record, steps: Mapping[str, Step], url: str) -> None:
        await self._set_status(record, "Running")
        children = {name: new_child(self._store.home, record, step, url) for name, step in steps.items()}
        for child in children.values():
            self._store.put(child)
        done = {name: asyncio.Event() for name in steps}
        made: dict[str, Json] = {}

        async def live(step: Step) -> None:
            child = children[step.name]

            async def work() -> None:
                for before in step.after:
                    await done[before].wait()
                await self._command(child, resolved(child, record, step, made))

            await self._supervise(child, work)
            made[step.name] = child.properties["outputs"]
            done[step.name].set()

        try:
            async with asyncio.TaskGroup() as group:
                for step in steps.values():
                    group.create_task(live(step), name=f"job {children[step.name].name}")
        except* JobFailed as errors:
            failed = {
                name: child for name, child in children.items() if child.properties["status"] == "Failed"
            }
            reasons = [
                f"{name} ({child.name}): {child.properties['properties']['azureml.error.message']}"
                for name, child in failed.items()
            ]
            code = getattr(errors.exceptions[0], "code", "UserError")
            raise JobFailed("Pipeline has failed child jobs. " + "\n".join(reasons), code) from errors

    async def _fail(self, record: Record, error: JobFailed) -> None:
        record.properties["properties"] |= {
            "azureml.error.code": error.code,
            "azureml.error.message": str(error),
        }
        await self._set_status(record, "Failed")

    async def _set_status(self, record: Record, status: str) -> None:
        if stored := self._store.get(KIND, record.name):  # tags and the like may have been changed meanwhile
            own = record.properties["properties"]
            record.properties.update(
                {key: stored.properties[key] for key in MUTABLE & stored.properties.keys()}
            )
            record.properties["properties"] = stored.properties["properties"] | own
        record.properties["status"] = status
        now = timestamp()
        if status == "Running":
            record.properties["properties"].setdefault("StartTimeUtc", now)
        if status in ENDED:
            record.properties["properties"].setdefault("EndTimeUtc", now)
        self._store.put(record)
        if status not in SILENT:
            home = self._store.home
            await self._publish(home.topic, [events.run(home, record.name, record.properties)])
