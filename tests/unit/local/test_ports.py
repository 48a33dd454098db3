"""A state folder gets its ports again."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from local.ports import RANGE, remembered

if TYPE_CHECKING:
    from pathlib import Path


def test_the_same_ports_again(tmp_path: Path) -> None:
    path = tmp_path / "state" / "ports.json"
    first = remembered(path, ["a", "b", "c"])
    assert len(set(first.values())) == 3
    assert all(RANGE[0] <= port <= RANGE[1] for port in first.values())
    assert remembered(path, ["a", "b", "c"]) == first


def test_another_where_one_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "ports.json"
    first = remembered(path, ["a", "b"])
    with socket.create_server(("127.0.0.1", first["a"])):
        second = remembered(path, ["a", "b"])
    assert second["a"] != first["a"]
    assert second["b"] == first["b"]


def test_a_broken_file_is_no_reason_to_stop(tmp_path: Path) -> None:
    path = tmp_path / "ports.json"
    path.write_text("{")
    assert set(remembered(path, ["a"])) == {"a"}
