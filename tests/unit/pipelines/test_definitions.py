"""The YAML that a user hands to Azure ML: what azure-ai-ml itself makes of it."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.spark_runtime import RUNTIMES

ROOT = Path(__file__).parents[3]
STEPS = ("prepare", "train", "evaluate")
EXACT = re.compile(r"^[A-Za-z0-9._-]+==[^=;*\s]+( ; .+)?$")

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def component(step: str) -> Any:
    from azure.ai.ml import load_component

    return load_component(ROOT / "pipelines" / "components" / f"{step}.yml")


@pytest.mark.parametrize("step", STEPS)
def test_a_component_is_valid_and_its_snapshot_is_enough(step: str) -> None:
    """What the step's module imports of ours, directly or not, lies in the snapshot that Azure ML gets."""
    loaded = component(step)
    assert loaded._validate().passed
    assert loaded.name == f"homeostat_{step}"
    assert f"python -m pipelines.{step} " in loaded.command
    with loaded._build_code() as code:
        snapshot = Path(code.path)
        files = {path.relative_to(snapshot).as_posix() for path in snapshot.rglob("*.py")}
    assert {path.partition("/")[0] for path in files} == {"pipelines", "drift"}
    reached, todo = set(), [f"pipelines/{step}.py"]
    while todo:
        path = todo.pop()
        if path in reached:
            continue
        reached.add(path)
        assert path in files
        todo += imported(ROOT / path)
    assert len(reached) > 3


def test_the_spark_component_is_valid_and_its_snapshot_is_enough() -> None:
    """Spark runs the file itself, which puts the snapshot's root on the path and sends `drift` to executors."""
    loaded = component("profile_spark")
    assert loaded._validate().passed
    assert loaded.entry.entry == "pipelines/profile_spark.py"
    with loaded._build_code() as code:
        snapshot = Path(code.path)
        assert (snapshot / loaded.entry.entry).is_file()
        assert (snapshot / "drift" / "profile.py").is_file()


def test_the_pipeline_of_large_batches_has_the_ports_that_the_app_fills() -> None:
    from azure.ai.ml import load_job

    job = load_job(ROOT / "pipelines" / "profile.yml")
    assert {"data", "manifest"} <= set(job.inputs)
    assert set(job.outputs) == {"profile"}
    step = job._to_rest_object().as_dict()["properties"]["jobs"]["profile"]
    assert step["type"] == "spark"
    assert step["resources"]["runtime_version"] in RUNTIMES


def imported(path: Path) -> list[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    ours = [
        name.replace(".", "/")
        for name in names
        if name.split(".")[0] in {"pipelines", "drift", "local", "control"}
    ]
    return [f"{name}.py" for name in ours if (ROOT / f"{name}.py").exists()]


@pytest.mark.parametrize("step", STEPS)
def test_a_command_gives_every_argument_that_the_step_takes(step: str) -> None:
    source = (ROOT / "pipelines" / f"{step}.py").read_text()
    takes = set(re.findall(r'add_argument\("(--[a-z-]+)"', source))
    assert set(re.findall(r"(--[a-z-]+)", component(step).command)) == takes


def test_the_pipeline_is_valid_and_keeps_the_contract() -> None:
    from azure.ai.ml import load_job

    job = load_job(ROOT / "pipelines" / "train.yml")
    assert job._validate().passed
    assert {"data", "manifest", "champion"} <= set(job.inputs)
    assert set(job.outputs) == {"model", "evaluation"}
    for step in STEPS:
        wired = set(yaml.safe_load((ROOT / "pipelines" / "train.yml").read_text())["jobs"][step]["inputs"])
        needed = {name for name, given in component(step).inputs.items() if given.default is None}
        assert needed <= wired <= set(component(step).inputs)


def test_the_deployment_is_one_that_azure_ml_takes() -> None:
    from azure.ai.ml import load_online_deployment

    deployment = load_online_deployment(ROOT / "pipelines" / "deployment.yml")
    assert (ROOT / "pipelines" / "score" / deployment.code_configuration.scoring_script).is_file()
    assert set(deployment.data_collector.collections) == {"model_inputs", "model_outputs"}


def test_every_package_of_the_environment_is_pinned_exactly() -> None:
    from azure.ai.ml import load_environment

    loaded: Any = load_environment(ROOT / "pipelines" / "environment.yml")
    packages = loaded.conda_file["dependencies"][-1]["pip"]
    assert [line for line in packages if not EXACT.match(line)] == []
    names = {line.partition("==")[0] for line in packages}
    assert {
        "scikit-learn",
        "azureml-inference-server-http",
        "azureml-ai-monitoring",
        "azureml-mlflow",
    } <= names
