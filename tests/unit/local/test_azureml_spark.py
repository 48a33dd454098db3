"""What runs for a Spark step, and in which environment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from local.azureml.command import render
from local.azureml.pipeline import BadPipeline, plan
from local.azureml.spark import file_uri, submit_command
from local.environments import EnvironmentRefused
from local.spark_runtime import with_runtime

COMPONENT: dict[str, Any] = {
    "type": "spark",
    "entry": {"file": "a/job.py"},
    "args": "--data ${{inputs.data}}",
    "inputs": {"data": {"type": "uri_folder"}},
    "conf": {"spark.sql.shuffle.partitions": 8},
}
STEP: dict[str, Any] = {
    "type": "spark",
    "componentId": "c",
    "conf": {"spark.executor.instances": 50, "spark.driver.memory": "2g"},
    "resources": {"runtime_version": "3.5", "instance_type": "standard_e4s_v3"},
    "inputs": {"data": {"uri": "azureml://datastores/landing/paths/x/", "job_input_type": "uri_folder"}},
}


def test_the_step_is_submitted_with_its_conf_and_files_in_place_of_addresses() -> None:
    command = submit_command(COMPONENT, STEP)
    words = render(command, {"data": file_uri(Path("/tmp/a b"))}, {}).split(" ", 3)
    assert words[:3] == ["spark-submit", "--master", "local[2]"]
    assert words[3].endswith("a/job.py --data 'file:///tmp/a b'")
    assert "--conf spark.driver.memory=2g" in command
    assert "--conf spark.sql.shuffle.partitions=8" in command
    assert "--conf spark.driver.bindAddress=127.0.0.1" in command
    assert "executor" not in command, "there are none in local mode"


def test_the_runtime_brings_python_and_spark() -> None:
    asked = "dependencies: [python=3.13, pip, {pip: [numpy==2.4.6]}]"
    [python, packages] = yaml.safe_load(with_runtime(asked, "3.5"))["dependencies"]
    assert python == "python=3.11"
    assert packages["pip"][0] == "numpy==2.4.6"
    assert packages["pip"][1].startswith("pyspark==3.5.")


@pytest.mark.parametrize(
    ("conda", "runtime"), [("dependencies: []", "2.4"), ("nothing", "3.5"), ("[", "3.5")]
)
def test_what_is_no_environment_of_spark_is_refused(conda: str, runtime: str) -> None:
    with pytest.raises(EnvironmentRefused):
        with_runtime(conda, runtime)


def _planned(step: dict[str, Any], component: dict[str, Any]) -> None:
    plan({"jobs": {"one": step}}, lambda _: component)


def test_spark_steps_are_planned_and_wrong_ones_refused() -> None:
    _planned(STEP, COMPONENT)
    with pytest.raises(BadPipeline, match="a command step cannot run a spark component"):
        _planned(STEP | {"type": "command"}, COMPONENT)
    with pytest.raises(BadPipeline, match=r"resources\.runtime_version must be given"):
        _planned(STEP | {"resources": {}}, COMPONENT)
    with pytest.raises(BadPipeline, match=r"the command names inputs\.other"):
        _planned(STEP, COMPONENT | {"args": "${{inputs.other}}"})
