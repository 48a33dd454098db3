"""The machine's own Node where it is new enough, else the wheel's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from local import node

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    """Look anew in each test."""
    node.own.cache_clear()
    yield
    node.own.cache_clear()


def pretend(folder: Path, monkeypatch: pytest.MonkeyPatch, says: str) -> Path:
    """A `node` and an `npm` first on the path; `node --version` says that."""
    for program in ("node", "npm"):
        (folder / program).write_text(f"#!/bin/sh\n{says}\n")
        (folder / program).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    return folder


@pytest.mark.parametrize("version", ["v18.0.0", "v22.11.0", "v100.1.2"])
def test_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    folder = pretend(tmp_path, monkeypatch, f"echo {version}")
    assert node.node() == str(folder / "node")
    assert node.command("npm") == [str(folder / "npm")]


@pytest.mark.parametrize("says", ["echo v16.20.0", "echo nonsense", "exit 1"])
def test_the_wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str) -> None:
    pretend(tmp_path, monkeypatch, says)
    monkeypatch.setattr(node, "wheel_bin", lambda: tmp_path / "wheel" / "bin")
    assert node.node() == str(tmp_path / "wheel" / "bin" / "node")
    assert node.command("npm")[0] == node.node()
