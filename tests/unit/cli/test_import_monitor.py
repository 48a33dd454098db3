"""`homeostat drift import-monitor`: an Azure ML monitor becomes a policy."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from cli.drift import app
from control.policy_file import read_policy

if TYPE_CHECKING:
    from pathlib import Path

MONITOR = """\
$schema: http://azureml/sdk-2-0/Schedule.json
name: credit-monitor
trigger: {type: recurrence, frequency: day, interval: 1}
create_monitor:
  compute: {instance_type: standard_e4s_v3, runtime_version: "3.4"}
  monitoring_target:
    ml_task: classification
    endpoint_deployment_id: azureml:credit-default:main
  monitoring_signals:
    drift:
      type: data_drift
      production_data: {data_window: {lookback_window_size: P3D}}
      features: [age, limit]
      metric_thresholds:
        numerical: {jensen_shannon_distance: 0.01}
        categorical: {pearsons_chi_squared_test: 0.02}
    quality:
      type: data_quality
      metric_thresholds:
        numerical: {null_value_rate: 0.05}
    attribution:
      type: feature_attribution_drift
"""


def run(tmp_path: Path, text: str, *arguments: str) -> tuple[int, str, str]:
    file = tmp_path / "monitor.yaml"
    file.write_text(text)
    result = CliRunner().invoke(app, ["import-monitor", str(file), *arguments])
    return result.exit_code, result.stdout, result.stderr


def test_a_monitor_becomes_a_policy(tmp_path: Path) -> None:
    code, out, err = run(tmp_path, MONITOR, "--data", "azureml://datastores/landing/paths/credit/")
    assert code == 0, err
    policy = read_policy(out, "credit-default.yaml")
    assert (policy.name, policy.release.endpoint) == ("credit-default", "credit-default")
    assert policy.monitors == ("credit-monitor",)
    assert policy.inputs is not None
    assert policy.inputs.features == ("age", "limit")
    assert policy.inputs.lookback.days == 3
    assert policy.inputs.metric_thresholds is not None
    assert policy.inputs.metric_thresholds.numerical == {"jensen_shannon_distance": 0.01}
    assert policy.quality is not None
    assert policy.quality.max_null_rate == 0.05
    assert "signal attribution (feature_attribution_drift) is left out" in err
    assert "# fill in" in out


def test_what_the_thresholds_amount_to(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    table = pa.table({"age": random.normal(size=2000), "limit": random.normal(size=2000)})
    pq.write_table(table, tmp_path / "reference.parquet")
    out = tmp_path / "policy.yaml"
    code, _, err = run(tmp_path, MONITOR, "-o", str(out), "--reference", str(tmp_path / "reference.parquet"))
    assert code == 0, err
    assert "# Without drift these alarm in 100% of checks of 2,000 rows (98% to 100%)." in out.read_text()


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("jensen_shannon_distance: 0.01", "psi: 0.01", r"monitor.yaml:15:26: .*psi: write one of jensen"),
        ("type: data_drift", "kind: data_drift", "a signal has a type"),
        ("create_monitor:", "create_job:", "it has no create_monitor"),
        ("name: credit-monitor", "name: [", "monitor.yaml:"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, before: str, after: str, said: str) -> None:
    code, out, err = run(tmp_path, MONITOR.replace(before, after))
    assert (code, out) == (3, "")
    assert re.search(said, err)


def test_a_monitor_with_nothing_but_a_target(tmp_path: Path) -> None:
    text = "name: m\ncreate_monitor:\n  compute: {instance_type: standard_e4s_v3}\n"
    code, out, err = run(tmp_path, text)
    assert code == 0, err
    assert read_policy(out, "policy.yaml").name == "my-model"
    assert "the monitor names no signals" in err
