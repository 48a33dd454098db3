"""The policies' folder."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from cloud.policies import FolderPolicies
from control.errors import PolicyError

TEXT = """
name: {name}
data:
  path: azureml://datastores/landing/paths/flights/
  complete_when: {{marker: _SUCCESS}}
trigger:
  - {{type: event, on: [data_arrived]}}
retrain: {{job: pipelines/train.yml}}
gates: {{thresholds: [{{metric: roc_auc, at_least: 0.6}}]}}
release: {{endpoint: some-endpoint, deployment: pipelines/deployment.yml}}
"""


def write(folder: Path, file: str, text: str) -> Path:
    path = folder / file
    path.write_text(text)
    return path


def test_a_wrong_file_hurts_only_its_own_model(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path, "a.yaml", TEXT.format(name="a"))
    write(tmp_path, "broken.yaml", "name: broken\nsurprise: 1\n")
    write(tmp_path, "notes.txt", "not a policy")
    (tmp_path / "latin.yaml").write_bytes(b"name: \xff")
    policies = FolderPolicies(tmp_path)
    assert policies.names() == ["a", "broken", "latin"]
    with caplog.at_level(logging.ERROR):
        assert [policy.name for policy in policies.all()] == ["a"]
    assert "broken.yaml" in caplog.text
    with pytest.raises(PolicyError, match="surprise: is not a key"):
        policies.get("broken")
    with pytest.raises(PolicyError, match="UTF-8"):
        policies.get("latin")
    assert policies.get("unknown") is None


def test_a_file_is_read_again_only_when_it_changes(tmp_path: Path) -> None:
    path = write(tmp_path, "a.yaml", TEXT.format(name="a"))
    policies = FolderPolicies(tmp_path)
    first = policies.get("a")
    assert policies.get("a") is first
    path.write_text(TEXT.format(name="a").replace("flights", "trains"))
    os.utime(path, ns=(1, 1))
    second = policies.get("a")
    assert second is not None
    assert second.data.prefix == "trains/"
    path.unlink()
    assert policies.get("a") is None


def test_a_policy_in_a_file_of_another_name_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", TEXT.format(name="a"))
    write(tmp_path, "b.yaml", TEXT.format(name="a"))
    policies = FolderPolicies(tmp_path)
    with pytest.raises(PolicyError, match=r"rename it to a\.yaml"):
        policies.get("b")
    assert [policy.name for policy in policies.all()] == ["a"]


def test_a_policy_of_a_workspace_that_nobody_knows_is_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path, "a.yaml", TEXT.format(name="a") + "workspace: prod\n")
    write(tmp_path, "b.yaml", TEXT.format(name="b") + "workspace: prd\n")
    write(tmp_path, "c.yaml", TEXT.format(name="c"))
    policies = FolderPolicies(tmp_path, ("dev", "prod"))
    with caplog.at_level(logging.ERROR):
        assert [(policy.name, policy.workspace) for policy in policies.all()] == [("a", "prod"), ("c", None)]
    with pytest.raises(PolicyError) as caught:
        policies.get("b")
    assert str(caught.value).endswith(
        "/b.yaml:11:12: workspace: 'prd' is no workspace that the app knows; did you mean prod? or add it to "
        "HOMEOSTAT_WORKSPACES"
    )
    assert str(caught.value) in caplog.text


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="cannot be read"):
        FolderPolicies(tmp_path / "none").names()
