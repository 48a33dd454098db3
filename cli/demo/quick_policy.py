"""The demonstration's policy: the published one with its waiting times shortened, and nothing else.

Months pass in seconds here; what is decided, and from what, stays the policy's. Shorter times hold fewer
requests, so a step asks for fewer; what proves that a version is bad stays what it is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

SHORTENED: dict[str, Any] = {
    "monitoring_signals": {"inputs": {"production_data": {"data_window": {"lookback_window_size": "PT1M"}}}},
    "retrain": {"debounce": "PT0S", "cooldown": "PT0S", "backoff": "PT5S"},
    "release": {
        "mirror": {"percent": 20, "for": "PT2S"},
        "bake": "PT1S",
        "min_requests": 3,
        "deadline": "PT1M",
        "keep_previous": "PT2S",
    },
}


def write(policy: Path, app: Path) -> Path:
    """Write the shortened policy below `app`, with the pipelines where the policy looks for them.

    Returns:
        The policies folder.
    """
    import yaml

    from control.yaml_source import read_yaml

    folder = app / "policies"
    folder.mkdir(parents=True, exist_ok=True)
    pipelines = app / "pipelines"
    if not pipelines.exists():
        pipelines.symlink_to((policy.parent.parent / "pipelines").resolve(), target_is_directory=True)
    shortened = _merged(read_yaml(policy.read_text("utf-8")).data, SHORTENED)
    (folder / policy.name).write_text(yaml.safe_dump(shortened, sort_keys=False), "utf-8")
    return folder


def _merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return base | {
        key: _merged(base[key], value)
        if isinstance(value, dict) and isinstance(base.get(key), dict)
        else value
        for key, value in changes.items()
    }
