"""`homeostat policy check`, and the page that explains the keys."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.policy import app
from cli.policy_reference import BEGIN, END, reference
from control.policy_schema import key_paths

ROOT = Path(__file__).parents[3]
RIGHT = str(ROOT / "policies/flight-delay.yaml")


@pytest.fixture
def wrong(tmp_path: Path) -> str:
    text = Path(RIGHT).read_text(encoding="utf-8").replace("debounce: PT30M", "debounce: 30 minutes")
    file = tmp_path / "flight-delay.yaml"
    file.write_text(text, encoding="utf-8")
    return str(file)


def test_right_file() -> None:
    result = CliRunner().invoke(app, ["check", RIGHT])
    assert result.exit_code == 0
    assert "right" in result.output


def test_wrong_file_shows_the_line_and_a_mark_below_the_value(wrong: str) -> None:
    result = CliRunner().invoke(app, ["check", RIGHT, wrong])
    assert result.exit_code == 1
    shown = result.output.splitlines()
    at = next(i for i, line in enumerate(shown) if line.endswith("debounce: 30 minutes"))
    assert f"{wrong}:" in shown[at - 1]
    assert "retrain.debounce" in shown[at - 1]
    assert "for instance PT30M" in shown[at - 1]
    assert shown[at].index("30 minutes") == shown[at + 1].index("^")
    assert "1 problem" in shown[at + 2]


def test_file_that_is_not_called_like_its_model(tmp_path: Path) -> None:
    """Timers would never find it."""
    for name in ("flights.yaml", "flight-delay.yml"):
        file = tmp_path / name
        file.write_text(Path(RIGHT).read_text(encoding="utf-8"), encoding="utf-8")
        result = CliRunner().invoke(app, ["check", str(file)])
        assert result.exit_code == 1
        assert f"{file}:3:7: name: " in result.output
        assert "call the file flight-delay.yaml" in result.output


def test_a_workspace_that_the_app_does_not_know(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the app's settings are in the environment; without them every name passes."""
    file = tmp_path / "flight-delay.yaml"
    file.write_text(Path(RIGHT).read_text(encoding="utf-8") + "workspace: prod\n", encoding="utf-8")
    monkeypatch.delenv("HOMEOSTAT_WORKSPACE", raising=False)
    assert CliRunner().invoke(app, ["check", str(file)]).exit_code == 0
    monkeypatch.setenv("HOMEOSTAT_WORKSPACE", "mlw-dev")
    refused = CliRunner().invoke(app, ["check", str(file)])
    assert refused.exit_code == 1
    assert "'prod' is no workspace that the app knows; write one of mlw-dev, or add it" in refused.output
    monkeypatch.setenv("HOMEOSTAT_WORKSPACES", "prod=s/g/w")
    assert CliRunner().invoke(app, ["check", str(file)]).exit_code == 0
    monkeypatch.setenv("HOMEOSTAT_WORKSPACES", "prod")
    unusable = CliRunner().invoke(app, ["check", str(file)])
    assert unusable.exit_code == 2
    assert "HOMEOSTAT_WORKSPACES" in unusable.output


def test_file_that_cannot_be_read_wins(wrong: str, tmp_path: Path) -> None:
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    for unreadable in (str(tmp_path / "absent.yaml"), str(tmp_path), str(binary)):
        result = CliRunner().invoke(app, ["check", unreadable, wrong])
        assert result.exit_code == 3
        assert "cannot be read" in result.output
        assert "retrain.debounce" in result.output, "the other file is checked all the same"


def test_page_holds_the_reference_as_the_schema_has_it() -> None:
    page = (ROOT / "docs/policy.md").read_text(encoding="utf-8")
    written = page.split(BEGIN, 1)[1].split(END, 1)[0].strip()
    assert written == reference().strip(), (
        "put the output of `homeostat policy reference` into docs/policy.md"
    )
    assert CliRunner().invoke(app, ["reference"]).output == reference()


def test_page_explains_every_key() -> None:
    page = (ROOT / "docs/policy.md").read_text(encoding="utf-8")
    assert len(key_paths()) > 80
    missing = [path for path in key_paths() if f"| `{path[-1]}` |" not in page]
    assert missing == []
