"""The delivery pipelines: valid by Azure Pipelines' own schema, and whole, which no schema can say."""

from __future__ import annotations

import copy
import json
import re
import subprocess
import sys
import zipfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
import yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parents[3]
SCHEMA = ROOT.parent / "shared" / "specs" / "functions" / "azure-pipelines.service-schema.json"
STARTS = [ROOT / "azure-pipelines.yml", ROOT / ".azuredevops" / "register.yml"]
AZURE = [STARTS[0], *sorted((ROOT / ".azuredevops").rglob("*.yml"))]
GITHUB = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
SECRET = re.compile(
    r"(AccountKey|SharedAccessKey|sig)=[A-Za-z0-9+/%]{16,}|-----BEGIN|gh[pousr]_[A-Za-z0-9]{20,}|"
    r"(?i:(password|secret|pat|token|key))\s*[:=]\s*[\"']?(?![\"']?\$)[A-Za-z0-9+/=_-]{16,}"
)
ADDRESS = re.compile(r"https?://[^\s\"')]+")
KNOWN_HOSTS = ("https://aka.ms/install-azd.sh", "https://<app>.azurewebsites.net")


class Yaml(yaml.SafeLoader):
    """GitHub's and Azure's: `on` is a word, not a boolean."""


Yaml.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in known if tag != "tag:yaml.org,2002:bool"]
    for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Yaml.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))


def load(path: Path) -> dict[str, Any]:
    body = yaml.load(path.read_text("utf-8"), Yaml)
    assert isinstance(body, dict), path
    return body


def said(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def validator() -> jsonschema.Draft7Validator:
    if not SCHEMA.is_file():
        pytest.skip("the schema of Azure Pipelines (../shared/specs) is not beside this repository")
    rules = json.loads(SCHEMA.read_text("utf-8"))
    _add_aliases(rules)
    return jsonschema.Draft7Validator(rules)


def _add_aliases(part: Any) -> None:
    """A task's inputs have several names: `aliases` is a keyword of the service alone."""
    if isinstance(part, list):
        for one in part:
            _add_aliases(one)
    elif isinstance(part, dict):
        properties = part.get("properties")
        if isinstance(properties, dict):
            for name, rule in list(properties.items()):
                for alias in rule.get("aliases", ()) if isinstance(rule, dict) else ():
                    properties.setdefault(alias, rule)
                    if name in part.get("required", ()):
                        part["required"].remove(name)
                        part.setdefault("allOf", []).append(
                            {"anyOf": [{"required": [name]}, {"required": [alias]}]}
                        )
        for one in list(part.values()):
            _add_aliases(one)


def everything(part: Any, key: str) -> Iterator[Any]:
    """Every value of that key, however deep."""
    if isinstance(part, dict):
        if key in part:
            yield part[key]
        for one in part.values():
            yield from everything(one, key)
    elif isinstance(part, list):
        for one in part:
            yield from everything(one, key)


def as_the_service_reads(part: Any, key: str = "") -> Any:
    """Scalars are text to Azure Pipelines, but for the inputs of tasks, which have types."""
    if isinstance(part, dict):
        return {
            name: one if name == "inputs" else as_the_service_reads(one, name) for name, one in part.items()
        }
    if isinstance(part, list):
        return [as_the_service_reads(one, key) for one in part]
    return str(part).lower() if isinstance(part, bool) else str(part)


@pytest.mark.parametrize("path", AZURE, ids=said)
def test_every_file_is_valid_by_the_service_s_schema(path: Path) -> None:
    body = as_the_service_reads(load(path))
    errors = sorted(validator().iter_errors(body), key=lambda error: len(error.path))
    assert [f"{'/'.join(map(str, error.absolute_path))}: {error.message[:300]}" for error in errors] == []


def _no_pool_image(body: dict[str, Any]) -> None:
    next(everything(body, "pool"))["vmImage"] = ["ubuntu"]


def _unknown_task(body: dict[str, Any]) -> None:
    _tasks(body)[0]["task"] = "AzureFunctionsApp@2"


def _unknown_input(body: dict[str, Any]) -> None:
    next(task for task in _tasks(body) if "inputs" in task)["inputs"]["slotsName"] = "staging"


def _missing_input(body: dict[str, Any]) -> None:
    del next(task for task in _tasks(body) if task["task"].startswith("AzureFunctionApp"))["inputs"][
        "appType"
    ]


def _unknown_key(body: dict[str, Any]) -> None:
    body["stages"][0]["dependOn"] = "Check"


def _tasks(body: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for steps in everything(body, "steps") for step in steps if "task" in step]


@pytest.mark.parametrize(
    "spoil", [_no_pool_image, _unknown_task, _unknown_input, _missing_input, _unknown_key]
)
def test_the_schema_refuses_what_is_wrong(spoil: Callable[[dict[str, Any]], None]) -> None:
    body = as_the_service_reads(copy.deepcopy(load(ROOT / ".azuredevops" / "stages" / "deploy.yml")))
    assert validator().is_valid(body)
    spoil(body)
    assert not validator().is_valid(body)


def templates(path: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The templates that a file takes in: paths are relative to it."""
    for key in ("stages", "jobs", "steps"):
        for items in everything(load(path), key):
            for item in items:
                if "template" in item:
                    yield (path.parent / item["template"]).resolve(), item.get("parameters", {})


def test_every_template_exists_and_each_is_used() -> None:
    used = {template for path in AZURE for template, _ in templates(path)}
    assert [said(path) for path in used if not path.is_file()] == []
    assert set(AZURE) - used == set(STARTS)


def test_every_parameter_is_passed_and_none_is_unknown() -> None:
    for path in AZURE:
        for template, given in templates(path):
            declared = {one["name"]: one for one in load(template).get("parameters", ())}
            assert set(given) <= set(declared), (
                f"{said(path)} passes to {said(template)} what it does not take"
            )
            needed = {name for name, one in declared.items() if "default" not in one}
            assert needed <= set(given), f"{said(path)} does not pass to {said(template)} what it needs"
            for name, value in given.items():
                values = declared[name].get("values")
                assert values is None or "${{" in str(value) or value in values, (said(path), name, value)


def test_every_parameter_that_is_declared_is_read_and_the_other_way_round() -> None:
    for path in AZURE:
        declared = {one["name"] for one in load(path).get("parameters", ())}
        read = set(re.findall(r"\$\{\{ parameters\.(\w+) \}\}", path.read_text("utf-8")))
        assert read == declared, said(path)


def scripts(path: Path) -> Iterator[str]:
    """Command lines, and files that tasks run."""
    body = load(path)
    for key in ("script", "bash", "run", "inlineScript"):
        yield from (text for text in everything(body, key) if isinstance(text, str))
    yield from everything(body, "scriptPath")


@pytest.mark.parametrize("path", [*AZURE, *GITHUB], ids=said)
def test_every_file_that_is_run_exists_and_every_make_target(path: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for line in scripts(path):
        for file in re.findall(r"(?<![\w/.])\.ci/[\w.-]+", line):
            assert (ROOT / file).is_file(), file
        for target in re.findall(r"\bmake ([a-z-]+)", line):
            assert target in targets, target


def test_every_script_is_run_parses_and_stops_at_the_first_fault() -> None:
    used = {
        file
        for path in [*AZURE, *GITHUB]
        for line in scripts(path)
        for file in re.findall(r"\.ci/[\w.-]+", line)
    }
    for file in (ROOT / ".ci").iterdir():
        text = file.read_text("utf-8")
        if text.startswith("#!/usr/bin/env bash"):
            assert "\nset -euo pipefail\n" in text, file.name
            assert file.stat().st_mode & 0o100, f"{file.name} may be executed"
            subprocess.run(["bash", "-n", str(file)], check=True)
            used |= set(re.findall(r"\.ci/[\w.-]+", text))
    wanted = {f".ci/{file.name}" for file in (ROOT / ".ci").iterdir() if file.is_file()}
    assert wanted - used <= {".ci/run", ".ci/python"}, "these are run by others"


@pytest.mark.parametrize("path", [*AZURE, *GITHUB, *(ROOT / ".ci").glob("[!_]*")], ids=said)
def test_no_secret_and_no_unknown_address_in_clear(path: Path) -> None:
    text = path.read_text("utf-8")
    assert [found[0] for found in SECRET.finditer(text)] == []
    assert [address for address in ADDRESS.findall(text) if address not in KNOWN_HOSTS] == []


@pytest.mark.parametrize(
    "text",
    [
        "AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq",
        "password: hunter2hunter2hunter2",
        "export AZURE_TOKEN='eyJhbGciOiJIUzI1NiJ9'",
        "-----BEGIN RSA PRIVATE KEY-----",
        "ghp_0123456789abcdefghij0123456789abcdef",
    ],
)
def test_a_secret_in_clear_would_be_found(text: str) -> None:
    assert SECRET.search(text)


def filled(text: str, given: dict[str, Any]) -> str:
    """The text with the parameters' values."""
    return re.sub(r"\$\{\{ parameters\.(\w+) \}\}", lambda found: str(given[found[1]]), text)


def test_stages_come_one_after_the_other_and_production_last() -> None:
    order: dict[str, str] = {}
    for template, given in templates(STARTS[0]):
        for stage in load(template)["stages"]:
            order[filled(stage["stage"], given)] = filled(stage.get("dependsOn", "-"), given)
    assert order == {
        "Check": "-",
        "Package": "Check",
        "preview_staging": "Package",
        "deploy_staging": "preview_staging",
        "preview_production": "deploy_staging",
        "deploy_production": "preview_production",
    }


def test_only_deployment_jobs_of_an_environment_change_anything() -> None:
    """Approvals are checks of environments: a step outside of a deployment job would come before them."""
    for path in AZURE:
        for jobs in everything(load(path), "jobs"):
            for job in jobs:
                text = json.dumps(job)
                changes = (
                    "AzureFunctionApp" in text
                    or "after-deploy" in text
                    or ".ci/register" in text
                    or '"apply"' in text
                )
                assert not changes or "environment" in job, said(path)


def test_what_is_registered_is_registered_again_when_it_changes() -> None:
    """Components take in `pipelines/` and `drift/`: the pipeline watches both, and whatever comes to them."""
    watched = set(load(STARTS[1])["trigger"]["paths"]["include"])
    taken: set[str] = set()
    for component in (ROOT / "pipelines" / "components").glob("*.yml"):
        for include in load(component).get("additional_includes", ()):
            taken.add((component.parent / include).resolve().relative_to(ROOT).parts[0])
    assert watched == {f"{folder}/*" for folder in taken | {"pipelines"}}
    on_github = load(ROOT / ".github" / "workflows" / "register.yml")["on"]["push"]["paths"]
    assert set(on_github) == {f"{folder}/**" for folder in taken | {"pipelines"}}


@pytest.mark.parametrize("path", GITHUB, ids=said)
def test_github_s_workflows_are_whole(path: Path) -> None:
    body = load(path)
    assert body["permissions"]["contents"] == "read"
    assert not [text for text in everything(body, "env") if "secrets." in str(text)]
    for name, job in body["jobs"].items():
        needs = job.get("needs", [])
        assert set([needs] if isinstance(needs, str) else needs) <= set(body["jobs"]), name
        called = job.get("uses")
        if called is None:
            assert job["runs-on"] == "ubuntu-24.04"
            for step in job["steps"]:
                assert ("uses" in step) != ("run" in step), name
                assert re.fullmatch(r"[\w.-]+/[\w.-]+@v\d+", step.get("uses", "a/b@v1"))
                assert "${{" not in step.get("run", ""), (
                    "values come by the environment, not into the command line"
                )
        else:
            inputs = load(ROOT / called)["on"]["workflow_call"]["inputs"]
            assert set(job["with"]) == set(inputs), name


def test_the_package_holds_the_app_and_nothing_else(tmp_path: Path) -> None:
    package = tmp_path / "app.zip"
    subprocess.run(
        [sys.executable, str(ROOT / ".ci/package.py"), "--output", str(package)], check=True, timeout=60
    )
    with zipfile.ZipFile(package) as app:
        names = app.namelist()
    top = {name.split("/")[0] for name in names}
    assert {
        "function_app.py",
        "host.json",
        "requirements.txt",
        "handlers",
        "control",
        "cloud",
        "policies",
    } <= top
    assert not top & {
        "tests",
        "local",
        "cli",
        "bench",
        "infra",
        "docs",
        "node_modules",
        "local.settings.json",
    }
    assert "control/policy.schema.json" in names
    assert "cloud/queries/traffic.kql" in names
    assert not [name for name in names if name.startswith(".") or "__pycache__" in name]


def test_dependencies_are_audited_with_the_pins_that_are_deployed() -> None:
    text = (ROOT / ".ci" / "audit").read_text("utf-8")
    for pins in ("requirements.txt", "requirements-dev.txt"):
        assert f"--requirement {pins}" in text
    assert "pip-audit" not in (ROOT / "Makefile").read_text("utf-8"), "make test needs no network"
