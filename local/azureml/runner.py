"""Runs one command: its files come, it runs in its environment, its outputs go."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from local import environments, leash
from local.azureml import spark
from local.azureml.blobs import NothingThere
from local.azureml.command import UnknownName, render
from local.azureml.names import (
    ARTIFACT_DATASTORE,
    BadReference,
    Place,
)
from local.azureml.run import FILE_LIKE, CommandRun, Input, JobFailed, Output
from local.environments import EnvironmentRefused
from local.spark_runtime import with_runtime

if TYPE_CHECKING:
    from local.azureml.blobs import Blobs
    from local.azureml.references import References
    from local.azureml.tracking import Tracking

Phase = Callable[[str], Awaitable[None]]

GRACE = 5.0
TAIL = 2000
LOG = "user_logs/std_log.txt"
_SOURCE = Path(__file__).resolve().parents[2]


class EnvironmentBuilder:
    """Finds the virtual environment of an Azure ML environment, and builds it when it is not there."""

    def __init__(self, references: References, cache: Path) -> None:
        self._references = references
        self._cache = cache

    async def python(self, environment: str, log: Path, spark_runtime: str = "") -> Path:
        """The environment's Python. What the build says goes to the log.

        Raises:
            JobFailed: it cannot be built.
        """
        try:
            conda = self._references.find(environment, "environments").properties.get("condaFile")
            if not conda:
                raise JobFailed(f"The environment {environment} has no conda file, and no image runs here.")
            if spark_runtime:
                conda = with_runtime(conda, spark_runtime)
            folder = environments.environment_path(conda, self._cache)
        except (BadReference, EnvironmentRefused) as err:
            raise JobFailed(f"Environment: {err}") from err
        if not environments.is_built(folder):
            await self._build(conda, folder, log)
        return environments.python_of(folder)

    async def _build(self, conda: str, folder: Path, log: Path) -> None:
        definition = log.with_name(f"{folder.name}.conda.yml")
        definition.write_text(conda, encoding="utf-8")
        running = await leash.start(
            [sys.executable, "-m", "local.environments", "--quiet", str(definition)],
            cwd=_SOURCE, stdout=log, stderr=log,
            env=os.environ | {"HOMEOSTAT_ENVIRONMENTS": str(self._cache)},
        )  # fmt: skip
        try:
            code = await running.wait()
        except asyncio.CancelledError:
            await running.stop(GRACE)
            raise
        if code:
            raise JobFailed(f"The environment could not be built:\n{_tail(log)}")


class Runner:
    """Runs commands, each in a folder of its own below `folder`."""

    def __init__(
        self,
        *,
        folder: Path,
        blobs: Blobs,
        references: References,
        builder: EnvironmentBuilder,
        tracking: Tracking,
    ) -> None:
        self._folder = folder.absolute()
        self._blobs = blobs
        self._references = references
        self._home = references.home
        self._builder = builder
        self._tracking = tracking

    def log(self, job: str) -> Path:
        """Where a job's output is written, while it runs too."""
        return self._folder / job / LOG

    async def run(self, run: CommandRun, phase: Phase) -> None:
        """Run to the end.

        Args:
            run: what to run.
            phase: told of `Preparing`, `Running` and `Finalizing` as they come.

        Raises:
            JobFailed: whatever went wrong, with the end of the log where the command itself failed.
        """
        folder = self._folder / run.job
        log = self.log(run.job)
        log.parent.mkdir(parents=True, exist_ok=True)
        try:
            await phase("Preparing")
            python, inputs = await self._prepare(run, folder, log)
            outputs = {name: _output_path(folder, name, output) for name, output in run.outputs.items()}
            await self._execute(run, folder, python, inputs, outputs, phase)
            await phase("Finalizing")
            await self._deliver(run, outputs)
        finally:
            await self._keep_log(run.job, log)
            for part in ("wd", "inputs", "outputs"):
                shutil.rmtree(folder / part, ignore_errors=True)

    async def _prepare(self, run: CommandRun, folder: Path, log: Path) -> tuple[Path, dict[str, str | Path]]:
        work = folder / "wd"
        work.mkdir(parents=True, exist_ok=True)
        inputs: dict[str, str | Path] = {}

        async def bring(name: str, given: Input) -> None:
            if run.spark_runtime and not given.is_literal:
                # Spark opens the address itself in Azure; here the files must come.
                path = await self._bring(folder / "inputs" / name, name, replace(given, mode="ReadOnlyMount"))
                inputs[name] = spark.file_uri(Path(path))
            else:
                inputs[name] = await self._bring(folder / "inputs" / name, name, given)

        try:
            async with asyncio.TaskGroup() as group:
                python = group.create_task(self._builder.python(run.environment, log, run.spark_runtime))
                if run.code:
                    group.create_task(self._bring_code(run.code, work))
                for name, given in run.inputs.items():
                    group.create_task(bring(name, given))
        except* (JobFailed, BadReference, NothingThere) as errors:
            first = errors.exceptions[0]
            while isinstance(first, BaseExceptionGroup):
                first = first.exceptions[0]
            raise first if isinstance(first, JobFailed) else JobFailed(str(first)) from first
        return python.result(), inputs

    async def _bring(self, folder: Path, name: str, given: Input) -> str | Path:
        if given.is_literal:
            return given.value
        if given.mode == "Direct":
            return self._references.uri(given.value)
        kind = "models" if given.type.endswith("_model") else "data"
        writable = given.mode in {"Download", "ReadWriteMount"}
        try:
            place = self._references.place(given.value, kind)
            if given.type in FILE_LIKE:
                return await self._blobs.download_file(place, folder, writable=writable)
            if kind == "models":
                return await self._blobs.download(place, folder)
            return await self._blobs.download_folder(place, folder, writable=writable)
        except (BadReference, NothingThere) as err:
            raise JobFailed(
                f"The input {name} ({given.value}) could not be read: {err}", "DataAccessError"
            ) from err

    async def _bring_code(self, code: str, work: Path) -> None:
        try:
            await self._blobs.download_folder(self._references.place(code, "codes"), work, writable=True)
        except (BadReference, NothingThere) as err:
            raise JobFailed(f"The code {code} could not be read: {err}") from err

    async def _execute(
        self,
        run: CommandRun,
        folder: Path,
        python: Path,
        inputs: dict[str, str | Path],
        outputs: dict[str, Path],
        phase: Phase,
    ) -> None:
        try:
            given = (
                {name: spark.file_uri(path) for name, path in outputs.items()}
                if run.spark_runtime
                else outputs
            )
            command = render(run.command, inputs, given)
        except UnknownName as err:
            raise JobFailed(str(err)) from err
        variables = self._variables(run, python)
        log = self.log(run.job)
        await phase("Running")
        running = await leash.start(
            [_shell(), "-c", command], cwd=folder / "wd", env=variables, stdout=log, stderr=log
        )
        try:
            async with asyncio.timeout(run.timeout_seconds):
                code = await running.wait()
        except TimeoutError as err:
            await running.stop(GRACE)
            raise JobFailed(
                f"The job ran longer than its limit of {run.timeout_seconds:g} s.", "Timeout"
            ) from err
        except asyncio.CancelledError:
            await running.stop(GRACE)
            raise
        if code:
            raise JobFailed(
                f"Execution failed. The process exited with status code {code}. Its last words:\n{_tail(log)}"
            )

    def _variables(self, run: CommandRun, python: Path) -> dict[str, str]:
        inherited = {
            name: os.environ[name]
            for name in ("HOME", "LANG", "LC_ALL", "TZ", "TMPDIR")
            if name in os.environ
        }
        tracking = self._tracking.variables(job=run.job, parent=run.parent, experiment=run.experiment)
        return {
            **inherited,
            "PATH": f"{python.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "VIRTUAL_ENV": str(python.parent.parent),
            "PYTHONUNBUFFERED": "1",
            "AZUREML_RUN_ID": run.job,
            "AZUREML_ROOT_RUN_ID": run.parent or run.job,
            "AZUREML_ARM_SUBSCRIPTION": self._home.subscription,
            "AZUREML_ARM_RESOURCEGROUP": self._home.group,
            "AZUREML_ARM_WORKSPACE_NAME": self._home.workspace,
            "AZUREML_ARM_PROJECT_NAME": run.experiment,
            **tracking,
            **(spark.variables(python) if run.spark_runtime else {}),
            **run.environment_variables,
        }

    async def _deliver(self, run: CommandRun, outputs: dict[str, Path]) -> None:
        for name, output in run.outputs.items():
            try:
                place = self._references.place(output.uri)
            except BadReference as err:
                raise JobFailed(f"The output {name} has no place to go: {err}") from err
            if output.type not in FILE_LIKE:
                await self._blobs.upload_folder(outputs[name], place)
            elif outputs[name].is_file():
                await self._blobs.upload_file(outputs[name], place)
            else:
                raise JobFailed(f"The command did not write its output {name}.")

    async def _keep_log(self, job: str, log: Path) -> None:
        if not log.exists():
            return
        place = Place(self._home.datastores[ARTIFACT_DATASTORE], f"ExperimentRun/dcid.{job}/{LOG}")
        with contextlib.suppress(Exception):  # the log lies in the job's folder all the same
            await self._blobs.upload_text(log.read_bytes(), place)


def _output_path(folder: Path, name: str, output: Output) -> Path:
    """A folder that is there, or for a file its path in one that is."""
    path = folder / "outputs" / name
    if output.type in FILE_LIKE:
        path /= output.uri.rstrip("/").rsplit("/", 1)[-1] or name
        path.parent.mkdir(parents=True, exist_ok=True)
    else:
        path.mkdir(parents=True, exist_ok=True)
    return path


def _shell() -> str:
    return shutil.which("bash") or "/bin/sh"


def _tail(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")[-TAIL:].strip() or "(it said nothing)"
