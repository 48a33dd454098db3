"""The hooks of azd: they read outputs of main.bicep, and hand on parameters of after-deploy.bicep."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from infra.checks.places import Fault, Place
from infra.checks.syntax import named, read
from infra.checks.template import Template

AZD = {"AZURE_ENV_NAME"}
"""What azd itself puts into a hook's environment, and we use."""
READ = {".sh": r"\$\{?([A-Z][A-Z_]+)", ".ps1": r"\$env:([A-Z][A-Z_]+)"}
HANDED = {".sh": r'"(\w+)": \{ "value"', ".ps1": r"^    (\w+) += .*\$(?:env:|key)"}


def faults_of_hooks(infra: Path, main: Template) -> Iterator[Fault]:
    """Names that nothing sets, parameters that are not there or not given; a hook without its twin."""
    parameters = {name: one for name, one in read(infra / "after-deploy.bicep").declarations.items()
                  if one.kind == "param"}  # fmt: skip
    needed = {name for name, one in parameters.items() if len(named(one.node)) < 3}  # no default
    for file in sorted((infra / "hooks").iterdir()):
        if not file.with_suffix(".ps1" if file.suffix == ".sh" else ".sh").is_file():
            yield Fault(Place(file, 1), "has no twin for the other shell")
        given: set[str] = set()
        for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
            for name in re.findall(READ[file.suffix], line):
                if name not in main.outputs and name not in AZD:
                    yield Fault(Place(file, number), f"{name} is no output of main.bicep")
            for name in re.findall(HANDED[file.suffix], line):
                given.add(name)
                if name not in parameters:
                    yield Fault(Place(file, number), f"after-deploy.bicep has no parameter {name}")
        if file.stem == "postdeploy":
            yield from (
                Fault(Place(file, 1), f"after-deploy.bicep is not given {one}")
                for one in sorted(needed - given)
            )
