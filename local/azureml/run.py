"""What a command needs in order to run, whether it was asked for alone or as a step of a pipeline."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from local.azureml.durations import seconds
from local.azureml.names import DEFAULT_DATASTORE

if TYPE_CHECKING:
    from collections.abc import Mapping

FILES = {"uri_file", "uri_folder", "mltable", "custom_model", "mlflow_model", "triton_model"}
FILE_LIKE = {"uri_file"}


class JobFailed(Exception):  # noqa: N818 - it is the status that follows
    """The job ends as Failed: Azure's code for the cause, and what happened."""

    def __init__(self, message: str, code: str = "UserError") -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Input:
    """A literal's text, or a reference to files with the way they are brought."""

    type: str
    value: str
    mode: str = "ReadOnlyMount"

    @property
    def is_literal(self) -> bool:
        """Whether the value itself is meant."""
        return self.type not in FILES

    @staticmethod
    def of(body: Mapping[str, Any]) -> Input:
        """From a job's body, or a pipeline step's, whose keys are written in another style."""
        kind = str(body.get("jobInputType") or body.get("job_input_type") or body.get("type") or "literal")
        value = body.get("uri") if kind in FILES else body.get("value")
        return Input(kind, str(value if value is not None else ""), str(body.get("mode") or "ReadOnlyMount"))


@dataclass(frozen=True, slots=True)
class Output:
    """Where the files of an output go when the command has succeeded."""

    type: str
    uri: str

    @staticmethod
    def of(body: Mapping[str, Any], *, job: str, name: str, kind: str = "") -> Output:
        """From a job's body; without a path it goes to the job's own folder in the default datastore."""
        kind = kind or str(
            body.get("jobOutputType") or body.get("job_output_type") or body.get("type") or "uri_folder"
        )
        given = str(body.get("uri") or body.get("path") or "") or default_output_uri(name)
        uri = place_holders(given, job=job, output=name)
        return Output(kind, uri.rstrip("/") if kind in FILE_LIKE else uri)


def default_output_uri(name: str) -> str:
    """Where Azure ML puts an output that names no place."""
    return f"azureml://datastores/{DEFAULT_DATASTORE}/paths/azureml/${{{{name}}}}/{name}/"


def place_holders(uri: str, *, job: str, output: str) -> str:
    """The URI with `${{name}}`, `${{output_name}}` and `${{default_datastore}}` filled in."""
    values = {"name": job, "output_name": output, "default_datastore": DEFAULT_DATASTORE}
    for word, value in values.items():
        uri = uri.replace(f"${{{{{word}}}}}", value)
    return uri


def time_limit(limits: Mapping[str, Any] | None) -> float | None:
    """The seconds that a job or step may take; None for any."""
    limit = (limits or {}).get("timeout")
    return None if limit is None else seconds(limit)


@dataclass(frozen=True, kw_only=True, slots=True)
class CommandRun:
    """A command with all its names resolved."""

    job: str
    parent: str = ""
    experiment: str
    command: str
    code: str = ""
    environment: str
    inputs: Mapping[str, Input] = field(default_factory=dict)
    outputs: Mapping[str, Output] = field(default_factory=dict)
    environment_variables: Mapping[str, str] = field(default_factory=dict)
    timeout_seconds: float | None = None
    spark_runtime: str = ""
    """The Spark runtime that it runs in; empty for a command."""
