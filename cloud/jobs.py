"""Retraining jobs: submitted under a name that says what they hold, read by it, and what they wrote."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Literal

from cloud.datastores import DEFAULT
from cloud.errors import NotFound, loading, translated
from cloud.local_source import partitions_of
from cloud.location import Location
from cloud.models import output
from control.errors import BadData, Refused
from control.facts import Evaluation, Job
from control.names import REPORT_DATA, report_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from azure.ai.ml.entities import PipelineJob

    from cloud.connections import Connections
    from cloud.datastores import Datastores
    from cloud.models import Models
    from control.facts import Batch
    from control.policy import Policy
    from control.state import Evaluating, Profiling, Training

SCHEMA = 1
EVALUATION, PREDICTIONS = "evaluation.json", "predictions.parquet"
NO_CHAMPION = "NO_CHAMPION"
REASON = 600
"""Characters of a failure that are kept."""
ENDED: dict[str, Literal["active", "completed", "failed", "canceled"]] = {
    "completed": "completed",
    "failed": "failed",
    "canceled": "canceled",
    "cancelled": "canceled",
}


class Jobs:
    """Pipeline jobs in Azure ML."""

    def __init__(self, connections: Connections, datastores: Datastores, models: Models, root: Path) -> None:
        """`root` is the folder that the policies' paths start from."""
        self._connections = connections
        self._datastores = datastores
        self._models = models
        self._root = root

    def get(self, name: str) -> Job:
        """The job by name; status `missing` when there is none."""
        try:
            with translated(f"reading job {name}"):
                found = self._connections.ml.jobs.get(name)
        except NotFound:
            return Job(name=name, status="missing")
        status = str(getattr(found.status, "value", found.status))
        state = ENDED.get(status.lower(), "active")
        reason = "" if state in {"active", "completed"} else _reason(status, found)
        return Job(name=name, status=state, reason=reason)

    def begun(self, name: str) -> datetime | None:
        """When the job was made; None where Azure ML does not say."""
        with translated(f"reading job {name}"):
            found = self._connections.ml.jobs.get(name)
        return getattr(found.creation_context, "created_at", None)

    def submit(self, policy: Policy, training: Training, batches: Sequence[Batch]) -> bool:
        """Submit the retraining job; one that is there under the name is that job already."""
        return self._submit(
            policy,
            key="retrain.job",
            file=policy.retrain.job,
            name=training.job,
            manifest=manifest_body(
                policy, batches, training.training, training.evaluation, seed=training.epoch
            ),
            tags={"homeostat.epoch": str(training.epoch), "homeostat.policy": training.policy_digest},
            folders={"champion": lambda: self._champion(policy, training.champion)},
            outputs=("model", "evaluation"),
        )

    def evaluate(self, policy: Policy, evaluating: Evaluating, batches: Sequence[Batch]) -> bool:
        """Submit the evaluation of a registered version; one that is there under the name is that job."""
        return self._submit(
            policy,
            key="gates.job",
            file=policy.gates.job or "",
            name=evaluating.job,
            manifest=manifest_body(policy, batches, (), evaluating.evaluation, seed=evaluating.number),
            tags={"homeostat.version": evaluating.version, "homeostat.policy": evaluating.policy_digest},
            folders={
                "model": lambda: self._version(policy, evaluating.version),
                "champion": lambda: self._champion(policy, evaluating.champion),
            },
            outputs=("evaluation",),
        )

    def profile(self, policy: Policy, profiling: Profiling, files: Sequence[str]) -> bool:
        """Submit the Spark job that profiles a large batch; one that is there under the name is that job."""
        spark = policy.data.spark
        if spark is None:
            raise Refused(f"{policy.source}: data.spark is gone: nothing says which job profiles the batch")
        folder = profiling.path.rpartition("/")[0]
        return self._submit(
            policy,
            key="data.spark.job",
            file=spark.job,
            name=profiling.job,
            manifest=profile_manifest(policy, folder, files),
            tags={"homeostat.batch": profiling.version},
            data=f"{folder}/" if folder else "",
            outputs=("profile",),
        )

    def _submit(
        self,
        policy: Policy,
        *,
        key: str,
        file: str,
        name: str,
        manifest: bytes,
        tags: dict[str, str],
        outputs: Sequence[str],
        folders: dict[str, Callable[[], Location]] | None = None,
        data: str = "",
    ) -> bool:
        """`folders`: more inputs, looked up only when the job is not there yet; `data`: below the prefix."""
        if self.get(name).status != "missing":
            return False
        place = Location(DEFAULT, f"homeostat/{policy.name}/{name}/manifest.json")
        self._datastores[DEFAULT].write(place.path, manifest)
        with loading(file):
            job = self._load(policy, key, file)
        job.name = name
        job.display_name = name
        job.experiment_name = policy.name
        job.tags = {**(job.tags or {}), "homeostat.model": policy.name, **tags}
        rows = Location(policy.data.datastore, policy.data.prefix + data)
        _set_input(file, job, "data", "uri_folder", rows.uri)
        _set_input(file, job, "manifest", "uri_file", place.uri)
        for port, folder in (folders or {}).items():
            _set_input(file, job, port, "uri_folder", folder().uri)
        for port in outputs:
            _set_output(file, job, port, output(policy.name, name, port).uri)
        with translated(f"submitting job {name}"):
            self._connections.ml.jobs.create_or_update(job)
        return True

    def code(self, policy: Policy) -> str:
        """Digest of the code that a job would run now: the pipeline's YAML and what it refers to."""
        from cloud.training_code import training_code

        return training_code(self._connections.ml, self._path(policy, "retrain.job", policy.retrain.job))

    def evaluation(self, policy: Policy, job: str) -> Evaluation | None:
        """What the evaluate step wrote; None when it wrote nothing. Raises BadData when it cannot be read."""
        folder = output(policy.name, job, "evaluation").path
        store = self._datastores[DEFAULT]
        body, predictions = (store.read(folder + name) for name in (EVALUATION, PREDICTIONS))
        if body is None and predictions is None:
            return None
        return read_evaluation(body, predictions, folder)

    def reported(self, policy: Policy, job: str) -> bool:
        """Whether the test report on that job's candidate is written."""
        folder, store = report_folder(policy.name, job), self._datastores[DEFAULT]
        return any(blob.path == REPORT_DATA for blob in store.list("", below=folder))

    def write_report(self, policy: Policy, job: str, files: Sequence[tuple[str, bytes]]) -> None:
        """Write the report's files in that order, over those that are there; the last says that all are."""
        folder, store = report_folder(policy.name, job), self._datastores[DEFAULT]
        for name, body in files:
            store.write(folder + name, body)

    def _load(self, policy: Policy, key: str, file: str) -> PipelineJob:
        from azure.ai.ml import load_job
        from azure.ai.ml.entities import PipelineJob

        job = load_job(self._path(policy, key, file))
        if not isinstance(job, PipelineJob):
            raise Refused(f"{file} is of type {job.type}: it must be a pipeline")
        return job

    def _version(self, policy: Policy, version: str) -> Location:
        found = self._models.location(policy.name, version)
        if found is None:
            raise Refused(f"{policy.name}:{version} is not a folder in a datastore: it cannot be evaluated")
        return found

    def _path(self, policy: Policy, key: str, file: str) -> Path:
        path = self._root / file
        if not path.is_file():
            raise Refused(f"{policy.source}: {key} names {file}, which does not exist")
        return path

    def _champion(self, policy: Policy, version: str | None) -> Location:
        if version is None:
            place = Location(DEFAULT, f"homeostat/{policy.name}/no-champion/")
            self._datastores.at(place).write(place.path + NO_CHAMPION, b"")
            return place
        found = self._models.location(policy.name, version)
        if found is None:
            raise Refused(f"the champion {policy.name}:{version} is not a folder in a datastore")
        return found


def manifest_body(
    policy: Policy,
    batches: Sequence[Batch],
    training: Sequence[str],
    evaluation: Sequence[str],
    *,
    seed: int,
) -> bytes:
    """Which batches train and which evaluate: the same bytes each time for the same job."""
    paths = {batch.version: batch.path for batch in batches}
    body = {
        "schema": SCHEMA,
        "model": policy.name,
        "training": [paths[version] for version in training],
        "evaluation": [paths[version] for version in evaluation],
        "features": list(policy.inputs.features) if policy.inputs else [],
        "seed": seed,
    }
    if policy.data.timestamp_column:
        body |= {"timestamp_column": policy.data.timestamp_column, "every": policy.data.every}
    return json.dumps(body, indent=1, sort_keys=True).encode()


def profile_manifest(policy: Policy, folder: str, files: Sequence[str]) -> bytes:
    """Which files a Spark job profiles, and how: as this app would profile them itself."""
    below = len(folder) + 1 if folder else 0
    body: dict[str, Any] = {"schema": SCHEMA, "model": policy.name, "files": [file[below:] for file in files]}
    named = partitions_of(folder.split("/"))
    if named:
        body["partitions"] = {
            key: int(value) if value is not None and value.removeprefix("-").isdecimal() else value
            for key, value in named.items()
        }
    if policy.data.timestamp_column:
        body |= {"timestamp_column": policy.data.timestamp_column, "every": policy.data.every}
    return json.dumps(body, indent=1, sort_keys=True).encode()


def read_evaluation(body: bytes | None, predictions: bytes | None, folder: str) -> Evaluation:
    """Parse `evaluation.json`, where there is one, and take `predictions.parquet` as it is.

    Raises:
        BadData: `evaluation.json` is not JSON, or of another schema.
    """
    files = {EVALUATION: body, PREDICTIONS: predictions}
    lines = [f"{hashlib.sha256(one).hexdigest()}  {name}\n" for name, one in files.items() if one is not None]
    digest = hashlib.sha256("".join(lines).encode()).hexdigest()
    parsed = {"schema": SCHEMA} if body is None else _parsed(body, folder + EVALUATION)
    return Evaluation(digest=digest, body=parsed, predictions=predictions)


def _parsed(body: bytes, where: str) -> dict[str, Any]:

    def refuse(word: str) -> None:
        raise ValueError(f"{word} is not a number in JSON: a metric that cannot be computed is left out")

    try:
        parsed = json.loads(body, parse_constant=refuse)
    except ValueError as err:
        raise BadData(f"{where} cannot be read: {err}") from err
    if not isinstance(parsed, dict) or parsed.get("schema") != SCHEMA:
        raise BadData(f"{where} is not an evaluation of schema {SCHEMA} (docs/pipeline-contract.md)")
    return parsed


def _reason(status: str, job: Any) -> str:
    """What the service says of the failure, or at least where a person can look."""
    said = (job.properties or {}).get("azureml.error.message")
    return shortened(str(said)) if said else f"{status}: {job.studio_url}"


def shortened(said: str) -> str:
    """Begin and end: a failure begins with what failed, and its traceback ends with why."""
    if len(said) <= REASON:
        return said
    head = REASON // 3
    return f"{said[:head]} ... {said[head - REASON :]}"


def _set_input(file: str, job: PipelineJob, name: str, kind: str, uri: str) -> None:
    from azure.ai.ml import Input

    if name not in job.inputs:
        raise Refused(f"{file} has no input {name!r} (docs/pipeline-contract.md)")
    # Attributes, not items: only they keep the pipeline's own kind of input around the value.
    setattr(job.inputs, name, Input(type=kind, path=uri, mode=_mode(job.inputs[name])))


def _set_output(file: str, job: PipelineJob, name: str, uri: str) -> None:
    from azure.ai.ml import Output

    if name not in job.outputs:
        raise Refused(f"{file} has no output {name!r} (docs/pipeline-contract.md)")
    setattr(job.outputs, name, Output(type="uri_folder", path=uri, mode=_mode(job.outputs[name])))


def _mode(port: Any) -> str | None:
    """How the pipeline's author wants it mounted."""
    mode: str | None = getattr(port, "mode", None)
    return mode
