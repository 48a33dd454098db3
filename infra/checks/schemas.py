"""Bodies against the ARM schemas, parameters and azure.yaml against theirs; where these are at hand."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import yaml
from referencing import Registry
from referencing.jsonschema import DRAFT4, DRAFT201909

from infra.checks.places import Fault, Place
from infra.checks.syntax import read
from infra.checks.template import Template
from infra.checks.values import Resource, Value, plain

BASE = "https://schema.management.azure.com/schemas/"
INCOMPLETE = {
    "Microsoft.MachineLearningServices/workspaces/computes",
    "Microsoft.MachineLearningServices/workspaces/datastores",
}
"""Their ARM schemas refuse every kind of compute and datastore: they know the common properties alone."""
_KNOWN_GOOD: set[str] = set()


def faults_of_schemas(template: Template, arm: Path) -> Iterator[Fault]:
    """What the ARM schema of a type refuses; where there is none, types.py alone judges."""
    registry = _registry(arm)
    for one in template.resources:
        file = arm / f"{one.api}_{one.type.split('/')[0]}.json"
        if one.absent or one.existing or one.body is None or not file.is_file() or one.type in INCOMPLETE:
            continue
        document = _loaded(file)
        name = "_".join(one.type.split("/")[1:])
        for home in (
            "resourceDefinitions",
            "extension_resourceDefinitions",
            "subscription_resourceDefinitions",
        ):
            if name in document.get(home, {}):
                reference = f"{BASE}{one.api}/{one.type.split('/')[0]}.json#/{home}/{name}"
                yield from _refused(one, {"$ref": reference}, registry)
                break


def _refused(one: Resource, schema: dict[str, str], registry: Any) -> Iterator[Fault]:
    """The schemas do not agree on how a child is named: one way must do."""
    body = {
        key: value for key, value in plain(one.body).items() if key not in {"parent", "scope", "dependsOn"}
    }
    validator = jsonschema.Draft4Validator(schema, registry=registry)
    names = [f"{one.id.split('/')[-3]}/{one.name}", one.name, "[name]"]
    documents = [{**body, "name": name, "type": one.type, "apiVersion": one.api} for name in names]
    key = json.dumps([schema, documents[0]], sort_keys=True)
    if key in _KNOWN_GOOD:
        return
    if any(validator.is_valid(document) for document in documents):
        _KNOWN_GOOD.add(key)
        return
    found = [jsonschema.exceptions.best_match(validator.iter_errors(document)) for document in documents]
    error = max((one for one in found if one is not None), key=lambda error: len(error.absolute_path))
    path = list(error.absolute_path)
    where = ".".join(map(str, path)) or "the body"
    yield Fault(_place(one, path), f"{one.type}@{one.api} (ARM): {where}: {error.message[:200]}")


def _place(one: Resource, path: list[Any]) -> Place:
    value: Value | None = one.body
    place = one.at
    for step in path:
        data = value.data if value else None
        known = (isinstance(data, dict) and step in data) or (
            isinstance(data, list) and isinstance(step, int)
        )
        value = data[step] if known and data is not None else None
        if value is None:
            break
        place = value.at
    return place


@cache
def _loaded(file: Path) -> Any:
    return json.loads(file.read_text("utf-8"))


@cache
def _registry(arm: Path) -> Any:
    """Every file that is there, under its address, read once."""
    files = [
        (BASE + file.name.replace("_", "/", 1), DRAFT4.create_resource(_loaded(file)))
        for file in arm.glob("*.json")
    ]
    return Registry().with_resources(files).crawl()


def faults_of_parameters(infra: Path, schema: Path | None) -> Iterator[Fault]:
    """main.parameters.json: parameters that main.bicep lacks, and those without a value."""
    file = infra / "main.parameters.json"
    body = json.loads(file.read_text("utf-8"))
    lines = file.read_text("utf-8").splitlines()

    def place(name: str) -> Place:
        return Place(file, next((i for i, line in enumerate(lines, 1) if f'"{name}"' in line), 1))

    params = {
        name: one for name, one in read(infra / "main.bicep").declarations.items() if one.kind == "param"
    }
    given = body.get("parameters", {})
    for name in sorted(set(given) - set(params)):
        yield Fault(place(name), f"main.bicep has no parameter {name}")
    for name, one in sorted(params.items()):
        if name not in given and len([c for c in one.node.named_children if c.type != "comment"]) < 3:
            yield Fault(one.at, f"main.parameters.json gives no value for {name}")
    if schema is not None:
        rules = _loaded(schema)
        for error in jsonschema.Draft4Validator(rules, registry=_registry(schema.parent)).iter_errors(body):
            yield Fault(
                place(str(error.absolute_path[-1]) if error.absolute_path else ""), error.message[:200]
            )


def _elsewhere(_uri: str) -> Any:
    """Schemas of azd's extensions are not at hand, and refuse nothing."""
    return DRAFT201909.create_resource({})


def faults_of_azure_yaml(file: Path, schema: Path | None) -> Iterator[Fault]:
    """azure.yaml against its schema; and that every hook and path is there."""
    text = file.read_text("utf-8")
    body = yaml.safe_load(text)
    lines = text.splitlines()

    def place(word: str) -> Place:
        return Place(file, next((i for i, line in enumerate(lines, 1) if word in line), 1))

    if schema is not None:
        rules = _loaded(schema)
        kind = jsonschema.validators.validator_for(rules)
        nothing_more: Any = Registry(retrieve=_elsewhere)  # type: ignore[call-arg]
        validator = kind(rules, registry=nothing_more)
        for error in validator.iter_errors(body):
            yield Fault(
                place(str(error.absolute_path[-1]) if error.absolute_path else ""),
                f"azure.yaml: {error.message[:200]}",
            )
    for path in re.findall(r"(?:run|project|path):\s*(\S+)", text):
        if not (file.parent / path).exists():
            yield Fault(place(path), f"{path} is not there")
