"""Policies: what they mean, and what is said of wrong ones."""

from __future__ import annotations

import copy
import hashlib
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from control.drift_signal import DriftSignal
from control.errors import PolicyError
from control.policy import ABORT_IF, AlertRule, Registry, Schedule
from control.policy_file import check_policy, read_policy
from control.policy_schema import SCHEMA_FILE, resolved, schema

ROOT = Path(__file__).parents[3]
SHARED = ROOT.parent / "shared"

MINIMAL = """\
name: m
data:
  path: azureml://datastores/landing/paths/m/
  complete_when: {marker: _SUCCESS}
trigger: []
retrain: {job: pipelines/train.yml}
gates:
  champion: {metric: roc_auc, non_inferior_by: 0.01}
release:
  endpoint: end-m
  deployment: pipelines/deployment.yml
"""


def changed(**sections: Any) -> str:
    """The minimal policy with other sections, as JSON, which is YAML."""
    data = yaml.safe_load(MINIMAL)
    for name, value in sections.items():
        if isinstance(value, dict) and isinstance(data.get(name), dict):
            data[name] = data[name] | value
        else:
            data[name] = value
    return json.dumps(data, indent=1)


def only_problem(text: str) -> tuple[str, str]:
    problems = check_policy(text, "p")
    assert len(problems) == 1, [str(problem) for problem in problems]
    return problems[0].path, problems[0].message


def test_minimal_policy_is_read() -> None:
    policy = read_policy(MINIMAL, "policies/m.yaml")
    assert (policy.name, policy.source) == ("m", "policies/m.yaml")
    assert (policy.data.datastore, policy.data.prefix) == ("landing", "m/")
    assert policy.data.complete_when.marker == "_SUCCESS"
    assert policy.retrain_on == frozenset()
    assert policy.inputs is None
    assert policy.approval.required, "without a word, a person approves"
    assert policy.release.steps == (5, 25, 50, 100)
    assert policy.release.abort_if == ABORT_IF, "without a word, errors and latency are compared"
    assert (policy.release.false_rollbacks, policy.release.min_requests) == (0.05, 100)


def test_what_a_release_is_judged_by_is_read() -> None:
    given_ = {"abort_if": {"error_rate": "> 1%"}, "false_rollbacks": 0.01, "min_requests": 500}
    release = read_policy(changed(release=given_), "p").release
    assert release.abort_if == {"error_rate": "> 1%"}
    assert (release.false_rollbacks, release.min_requests) == (0.01, 500)
    assert read_policy(changed(release={"abort_if": {}}), "p").release.abort_if == {}


def test_demonstration_policy_means_what_it_says() -> None:
    text = (ROOT / "policies/flight-delay.yaml").read_text(encoding="utf-8")
    policy = read_policy(text, "policies/flight-delay.yaml")
    assert policy.retrain_on == {"drift"}
    assert policy.quality is not None
    assert policy.inputs is not None
    assert set(policy.inputs.features) == set(policy.quality.columns) - {"time_hour", "late"}
    assert policy.inputs.lookback == timedelta(days=7)
    assert policy.inputs.alpha == 0.01
    assert (policy.retrain.data.train, policy.retrain.data.evaluate, policy.retrain.data.fresh) == (2, 1, 2)
    assert policy.gates.champion is not None
    assert policy.gates.champion.non_inferior_by == 0.005
    assert [part.by for part in policy.gates.slices] == ["carrier", "origin"]
    assert not policy.approval.required
    assert policy.release.keep_previous == timedelta(days=3)
    assert AlertRule(rule="flight-delay-late-rate", do="retrain") in policy.alerts


@pytest.mark.skipif(
    not (SHARED / "DESIGN.md").exists(), reason="the design page is not beside the repository"
)
def test_policy_of_the_design_page_is_right() -> None:
    page = (SHARED / "DESIGN.md").read_text(encoding="utf-8")
    text = page.split("## 8. Policy", 1)[1].split("```yaml\n", 1)[1].split("```", 1)[0]
    policy = read_policy(text, "design")
    assert policy.retrain_on == {"data_arrived", "drift", "feedback"}
    assert policy.schedules == (Schedule(expression="15 3 * * *", time_zone="UTC"),)
    assert policy.workspace == "prod"
    assert policy.predictions == DriftSignal()
    assert policy.labels is not None
    assert policy.labels.metric_thresholds == {"recall": 0.8}
    assert (policy.retrain.budget.per_run, policy.retrain.budget.currency) == (12, "EUR")
    assert policy.gates.golden_suite == "azureml:flight-golden:1"
    assert policy.gates.golden_tolerance == 1e-6
    assert (policy.release.mirror_percent, policy.release.mirror_for) == (20, timedelta(hours=2))
    assert policy.release.abort_if["latency_p95"] == "> 1.2x champion"
    assert policy.notify[0].on == {"approval", "rollback", "blocked", "budget"}
    assert policy.privacy is not None
    assert policy.privacy.retention == timedelta(days=400)


def test_digest_is_of_the_meaning_not_of_the_layout() -> None:
    first = read_policy(MINIMAL, "a")
    canonical = json.dumps(yaml.safe_load(MINIMAL), sort_keys=True, separators=(",", ":"))
    assert first.digest == hashlib.sha256(canonical.encode()).hexdigest()
    assert read_policy("# a comment\n" + changed(), "b").digest == first.digest
    assert read_policy(changed(monitors=["x"]), "c").digest != first.digest


@pytest.mark.parametrize(
    ("text", "path", "said"),
    [
        (changed(alert=[]), "alert", "did you mean alerts?"),
        (changed(retrain={"endpoint": "x"}), "retrain.endpoint", "it belongs to release"),
        (changed(zzz=1), "zzz", "write one of name, workspace, data"),
        (changed(name="../m"), "name", "write 1 to 63 letters, digits or -"),
        (changed(name="-m"), "name", "not - first"),
        (changed(name="m" * 64), "name", "write 1 to 63"),
        (changed(name="m\n"), "name", "write 1 to 63"),
        (changed(name=7), "name", "7 is read as a number; write text, in quotes, for instance flight-delay"),
        (changed(name=None), "name", "is empty; write text"),
        (changed(trigger="drift"), "trigger", "write a list"),
        (changed(trigger=[{"type": "evnt"}]), "trigger[0].type", "write {type: event, on: [...]}"),
        (changed(trigger=[{"on": ["drift"]}]), "trigger[0]", "write {type: event, on: [...]}"),
        (changed(trigger=[{"type": "event", "on": ["drifts"]}]), "trigger[0].on[0]", "did you mean drift?"),
        (changed(trigger=[{"type": "event", "on": []}]), "trigger[0].on", "write at least one"),
        (changed(trigger=[{"type": "event"}]), "trigger[0].on", "is missing"),
        (
            changed(trigger=[{"type": "event", "on": ["drift", "drift"]}]),
            "trigger[0].on",
            "write each once",
        ),
        (
            changed(trigger=[{"type": "cron", "expression": "15 25 * * *"}]),
            "trigger[0].expression",
            'for instance "15 3 * * *"',
        ),
        (
            changed(trigger=[{"type": "cron", "expression": "0 15 3 * * *"}]),
            "trigger[0].expression",
            "6 fields, not 5",
        ),
        (
            changed(trigger=[{"type": "cron", "expression": "0 0 31 2 *"}]),
            "trigger[0].expression",
            "no cron expression",
        ),
        (
            changed(trigger=[{"type": "cron", "expression": "0 0 * * *", "time_zone": "../etc/passwd"}]),
            "trigger[0].time_zone",
            "Europe/Berlin",
        ),
        (changed(retrain={"debounce": "30 minutes"}), "retrain.debounce", "for instance PT30M"),
        (changed(retrain={"debounce": "P"}), "retrain.debounce", "for instance PT30M"),
        (changed(retrain={"debounce": "P1DT"}), "retrain.debounce", "for instance PT30M"),
        (changed(retrain={"cooldown": "P1M"}), "retrain.cooldown", "months and years have no fixed length"),
        (changed(approval={"expires": "PT0S"}), "approval.expires", "greater than zero"),
        (changed(retrain={"max_attempts": 0}), "retrain.max_attempts", "a whole number, at least 1"),
        (changed(retrain={"max_attempts": 1.5}), "retrain.max_attempts", "write a whole number"),
        (changed(retrain={"max_attempts": True}), "retrain.max_attempts", "write a whole number"),
        (changed(retrain={"job": "../train.yml"}), "retrain.job", "without .."),
        (changed(retrain={"job": "a/../../train.yml"}), "retrain.job", "without .."),
        (changed(retrain={"job": "/train.yml"}), "retrain.job", "relative"),
        (changed(retrain={"job": "train.py"}), "retrain.job", "ends with .yml"),
        (
            changed(retrain={"data": {"train": 1, "fresh": 2}}),
            "retrain.data.fresh",
            "write at most 1",
        ),
        (
            changed(retrain={"budget": {"per_run": 20, "per_month": 10}}),
            "retrain.budget.per_run",
            "no run would ever start",
        ),
        (changed(registry={"name": "r1"}), "registry", "write one of share: true"),
        (
            changed(registry={"name": "r1", "share": True, "from": True}),
            "registry",
            "write one of share: true",
        ),
        (changed(registry={"name": "r1", "share": False}), "registry.share", "write true"),
        (changed(registry={"name": "r/1", "share": True}), "registry.name", "name of an Azure ML registry"),
        (changed(registry={"name": "r1", "from": True}), "registry.from", "write gates.job"),
        (changed(data={"path": "azureml://datastores/landing/paths/m"}), "data.path", "with / at its end"),
        (changed(data={"path": "azureml://datastores/l/paths/../"}), "data.path", "write a folder"),
        (changed(data={"path": "azureml://datastores/l/paths/a/./b/"}), "data.path", "write a folder"),
        (changed(data={"path": "azureml://datastores/l/paths//"}), "data.path", "write a folder"),
        (changed(data={"path": "https://x.blob.core.windows.net/c/"}), "data.path", "write a folder"),
        (
            changed(data={"complete_when": {"marker": "a", "each_file": True}}),
            "data.complete_when",
            "exactly one of",
        ),
        (changed(data={"complete_when": {}}), "data.complete_when", "exactly one of"),
        (
            changed(data={"complete_when": {"each_file": False}}),
            "data.complete_when.each_file",
            "write true",
        ),
        (changed(data={"complete_when": {"marker": "a/b"}}), "data.complete_when.marker", "without a folder"),
        (changed(gates={"champion": {"metric": "roc_auc"}}), "gates.champion.non_inferior_by", "is missing"),
        (
            changed(gates={"thresholds": [{"metric": "roc_auc"}]}),
            "gates.thresholds[0]",
            "write at_least, at_most or both",
        ),
        (
            changed(gates={"thresholds": [{"metric": "roc_auc", "at_least": 0.9, "at_most": 0.1}]}),
            "gates.thresholds[0].at_least",
            "swap the two",
        ),
        (changed(release={"steps": [5, 5, 100]}), "release.steps[1]", "steps rise"),
        (changed(release={"steps": [5, 50]}), "release.steps[1]", "must be 100"),
        (changed(release={"steps": [5, 250, 100]}), "release.steps[1]", "at least 1 and at most 100"),
        (changed(release={"bake": "P1D"}), "release.bake", "longer deadline"),
        (changed(release={"endpoint": "x"}), "release.endpoint", "3 to 32"),
        (
            changed(release={"abort_if": {"errors": "> 1%"}}),
            "release.abort_if.errors",
            "did you mean error_rate?",
        ),
        (changed(release={"abort_if": {"error_rate": "often"}}), "release.abort_if.error_rate", '"> 1%"'),
        (changed(release={"abort_if": {"error_rate": "> 0.01"}}), "release.abort_if.error_rate", '"> 1%"'),
        (
            changed(release={"abort_if": {"error_rate": "> 250%"}}),
            "release.abort_if.error_rate",
            "less than 100",
        ),
        (
            changed(release={"abort_if": {"latency_p95": "> 9%"}}),
            "release.abort_if.latency_p95",
            '"> 250 ms"',
        ),
        (
            changed(release={"abort_if": {"latency_p95": "> 0.9x champion"}}),
            "release.abort_if.latency_p95",
            "write 1x or more",
        ),
        (
            changed(release={"abort_if": {"prediction_drift": "> 2x champion"}}),
            "release.abort_if.prediction_drift",
            '"> 0.1"',
        ),
        (changed(release={"false_rollbacks": 0}), "release.false_rollbacks", "more than 0 and at most 0.5"),
        (changed(release={"min_requests": 0}), "release.min_requests", "a whole number, at least 1"),
        (
            changed(monitoring_signals={"quality": {"type": "data_quality", "columns": {"a": "int"}}}),
            "monitoring_signals.quality.columns.a",
            "did you mean integer?",
        ),
        (
            changed(monitoring_signals={"inputs": {"type": "drift"}}),
            "monitoring_signals.inputs.type",
            "write data_drift",
        ),
        (changed(alerts=[{"rule": "a", "do": "retran"}]), "alerts[0].do", "did you mean retrain?"),
        (changed(notify=[{"to": "ops", "on": ["rollback"]}]), "notify[0].to", "teams:<name>"),
        (MINIMAL + "gates: {}\n", "gates", "is written twice (first in line 7)"),
        (MINIMAL + "monitors: [&a x, *a]\n", "", "write the value out"),
        (MINIMAL + "monitors: [!!python/name:os.system x]\n", "monitors[0]", "tags are not read"),
        (MINIMAL + "monitors: [", "", "is not YAML"),
        (MINIMAL + "---\nname: b\n", "", "is not YAML"),
        ("name: \x07", "", "is not YAML: the character"),
        ("", "", "is empty"),
        ("~", "", "is empty"),
        ("- 1\n", "", "write keys with values"),
        ("[" * 100_000, "", "nested more than"),
        ("a" * 300_000, "", "300000 characters"),
        (MINIMAL.replace("0.01", "1e999"), "gates.champion.non_inferior_by", "out of range"),
        (MINIMAL.replace("0.01", "9" * 5000), "gates.champion.non_inferior_by", "out of range"),
        (MINIMAL.replace("0.01", ".nan"), "gates.champion.non_inferior_by", "write a number"),
    ],
)
def test_wrong_policy_is_told_what_to_write(text: str, path: str, said: str) -> None:
    where, message = only_problem(text)
    assert where == path
    assert said in message


def test_no_gate_at_all_is_refused() -> None:
    data = yaml.safe_load(MINIMAL) | {"gates": {}}
    path, message = only_problem(json.dumps(data))
    assert path == "gates"
    assert "every candidate would pass" in message


def test_every_problem_at_once_with_its_place() -> None:
    text = """\
name: flight delay
data:
  path: azureml://datastores/landing/paths/m/
  complete_when: {marker: _SUCCESS}
trigger:
  - {type: event, on: [drift]}
retrain:
  job: pipelines/train.yml
  debounce: 30 min
gates:
  champion: {metric: roc_auc, non_inferior_by: 0.01}
release:
  endpont: end-m
  deployment: pipelines/deployment.yml
  steps: [5, 4, 100]
"""
    places = [(problem.line, problem.column, problem.path) for problem in check_policy(text, "p")]
    assert places == [
        (1, 7, "name"),
        (9, 13, "retrain.debounce"),
        (12, 1, "release.endpoint"),
        (13, 3, "release.endpont"),
        (15, 14, "release.steps[1]"),
    ]
    with pytest.raises(PolicyError) as wrong:
        read_policy(text, "policies/p.yaml")
    lines = str(wrong.value).splitlines()
    assert len(lines) == 5
    assert lines[1].startswith("policies/p.yaml:9:13: retrain.debounce: '30 min' will not do; write ")


def test_words_of_yaml_1_2_are_text() -> None:
    """`on` is a key, `yes` is text, `1e-2` is a number, a date is text: as the editor's schema sees them."""
    text = MINIMAL.replace("0.01", "1e-2").replace("trigger: []", "trigger: [{type: event, on: [drift]}]")
    policy = read_policy(text + "monitors: [yes, 2024-01-01]\n", "p")
    assert policy.monitors == ("yes", "2024-01-01")
    assert policy.gates.champion is not None
    assert policy.gates.champion.non_inferior_by == 0.01
    assert policy.retrain_on == {"drift"}


def test_a_registry_is_shared_with_or_taken_from() -> None:
    shares = read_policy(changed(registry={"name": "mlr", "share": True}), "m.yaml").registry
    assert shares == Registry(name="mlr", model="m", share=True)
    gates = {"job": "pipelines/evaluate.yml"}
    text = changed(registry={"name": "mlr", "model": "rain", "from": True}, gates=gates)
    assert read_policy(text, "m.yaml").registry == Registry(name="mlr", model="rain", share=False)
    assert read_policy(MINIMAL, "m.yaml").registry is None


def test_a_rule_is_silent_about_a_value_that_is_wrong_already() -> None:
    text = changed(
        retrain={"data": {"train": "two", "fresh": 3}}, release={"bake": "soon", "deadline": "PT1M"}
    )
    assert [problem.path for problem in check_policy(text, "p")] == ["retrain.data.train", "release.bake"]


def _described(part: dict[str, Any], path: str) -> list[str]:
    """Keys without a description, below this part of the schema."""
    part = resolved(part)
    found = [] if part.get("description") else [path]
    for key, inner in part.get("properties", {}).items():
        found += _described(inner, f"{path}.{key}")
    for inner in [*part.get("oneOf", ()), part.get("items"), part.get("additionalProperties")]:
        if isinstance(inner, dict) and "oneOf" not in inner:
            found += _described(inner, f"{path}[]")
    return found


def test_schema_is_valid_closed_and_describes_every_key() -> None:
    Draft202012Validator.check_schema(schema())
    assert _described(schema(), "policy") == []

    def closed(part: Any) -> None:
        if isinstance(part, dict):
            if "properties" in part:
                assert part["additionalProperties"] is False, part
            for inner in part.values():
                closed(inner)
        elif isinstance(part, list):
            for inner in part:
                closed(inner)

    closed(schema())


def test_schema_is_published_as_it_is() -> None:
    assert (ROOT / "docs/policy.schema.json").read_bytes() == SCHEMA_FILE.read_bytes()


def test_examples_and_defaults_of_the_schema_are_right_by_itself() -> None:
    definitions = schema()["$defs"]

    def visit(part: Any) -> None:
        if isinstance(part, dict):
            for example in [*part.get("examples", ()), *([part["default"]] if "default" in part else [])]:
                Draft202012Validator(part | {"$defs": definitions}).validate(example)
            for key, inner in part.items():
                if key not in {"examples", "default"}:
                    visit(inner)
        elif isinstance(part, list):
            for inner in part:
                visit(inner)

    visit(schema())


def _with_defaults(data: Any, part: dict[str, Any]) -> Any:
    part = resolved(part)
    if isinstance(data, list):
        return [_with_defaults(item, part.get("items", {})) for item in data]
    if not isinstance(data, dict):
        return data
    if "oneOf" in part:
        part = next(
            branch
            for branch in map(resolved, part["oneOf"])
            if branch["properties"]["type"]["const"] == data["type"]
        )
    filled = {
        key: resolved(inner)["default"]
        for key, inner in part.get("properties", {}).items()
        if "default" in resolved(inner)
    }
    return filled | {
        key: _with_defaults(value, part.get("properties", {}).get(key, {})) for key, value in data.items()
    }


def test_defaults_of_the_schema_are_those_of_the_types() -> None:
    """Writing every default out changes nothing but the digest."""
    data = yaml.safe_load(MINIMAL)
    data["trigger"] = [{"type": "cron", "expression": "0 0 * * *"}]
    data["monitoring_signals"] = {
        "inputs": {"type": "data_drift", "production_data": {"data_window": {}}},
        "predictions": {"type": "prediction_drift"},
        "quality": {"type": "data_quality"},
        "labels": {"type": "model_performance"},
    }
    data["retrain"] |= {"data": {}, "budget": {}}
    data["gates"] |= {"golden": {}, "slices": [{"by": "a", "metric": "roc_auc", "max_drop": 0.1}]}
    data |= {"approval": {}, "privacy": {}}
    short = read_policy(json.dumps(data), "p")
    filled = _with_defaults(copy.deepcopy(data), schema())
    assert filled["retrain"]["backoff"] == "PT10M", "the defaults really were written out"
    assert filled["monitoring_signals"]["inputs"]["production_data"]["data_window"] != {}
    long = read_policy(json.dumps(filled), "p")
    assert replace(long, digest="") == replace(short, digest="")
    assert long.digest != short.digest


LEAF = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_value_anywhere_gives_a_policy_or_problems(data: st.DataObject) -> None:
    """Whatever stands at any place: no other exception, and `read` agrees with `check`."""
    text = (ROOT / "policies/flight-delay.yaml").read_text(encoding="utf-8")
    tree: Any = yaml.load(text, Loader=yaml.BaseLoader)
    node = tree
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(node[key], dict | list) or not node[key] or data.draw(st.booleans()):
            node[key] = data.draw(st.recursive(LEAF, lambda inner: st.lists(inner, max_size=2), max_leaves=3))
            break
        node = node[key]
    text = json.dumps(tree)
    problems = check_policy(text, "p")
    assert all(problem.message and problem.line >= 1 for problem in problems)
    if problems:
        with pytest.raises(PolicyError):
            read_policy(text, "p")
    else:
        assert read_policy(text, "p").source == "p"


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="ab: -[]{}&*!|>'\"#%@,?\n\t\x00\ufffe1", max_size=40))
def test_any_text_gives_problems(text: str) -> None:
    assert check_policy(text, "p")


def test_approvers_and_authors() -> None:
    text = (
        (ROOT / "policies" / "flight-delay.yaml")
        .read_text()
        .replace(
            "approval: {required: false}",
            "approval: {approvers: ['group:ml-owners', 'user:jane@contoso.com'], not_author: true, expires: PT1H}",
        )
    )
    approval = read_policy(text, "flight-delay.yaml").approval
    assert approval.required
    assert approval.approvers == ("group:ml-owners", "user:jane@contoso.com")
    assert approval.not_author
    assert approval.expires == timedelta(hours=1)
