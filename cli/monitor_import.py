"""An Azure ML monitor (its schedule's YAML) as a policy, with marked lines for what it does not say."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from control.drift_signal import METRICS
from control.errors import BadInput
from control.yaml_source import read_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

    from control.yaml_source import Source

FILL_IN = "# fill in"
MODEL_TARGET = 2
"""Parts of `azureml:ENDPOINT:DEPLOYMENT`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a monitor does not say; None is marked in the policy."""

    name: str | None = None
    data: str | None = None
    endpoint: str | None = None


@dataclass(slots=True)
class Imported:
    """The policy's text, the thresholds it has, and what could not be taken over."""

    text: str
    thresholds: dict[str, dict[str, float]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def imported(text: str, source: str, wanted: Wanted) -> Imported:
    """The policy that a monitor's YAML amounts to.

    Raises:
        BadInput: it is not such YAML; names line and column.
    """
    found = read_yaml(text)
    if found.problems:
        raise BadInput("\n".join(f"{source}:{problem}" for problem in found.problems))
    monitor = found.data.get("create_monitor") if isinstance(found.data, dict) else None
    if not isinstance(monitor, dict):
        raise BadInput(f"{source}:1:1: this is no Azure ML monitor: it has no create_monitor")
    notes: list[str] = []
    signals = _signals(found, source, monitor, notes)
    thresholds = _thresholds(found, source, signals["data_drift"]) if "data_drift" in signals else {}
    endpoint = wanted.endpoint or _endpoint(monitor)
    name = wanted.name or endpoint
    lines = [
        f"# From the Azure ML monitor {found.data.get('name', source)}.",
        _line("name", name, "my-model", "the model in Azure ML"),
        f"monitors: [{json.dumps(str(found.data.get('name', '')))}]" if found.data.get("name") else "",
        "data:",
        _line("  path", wanted.data, "azureml://datastores/landing/paths/my-data/", "where new data land"),
        f"  complete_when: {{marker: _SUCCESS}}  {FILL_IN}: what makes a batch complete",
        f"  # timestamp_column: ...  {FILL_IN}: with it drift is judged by how days differ",
        "trigger:",
        "  - {type: event, on: [drift]}",
        "monitoring_signals:",
        *_inputs(signals.get("data_drift", {}), thresholds, notes),
        *_quality(signals.get("data_quality", {}), notes),
        "retrain:",
        f"  job: pipelines/train.yml  {FILL_IN}: docs/pipeline-contract.md",
        f"gates:  {FILL_IN}: the metrics of your model",
        "  champion: {metric: roc_auc, non_inferior_by: 0.005}",
        "release:",
        _line("  endpoint", endpoint, "my-endpoint", "the online endpoint"),
        "  deployment: pipelines/deployment.yml",
        "",
    ]
    return Imported("\n".join(line for line in lines if line or line is lines[-1]), thresholds, notes)


def _line(key: str, value: str | None, instead: str, what: str) -> str:
    return f"{key}: {value}" if value else f"{key}: {instead}  {FILL_IN}: {what}"


def _signals(
    found: Source, source: str, monitor: Mapping[str, Any], notes: list[str]
) -> dict[str, dict[str, Any]]:
    given = monitor.get("monitoring_signals") or {}
    if not isinstance(given, dict):
        raise BadInput(_at(found, source, ("create_monitor", "monitoring_signals"), "it must have keys"))
    signals: dict[str, dict[str, Any]] = {}
    for name, signal in given.items():
        path = ("create_monitor", "monitoring_signals", name)
        kind = signal.get("type") if isinstance(signal, dict) else None
        if not isinstance(kind, str):
            raise BadInput(_at(found, source, path, "a signal has a type, for instance data_drift"))
        if kind not in ("data_drift", "data_quality"):
            notes.append(f"signal {name} ({kind}) is left out: no policy key acts on it yet")
        elif kind in signals:
            notes.append(f"signal {name} ({kind}) is left out: a policy has one of each kind")
        else:
            signals[kind] = {**signal, "": path}
    if not given:
        notes.append("the monitor names no signals: the policy watches the inputs with its defaults")
    return signals


def _thresholds(found: Source, source: str, signal: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    given = signal.get("metric_thresholds") or {}
    path = (*signal[""], "metric_thresholds")
    taken: dict[str, dict[str, float]] = {}
    for kind, limits in given.items() if isinstance(given, dict) else ():
        if kind not in METRICS["azureml"] or not isinstance(limits, dict):
            raise BadInput(_at(found, source, (*path, kind), "thresholds are for numerical and categorical"))
        for metric, limit in limits.items():
            if (
                metric not in METRICS["azureml"][kind]
                or isinstance(limit, bool)
                or not isinstance(limit, int | float)
            ):
                words = f"write one of {', '.join(METRICS['azureml'][kind])} with a number"
                raise BadInput(_at(found, source, (*path, kind, metric), words))
            taken.setdefault(kind, {})[metric] = float(limit)
    return taken


def _inputs(signal: Mapping[str, Any], thresholds: Mapping[str, Any], notes: list[str]) -> list[str]:
    lines = ["  inputs:", "    type: data_drift"]
    features = signal.get("features")
    if isinstance(features, list):
        lines.append(f"    features: {json.dumps(features, ensure_ascii=False)}")
    elif isinstance(features, dict):
        notes.append("features by importance are left out: every column of the reference is compared")
    production = signal.get("production_data")
    window = production.get("data_window") if isinstance(production, dict) else None
    size = window.get("lookback_window_size") if isinstance(window, dict) else None
    if isinstance(size, str):
        lines.append(f"    production_data: {{data_window: {{lookback_window_size: {size}}}}}")
    if "data_segment" in signal:
        notes.append("data_segment is left out: all rows are compared")
    if thresholds:
        lines.append(f"    metric_thresholds: {json.dumps(thresholds)}")
        lines.append("    # or, instead of thresholds: false_alarms: {at_most: 1, per: P180D}")
    return lines


def _quality(signal: Mapping[str, Any], notes: list[str]) -> list[str]:
    if not signal:
        return []
    rates = [
        limits["null_value_rate"]
        for limits in (signal.get("metric_thresholds") or {}).values()
        if isinstance(limits, dict) and isinstance(limits.get("null_value_rate"), int | float)
    ]
    notes.append("of data_quality only null_value_rate is taken over; name the columns and their types")
    return [
        "  quality:",
        "    type: data_quality",
        *(f"    max_null_rate: {min(rates):g}" for _ in rates[:1]),
    ]


def _endpoint(monitor: Mapping[str, Any]) -> str | None:
    target = monitor.get("monitoring_target")
    named = target.get("endpoint_deployment_id") if isinstance(target, dict) else None
    parts = str(named or "").removeprefix("azureml:").split(":")
    return parts[0] if len(parts) == MODEL_TARGET and parts[0] else None


def _at(found: Source, source: str, path: tuple[str, ...], message: str) -> str:
    return f"{source}:{found.problem(path, message)}"
