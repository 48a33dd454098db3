"""azd's hooks for sh, run with a program `az` that writes down what it was asked."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from infra.checks.everything import ROOT
from infra.checks.syntax import read

pytestmark = pytest.mark.skipif(shutil.which("sh") is None, reason="there is no sh")
ENVIRONMENT = {
    "AZURE_ENV_NAME": "ml-dev", "AZURE_RESOURCE_GROUP": "rg-ml-dev", "HOMEOSTAT_FUNCTION_APP": "func-x",
    "HOMEOSTAT_APP_URL": "https://func-x.azurewebsites.net", "HOMEOSTAT_APP_STORAGE": "stappx",
    "HOMEOSTAT_STORAGE_TOPIC": "egst-x-storage", "HOMEOSTAT_WORKSPACE_TOPIC": "egst-x-azureml",
    "HOMEOSTAT_TOPIC": "evgt-x", "HOMEOSTAT_WORKSPACE": "mlw-x", "HOMEOSTAT_LOGS": "log-x", "HOMEOSTAT_VAULT": "kv-x",
}  # fmt: skip
AZ = """#!/bin/sh
echo "$@" >>"$ASKED/log"
case "$*" in
  *"keys list"*) echo "the/key==" ;;
  *"secret list"*) cat "$ASKED/secrets" ;;
  *"secret set"*|*"group create"*)
    for one; do case "$before$one" in --file*|--parameters*) cp "${one#@}" "$ASKED/file"; ls -l "${one#@}" | cut -c1-10 >"$ASKED/mode"; echo "${one#@}" >"$ASKED/path" ;; esac; before=$one; done
    echo 1 >"$ASKED/secrets" ;;
esac
"""


def hook(tmp_path: Path, name: str, **more: str) -> subprocess.CompletedProcess[str]:
    program = tmp_path / "bin" / "az"
    program.parent.mkdir(exist_ok=True)
    program.write_text(AZ)
    program.chmod(0o755)
    where = {"PATH": f"{program.parent}:{os.environ['PATH']}", "ASKED": str(tmp_path)}
    return subprocess.run(
        ["sh", str(ROOT / "infra" / "hooks" / f"{name}.sh")],
        cwd=ROOT, env={**where, **ENVIRONMENT, **more}, capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip


def test_after_the_deployment_every_parameter_is_given_and_the_key_stays_out_of_sight(tmp_path: Path) -> None:
    done = hook(tmp_path, "postdeploy")
    assert done.returncode == 0, done.stderr
    given = json.loads((tmp_path / "file").read_text())["parameters"]
    known = {
        name
        for name, one in read(ROOT / "infra" / "after-deploy.bicep").declarations.items()
        if one.kind == "param"
    }
    assert set(given) <= known
    assert given["alertUrl"]["value"] == "https://func-x.azurewebsites.net/api/alert?code=the/key=="
    assert given["workspaceTopicName"]["value"] == "egst-x-azureml"
    assert given["alertEmail"]["value"] == ""
    assert "the/key" not in (tmp_path / "log").read_text() + done.stdout + done.stderr
    assert (tmp_path / "mode").read_text().strip() == "-rw-------"
    assert not Path((tmp_path / "path").read_text().strip()).exists()


def test_the_approval_key_is_made_once(tmp_path: Path) -> None:
    (tmp_path / "secrets").write_text("0\n")
    first = hook(tmp_path, "postprovision")
    assert first.returncode == 0, first.stderr
    key = (tmp_path / "file").read_text()
    assert re.fullmatch(r"[A-Za-z0-9+/=]{64}", key)
    assert key not in (tmp_path / "log").read_text() + first.stdout
    assert hook(tmp_path, "postprovision").stdout == ""
    assert (tmp_path / "log").read_text().count("secret set") == 1


def test_outside_azd_a_hook_says_so(tmp_path: Path) -> None:
    done = hook(tmp_path, "postdeploy", AZURE_RESOURCE_GROUP="")
    assert done.returncode != 0
    assert "run this through azd" in done.stderr
