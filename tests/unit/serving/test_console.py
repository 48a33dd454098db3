"""A growing log, line by line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local.serving.console import Console

if TYPE_CHECKING:
    from pathlib import Path


def test_whole_lines_come_once_and_the_rest_at_last(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    console = Console(path)
    assert console.new() == []
    with path.open("ab", buffering=0) as file:
        file.write(b"one\r\ntwo\nthr")
        assert console.new() == ["one", "two"]
        assert console.new() == []
        file.write(b"ee\n\n\xff\nend")
        assert console.new() == ["three", "�"]
        assert console.new(last=True) == ["end"]
        assert console.new(last=True) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(st.lists(st.binary(max_size=20), max_size=20))
def test_nothing_is_lost_however_it_is_written(tmp_path: Path, parts: list[bytes]) -> None:
    path = tmp_path / "server.log"
    path.write_bytes(b"")
    console = Console(path)
    found = []
    for part in parts:
        with path.open("ab") as file:
            file.write(part)
        found += console.new()
    found += console.new(last=True)
    whole = b"".join(parts).split(b"\n")
    assert found == [line.decode("utf-8", "replace").rstrip("\r") for line in whole if line.strip()]
