"""Pipeline jobs: from the body that the SDK sends to steps, their order, and what each one gets."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

from local.azureml.command import names
from local.azureml.run import FILES, CommandRun, Input, Output, time_limit
from local.azureml.spark import submit_command

Json = Mapping[str, Any]

KINDS = ("command", "spark")
_BINDING = re.compile(r"\$\{\{\s*parent\.(?P<path>[\w.\-]+)\s*\}\}")


class BadPipeline(ValueError):  # noqa: N818 - reads as what it is
    """The pipeline cannot run as it is written; the message says which step and why."""


@dataclass(frozen=True, slots=True)
class Step:
    """One command, or Spark job, of a pipeline.

    Attributes:
        name: its name in the pipeline.
        body: what the pipeline says of it.
        component: the component's specification.
        component_id: the component's ARM id.
        after: the steps whose outputs it reads.
    """

    name: str
    body: Json
    component: Json
    component_id: str
    after: frozenset[str]

    @property
    def is_spark(self) -> bool:
        """Whether Spark runs it."""
        return self.body.get("type") == "spark"

    @property
    def command(self) -> str:
        """What runs, with the names of inputs and outputs in it."""
        if self.is_spark:
            return submit_command(self.component, self.body)
        return str(self.component.get("command", ""))

    @property
    def spark_runtime(self) -> str:
        """The Spark runtime that it asks for; empty for a command."""
        return str((self.body.get("resources") or {}).get("runtime_version") or "") if self.is_spark else ""

    @property
    def outputs(self) -> Mapping[str, str]:
        """The component's outputs with their types."""
        declared: Json = self.component.get("outputs") or {}
        return {name: str(spec.get("type", "uri_folder")) for name, spec in declared.items()}


def plan(properties: Json, component_of: Callable[[str], Json]) -> dict[str, Step]:
    """The pipeline's steps, each after those that it depends on.

    Args:
        properties: the pipeline job's properties as they were sent.
        component_of: gives the specification of a component by its id; may raise LookupError or ValueError.

    Raises:
        BadPipeline: a step that is not a command, a binding to nothing, an input that is missing, a circle.
    """
    jobs: Json = properties.get("jobs") or {}
    if not jobs:
        raise BadPipeline("the pipeline has no jobs")
    steps = {name: _step(name, body, component_of) for name, body in jobs.items()}
    for step in steps.values():
        _check(step, steps, properties)
    try:
        order = TopologicalSorter({step.name: step.after for step in steps.values()}).static_order()
        return {name: steps[name] for name in order}
    except CycleError as err:
        raise BadPipeline(f"the jobs wait for each other: {' -> '.join(err.args[1])}") from err


def _step(name: str, body: Json, component_of: Callable[[str], Json]) -> Step:
    kind = body.get("type", "command")
    if kind not in KINDS:
        raise BadPipeline(f"{name}: only command and spark steps run here, not {kind}")
    component_id = str(body.get("componentId") or "")
    try:
        component = component_of(component_id)
    except (LookupError, ValueError) as err:
        raise BadPipeline(f"{name}: {err}") from err
    if (made_for := component.get("type", "command")) != kind:
        raise BadPipeline(f"{name}: a {kind} step cannot run a {made_for} component")
    if kind == "spark" and not (body.get("resources") or {}).get("runtime_version"):
        raise BadPipeline(f"{name}: resources.runtime_version must be given")
    after = {
        parts[1]
        for value in _texts(body)
        for found in _BINDING.finditer(value)
        if (parts := found["path"].split("."))[0] == "jobs" and len(parts) > 1
    }
    return Step(name, body, component, component_id, frozenset(after))


def _texts(body: Json) -> list[str]:
    """Every text of a step in which a binding may stand."""
    given = [*(body.get("inputs") or {}).values(), *(body.get("outputs") or {}).values()]
    values = [entry.get(key) for entry in given for key in ("value", "uri", "path")]
    return [str(value) for value in (*values, *(body.get("environment_variables") or {}).values()) if value]


def _check(step: Step, steps: Mapping[str, Step], properties: Json) -> None:
    for text in _texts(step.body):
        for found in _BINDING.finditer(text):
            _check_binding(step.name, found["path"].split("."), steps, properties)
    declared: Json = step.component.get("inputs") or {}
    given: Json = step.body.get("inputs") or {}
    if unknown := given.keys() - declared.keys():
        raise BadPipeline(f"{step.name}: the component has no input {', '.join(sorted(unknown))}")
    for name, spec in declared.items():
        if name not in given and spec.get("default") is None and not spec.get("optional"):
            raise BadPipeline(f"{step.name}: the input {name} is not given")
    for kind, name in names(step.command):
        if name not in (step.component.get(kind) or {}):
            raise BadPipeline(
                f"{step.name}: the command names {kind}.{name}, which the component does not have"
            )


def _check_binding(step: str, path: list[str], steps: Mapping[str, Step], properties: Json) -> None:
    kind, rest = path[0], path[1:]
    if kind in {"inputs", "outputs"} and ".".join(rest) in (properties.get(kind) or {}):
        return
    if kind == "jobs" and len(rest) == 3 and rest[1] == "outputs" and rest[0] in steps:
        if rest[2] in steps[rest[0]].outputs:
            return
        raise BadPipeline(f"{step}: the job {rest[0]} has no output {rest[2]}")
    raise BadPipeline(f"{step}: nothing is named parent.{'.'.join(path)}")


def command_run(
    step: Step, *, job: str, parent: str, properties: Json, made: Mapping[str, Json]
) -> CommandRun:
    """The step's command with its bindings resolved.

    Args:
        step: the step.
        job: the name of the step's own job.
        parent: the pipeline job's name.
        properties: the pipeline job's properties.
        made: the outputs of each step so far, by the step's name, then the output's.

    Raises:
        BadPipeline: a binding to an input that was not given.
    """
    declared: Json = step.component.get("inputs") or {}
    given: Json = step.body.get("inputs") or {}
    inputs: dict[str, Input] = {}
    for name, spec in declared.items():
        if name in given:
            bound = _bound_input(given[name], spec, properties, made)
        elif spec.get("default") is not None:
            bound = Input("literal", str(spec["default"]))
        else:
            bound = None
        if bound is not None:
            inputs[name] = bound
        elif not spec.get("optional"):
            raise BadPipeline(f"{step.name}: the input {name} is bound to an input that was not given")
    outputs = {
        name: _bound_output((step.body.get("outputs") or {}).get(name) or {}, kind, job, name, properties)
        for name, kind in step.outputs.items()
    }
    variables = {
        **(step.component.get("environment_variables") or {}),
        **(step.body.get("environment_variables") or {}),
    }
    return CommandRun(
        job=job,
        parent=parent,
        experiment=str(properties.get("experimentName") or "Default"),
        command=step.command,
        code=str(step.component.get("code") or ""),
        environment=str(step.body.get("environment") or step.component.get("environment") or ""),
        inputs=inputs,
        outputs=outputs,
        environment_variables={
            name: _substituted(str(value), properties, made) for name, value in variables.items()
        },
        timeout_seconds=time_limit(step.body.get("limits")),
        spark_runtime=step.spark_runtime,
    )


def _bound_input(given: Json, spec: Json, properties: Json, made: Mapping[str, Json]) -> Input | None:
    own = Input.of(given)
    whole = _BINDING.fullmatch(own.value.strip())
    kind = str(spec.get("type", "literal"))
    mode = str(given.get("mode") or spec.get("mode") or own.mode)
    if not whole:
        value = _substituted(own.value, properties, made)
        return Input(kind if kind in FILES else own.type, value, mode)
    source, *path = whole["path"].split(".")
    if source == "jobs":
        return Input(kind if kind in FILES else "uri_folder", str(made[path[0]][path[2]]["uri"]), mode)
    parent = (properties.get(source) or {}).get(".".join(path))
    if parent is None:
        return None
    bound = Input.of(parent)
    if source == "inputs" and not bound.value:
        return None
    explicit_mode = given.get("mode") or parent.get("mode") or spec.get("mode")
    return Input(bound.type if bound.is_literal else kind, bound.value, str(explicit_mode or bound.mode))


def _bound_output(given: Json, kind: str, job: str, name: str, properties: Json) -> Output:
    whole = _BINDING.fullmatch(str(given.get("value") or "").strip())
    if whole:
        bound = (properties.get("outputs") or {})[whole["path"].removeprefix("outputs.")]
        return Output(kind, str(bound["uri"]))
    return Output.of(given, job=job, name=name, kind=kind)


def _substituted(text: str, properties: Json, made: Mapping[str, Json]) -> str:
    def value(found: re.Match[str]) -> str:
        source, *path = found["path"].split(".")
        if source == "jobs":
            return str(made[path[0]][path[2]]["uri"])
        return Input.of((properties.get(source) or {}).get(".".join(path)) or {}).value

    return _BINDING.sub(value, text)
