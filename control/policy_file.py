"""A policy's YAML, checked, as a `Policy`.

This module loads a YAML parser and a JSON Schema validator: import it late.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from control.drift_signal import DriftSignal, DriftThresholds, FalseAlarms
from control.durations import parse_duration
from control.errors import PolicyError
from control.policy import (
    AlertRule,
    Approval,
    Budget,
    ChampionGate,
    CompleteWhen,
    Data,
    Gates,
    NoticeRule,
    Performance,
    Policy,
    Privacy,
    Quality,
    Refresh,
    Registry,
    Release,
    Retrain,
    Schedule,
    SliceGate,
    Spark,
    Threshold,
    TrainingData,
)
from control.policy_rules import Sound, rule_problems
from control.policy_schema import structure_problems
from control.sizes import parse_size
from control.yaml_source import Problem, read_yaml

__all__ = ["Problem", "check_policy", "read_policy"]

Keys = dict[str, Any]

# Any moment will do: it only serves to see whether a cron expression has a next time.
_SOME_DAY = datetime(2024, 1, 1, tzinfo=UTC)


def read_policy(text: str, source: str, workspaces: Sequence[str] | None = None) -> Policy:
    """The policy that the YAML `text` of the file `source` means.

    `workspaces`: what it may call the workspace; None, where that is not known, lets every name pass.

    Raises:
        PolicyError: it is wrong; the message has one line `file:line:column: path: what to write` for each
            problem.
    """
    policy, problems = _read(text, source, workspaces)
    if policy is None:
        raise PolicyError("\n".join(f"{source}:{problem}" for problem in problems))
    return policy


def check_policy(text: str, source: str, workspaces: Sequence[str] | None = None) -> list[Problem]:
    """Everything that is wrong with the YAML `text` of the file `source`, in the order of the text."""
    return _read(text, source, workspaces)[1]


def _read(text: str, name: str, workspaces: Sequence[str] | None) -> tuple[Policy | None, list[Problem]]:
    source = read_yaml(text)
    if source.data is None:
        return None, sorted(source.problems)
    unreadable = {(problem.line, problem.column) for problem in source.problems}
    # What could not be read has no value: it is not also of the wrong type.
    wrong = [at for at in structure_problems(source) if (at.line, at.column) not in unreadable]
    wrong += source.problems
    wrong += rule_problems(Sound(source, wrong), _SOME_DAY, workspaces)
    return (None, sorted(set(wrong))) if wrong else (_policy(source.data, name), [])


def _policy(data: Keys, source: str) -> Policy:
    signals = data.get("monitoring_signals", {})
    canonical = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return Policy(
        name=data["name"],
        workspace=data.get("workspace"),
        data=_data(data["data"]),
        retrain_on=frozenset(event for trigger in data["trigger"] for event in trigger.get("on", ())),
        schedules=tuple(
            Schedule(**_given(trigger, "expression", "time_zone"))
            for trigger in data["trigger"]
            if trigger["type"] == "cron"
        ),
        monitors=tuple(data.get("monitors", ())),
        inputs=_drift(signals.get("inputs")),
        predictions=_drift(signals.get("predictions")),
        quality=_quality(signals.get("quality")),
        labels=_performance(signals.get("labels")),
        retrain=_retrain(data["retrain"]),
        gates=_gates(data["gates"]),
        approval=_approval(data.get("approval", {})),
        release=_release(data["release"]),
        registry=_registry(data.get("registry"), data["name"]),
        alerts=tuple(AlertRule(**rule) for rule in data.get("alerts", ())),
        notify=tuple(NoticeRule(to=rule["to"], on=frozenset(rule["on"])) for rule in data.get("notify", ())),
        privacy=_privacy(data.get("privacy")),
        digest=sha256(canonical.encode()).hexdigest(),
        source=source,
    )


def _given(section: Keys, *names: str) -> Keys:
    """Those of the keys that are written; for the others the type's own default stands."""
    return {name: section[name] for name in names if name in section}


def _spans(section: Keys, *names: str) -> Keys:
    return {name: parse_duration(section[name]) for name in names if name in section}


def _data(section: Keys) -> Data:
    datastore, _, prefix = section["path"].removeprefix("azureml://datastores/").partition("/paths/")
    when = section["complete_when"]
    complete = CompleteWhen(**_given(when, "marker", "each_file"), **_spans(when, "stable_for"))
    rows = _given(section, "timestamp_column", "every")
    return Data(
        datastore=datastore, prefix=prefix, complete_when=complete, spark=_spark(section.get("spark")), **rows
    )


def _spark(section: Keys | None) -> Spark | None:
    return None if section is None else Spark(above=parse_size(section["above"]), **_given(section, "job"))


def _drift(section: Keys | None) -> DriftSignal | None:
    if section is None:
        return None
    keys = _given(section, "alpha", "min_effect", "min_rows")
    window = section.get("production_data", {}).get("data_window", {})
    if "lookback_window_size" in window:
        keys["lookback"] = parse_duration(window["lookback_window_size"])
    if "false_alarms" in section:
        stated = section["false_alarms"]
        keys["false_alarms"] = FalseAlarms(at_most=stated["at_most"], per=parse_duration(stated["per"]))
    if "metric_thresholds" in section:
        keys["metric_thresholds"] = DriftThresholds(**section["metric_thresholds"])
    return DriftSignal(features=tuple(section.get("features", ())), **keys)


def _quality(section: Keys | None) -> Quality | None:
    return None if section is None else Quality(**_given(section, "columns", "max_null_rate", "min_rows"))


def _performance(section: Keys | None) -> Performance | None:
    if section is None:
        return None
    return Performance(**_spans(section, "maturity"), **_given(section, "metric_thresholds"))


def _retrain(section: Keys) -> Retrain:
    return Retrain(
        job=section["job"],
        data=TrainingData(**section.get("data", {})),
        budget=Budget(**section.get("budget", {})),
        refresh=Refresh(**section["refresh"]) if "refresh" in section else None,
        **_spans(section, "debounce", "cooldown", "backoff"),
        **_given(section, "max_attempts", "max_running"),
    )


def _gates(section: Keys) -> Gates:
    golden = section.get("golden", {})
    return Gates(
        champion=ChampionGate(**section["champion"]) if "champion" in section else None,
        slices=tuple(SliceGate(**part) for part in section.get("slices", ())),
        thresholds=tuple(Threshold(**part) for part in section.get("thresholds", ())),
        job=section.get("job"),
        golden_suite=golden.get("suite"),
        robustness=tuple(section.get("robustness", ())),
        **({"golden_tolerance": golden["tolerance"]} if "tolerance" in golden else {}),
    )


def _approval(section: Keys) -> Approval:
    return Approval(
        approvers=tuple(section.get("approvers", ())),
        **_given(section, "required", "not_author"),
        **_spans(section, "expires"),
    )


def _release(section: Keys) -> Release:
    keys = _given(section, "endpoint", "deployment", "on_inconclusive", "scale", "previous_instances")
    keys |= _given(section, "abort_if", "false_rollbacks", "min_requests")
    keys |= _spans(section, "bake", "deadline", "keep_previous")
    if "steps" in section:
        keys["steps"] = tuple(section["steps"])
    if "mirror" in section:
        keys["mirror_percent"] = section["mirror"]["percent"]
        keys["mirror_for"] = parse_duration(section["mirror"]["for"])
    return Release(**keys)


def _registry(section: Keys | None, model: str) -> Registry | None:
    if section is None:
        return None
    return Registry(name=section["name"], model=section.get("model", model), share="share" in section)


def _privacy(section: Keys | None) -> Privacy | None:
    return (
        None if section is None else Privacy(**_given(section, "subject_id"), **_spans(section, "retention"))
    )
