"""The files that docs/add-a-model.md tells a user to write."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from control.yaml_source import read_yaml

PAGE = Path(__file__).resolve().parents[2] / "docs" / "add-a-model.md"


def files() -> dict[str, str]:
    """The page's YAML blocks by the path in their first line."""
    return dict(re.findall(r"```yaml\n# (\S+)\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL))


def policy(name: str = "rain", **changes: dict[str, Any]) -> dict[str, Any]:
    """The page's policy under another name, with its waiting times shortened, and changed section by section."""
    body: dict[str, Any] = read_yaml(files()["policies/rain.yaml"]).data
    body |= {"name": name}
    body["data"] |= {"path": f"azureml://datastores/landing/paths/{name}/"}
    body["release"] |= {"endpoint": name, "bake": "PT1S", "deadline": "PT40S", "keep_previous": "PT1S"}
    body["release"] |= {"min_requests": 5}
    body["retrain"] |= {"backoff": "PT1S"}
    for section, values in changes.items():
        body[section] = body.get(section, {}) | values
    return body
