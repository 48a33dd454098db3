"""Pipeline jobs: the order of the steps, and what each one gets."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from local.azureml.pipeline import BadPipeline, command_run, plan
from local.azureml.run import Input, Output

COMPONENT: dict[str, Any] = {
    "name": "step", "type": "command", "code": "code-id", "environment": "environment-id",
    "command": "run ${{inputs.data}} ${{outputs.out}} ${{inputs.rate}} $[[${{inputs.word}}]]",
    "inputs": {
        "data": {"type": "uri_folder"},
        "rate": {"type": "number", "default": "0.5"},
        "word": {"type": "string", "optional": True},
    },
    "outputs": {"out": {"type": "uri_folder"}},
    "environment_variables": {"FROM": "component"},
}  # fmt: skip


def bound(text: str) -> dict[str, str]:
    return {"value": text, "job_input_type": "literal"}


PIPELINE: dict[str, Any] = {
    "experimentName": "trials",
    "inputs": {
        "data": {"jobInputType": "uri_folder", "uri": "azureml://datastores/landing/paths/x/", "mode": "Download"},
        "rate": {"jobInputType": "literal", "value": "0.25"},
        "word": {"jobInputType": "literal", "value": ""},
    },
    "outputs": {"model": {"jobOutputType": "uri_folder", "uri": "azureml://datastores/workspaceblobstore/paths/m/"}},
    "jobs": {
        "last": {
            "type": "command", "componentId": "id",
            "inputs": {"data": bound("${{parent.jobs.first.outputs.out}}"), "rate": bound("1${{parent.inputs.rate}}")},
            "outputs": {"out": {"value": "${{parent.outputs.model}}", "type": "literal"}},
            "environment_variables": {"RATE": "${{parent.inputs.rate}}", "FROM": "step"},
            "limits": {"timeout": "PT1M"},
        },
        "first": {
            "type": "command", "componentId": "id",
            "inputs": {"data": bound("${{parent.inputs.data}}"), "word": bound("${{parent.inputs.word}}")},
            "outputs": {"out": {"job_output_type": "uri_folder"}},
        },
    },
}  # fmt: skip


def changed(change: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    pipeline = copy.deepcopy(PIPELINE)
    change(pipeline)
    return pipeline


def test_steps_follow_what_they_read() -> None:
    steps = plan(PIPELINE, lambda _: COMPONENT)
    assert list(steps) == ["first", "last"]
    assert steps["last"].after == {"first"}


def test_first_step() -> None:
    step = plan(PIPELINE, lambda _: COMPONENT)["first"]
    run = command_run(step, job="p_first", parent="p", properties=PIPELINE, made={})
    assert run.inputs == {
        "data": Input("uri_folder", "azureml://datastores/landing/paths/x/", "Download"),
        "rate": Input("literal", "0.5"),
    }, "an optional input bound to one without a value is not given"
    assert run.outputs == {
        "out": Output("uri_folder", "azureml://datastores/workspaceblobstore/paths/azureml/p_first/out/")
    }
    assert (run.code, run.environment, run.experiment) == ("code-id", "environment-id", "trials")
    assert run.environment_variables == {"FROM": "component"}
    assert run.timeout_seconds is None


def test_last_step() -> None:
    step = plan(PIPELINE, lambda _: COMPONENT)["last"]
    made = {"first": {"out": {"uri": "azureml://datastores/workspaceblobstore/paths/first/"}}}
    run = command_run(step, job="p_last", parent="p", properties=PIPELINE, made=made)
    assert run.inputs["data"].value == "azureml://datastores/workspaceblobstore/paths/first/"
    assert run.inputs["rate"] == Input("literal", "10.25"), "a binding inside a text is filled in"
    assert run.outputs == {"out": Output("uri_folder", "azureml://datastores/workspaceblobstore/paths/m/")}
    assert run.environment_variables == {"FROM": "step", "RATE": "0.25"}
    assert run.timeout_seconds == 60


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda p: p.update(jobs={}), "has no jobs"),
        (
            lambda p: p["jobs"]["first"].update(type="sweep"),
            "first: only command and spark steps run here, not sweep",
        ),
        (lambda p: p["jobs"]["first"]["inputs"].pop("data"), "first: the input data is not given"),
        (lambda p: p["jobs"]["first"]["inputs"].update(more=bound("1")), "the component has no input more"),
        (
            lambda p: p["jobs"]["first"]["inputs"].update(data=bound("${{parent.inputs.x}}")),
            "nothing is named parent.inputs.x",
        ),
        (
            lambda p: p["jobs"]["last"]["inputs"].update(data=bound("${{parent.jobs.first.outputs.x}}")),
            "first has no output x",
        ),
        (
            lambda p: p["jobs"]["last"]["inputs"].update(data=bound("${{parent.jobs.none.outputs.x}}")),
            "nothing is named parent.jobs.none",
        ),
        (
            lambda p: p["jobs"]["last"]["outputs"].update(out=bound("${{parent.outputs.x}}")),
            "nothing is named parent.outputs.x",
        ),
        (
            lambda p: p["jobs"]["first"]["inputs"].update(data=bound("${{parent.jobs.last.outputs.out}}")),
            "wait for each other",
        ),
    ],
)
def test_bad_pipelines(change: Callable[[dict[str, Any]], Any], says: str) -> None:
    with pytest.raises(BadPipeline, match=says):
        plan(changed(change), lambda _: COMPONENT)


def test_component_that_is_not_there() -> None:
    def missing(_: str) -> dict[str, Any]:
        raise LookupError("no components are registered as x:1")

    with pytest.raises(BadPipeline, match=r"(first|last): no components"):
        plan(PIPELINE, missing)


def test_command_that_names_what_the_component_has_not() -> None:
    with pytest.raises(BadPipeline, match=r"the command names inputs\.other"):
        plan(PIPELINE, lambda _: COMPONENT | {"command": "${{inputs.other}}"})
