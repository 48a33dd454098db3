"""The code that a retraining would run now, as one digest.

It is the pipeline's YAML, the files that it refers to, and the versions of the registered components and
environments that it names.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from cloud.content import content_digest
from cloud.errors import translated
from control.errors import Refused
from control.names import digest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from azure.ai.ml import MLClient

REFERENCES = frozenset({"component", "environment", "code", "conda_file", "additional_includes"})
"""Keys of Azure ML's YAML whose values lead to code."""
_LABELLED = re.compile(r"^azureml:(?P<name>[^:@/]+)@(?P<label>[^:@/]+)$")


def training_code(ml: MLClient, job: Path) -> str:
    """Digest of the code of the pipeline in that file, as far as it can change without the file's name.

    Raises:
        Refused: the file is no YAML, or names what is not there.
        Unavailable: Azure ML did not answer.
    """
    parts: dict[str, Any] = {}
    _follow(job, job.name, parts)
    for reference in sorted(name for name, found in parts.items() if found is None):
        parts[reference] = _version(ml, reference)
    return digest(parts)[:16]


def _follow(file: Path, name: str, parts: dict[str, Any]) -> None:
    """Take in a YAML file, by what it means, and whatever it refers to."""
    if name in parts:
        return
    body = _yaml(file)
    parts[name] = json.loads(json.dumps(body, default=str))
    for key, reference in _references(body):
        labelled = _LABELLED.match(reference)
        if labelled:
            parts[f"{key} {reference}"] = None
        elif ":" not in reference:  # else the text names the very version, or an address
            path = file.parent / reference
            if path.suffix in {".yml", ".yaml"} and key in {"component", "environment"}:
                _follow(path, f"{name} > {reference}", parts)
            else:
                parts[f"{name} > {reference}"] = content_digest([path])


def _references(body: Any, key: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(body, dict):
        for inner, value in body.items():
            yield from _references(value, inner if inner in REFERENCES else "")
    elif isinstance(body, list):
        for value in body:
            yield from _references(value, key)
    elif key and isinstance(body, str):
        yield key, body


def _version(ml: MLClient, reference: str) -> str:
    """The version that a label means, with what it was registered from."""
    from cloud.assets import DIGEST

    kind, _, address = reference.partition(" ")
    labelled = _LABELLED.match(address)
    assert labelled is not None  # noqa: S101 - only such references have no content of their own
    operations = ml.environments if kind == "environment" else ml.components
    with translated(f"reading {kind} {address}"):
        found = operations.get(labelled["name"], label=labelled["label"])
    return f"{found.version} {(found.tags or {}).get(DIGEST, '')}"


def _yaml(file: Path) -> Any:
    import yaml

    try:
        return yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as err:
        raise Refused(f"{file.name} cannot be read as YAML: {str(err).splitlines()[0]}") from err
