"""Live tests: there is one for each client, and without a subscription they are skipped with a reason."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from live_azure import LOGS, NAMES, PURVIEW, live_logs, live_purview, live_settings

from cloud.settings import SettingsError

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "live-tests.md").read_text("utf-8")
ROWS = re.findall(r"^\| `(\w+Client)` \| (.+?) \| (.+?) \|$", PAGE, re.MULTILINE)
IN_AZURE = {name: "https://x.example/" if "Uri" in name or "ENDPOINT" in name else "x" for name in NAMES}


def test_every_client_that_the_app_makes_is_in_the_table() -> None:
    made = set()
    for file in (ROOT / "cloud").rglob("*.py"):
        for name in re.findall(r"\b([A-Z]\w+Client)(?:\.from_connection_string)?\(", file.read_text("utf-8")):
            made.add((name, file.relative_to(ROOT).as_posix()))
    written = {
        (client, file) for client, files, _ in ROWS for file in re.findall(r"`(cloud/\w+\.py)`", files)
    }
    excused = {
        (name, file)
        for name, file in made
        if re.search(rf"^`{name}` \(`{file}`.*has no live test", PAGE, re.MULTILINE)
    }
    assert made - excused == written


def test_every_client_has_tests_that_run_live_and_are_skipped_with_a_reason() -> None:
    """As a user without a subscription sees it: nothing fails, and each skip names the variables."""
    files = sorted({name for _, _, tests in ROWS for name in re.findall(r"`(test_\w+\.py)`", tests)})
    paths = [next((ROOT / "tests" / "contract").rglob(name)) for name in files]
    environment = {
        name: value for name, value in os.environ.items() if not name.lower().startswith("homeostat")
    }
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-m", "live", "-v", "-rs", "-p", "no:randomly", *map(str, paths)],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
    for file in files:
        assert re.search(rf"{file}::\S+ SKIPPED", done.stdout), f"{file} has no live test"
    assert " passed" not in done.stdout
    assert "set HOMEOSTAT_SUBSCRIPTION_ID, " in done.stdout


@pytest.mark.parametrize("name", [*NAMES, LOGS, PURVIEW])
def test_every_variable_is_on_the_page(name: str) -> None:
    assert f"`{name}`" in PAGE


def test_a_subscription_that_is_given_in_part_fails() -> None:
    assert live_settings(IN_AZURE).workspace == "x"
    for name in NAMES:
        with pytest.raises(SettingsError, match=name.split("__")[0]):
            live_settings({**IN_AZURE, name: ""})
    with pytest.raises(pytest.skip.Exception, match="no subscription"):
        live_settings({})
    with pytest.raises(pytest.skip.Exception, match="local Azure"):
        live_settings({**IN_AZURE, "HOMEOSTAT_AZUREML_URL": "http://127.0.0.1:1"})
    with pytest.raises(pytest.skip.Exception, match=LOGS):
        live_logs({})
    with pytest.raises(pytest.skip.Exception, match=PURVIEW):
        live_purview(live_settings(IN_AZURE))
