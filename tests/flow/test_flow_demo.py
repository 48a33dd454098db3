"""The demonstration itself, as a user runs it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from flow_loop import ROOT

KINDS = {"event", "evidence", "decision", "effect", "serving"}


def play(folder: Path, *arguments: str, before: tuple[str, ...] = ()) -> list[dict[str, object]]:
    """Play it, and read the records it wrote."""
    told = folder / "records.json"
    command = [
        *before,
        sys.executable,
        "-m",
        "cli.main",
        "demo",
        "--json",
        str(told),
        "--state",
        str(folder / "demo"),
    ]
    done = subprocess.run(
        [*command, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=420, check=False
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "What happened, and why" in done.stdout
    page = (folder / "demo" / "report.html").read_text("utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert "carry no hashes" not in page
    records = json.loads(told.read_text("utf-8"))
    for record in records:
        assert set(record) == {"at", "kind", "model", "name", "detail"}
        assert record["kind"] in KINDS
    assert {record["kind"] for record in records} == KINDS
    return records  # type: ignore[no-any-return]


def names(records: list[dict[str, object]]) -> list[object]:
    return [record["name"] for record in records]


def test_seven_months_bring_a_first_and_a_better_model(tmp_path: Path) -> None:
    records = play(tmp_path, "--months", "7")
    assert names(records).count("promoted") == 2
    drifted = [r for r in records if r["name"] == "batch" and r["detail"]["drift"] == "fail"]  # type: ignore[index]
    assert drifted
    served = [r["detail"] for r in records if r["kind"] == "serving"]
    assert sum(detail["failed"] for detail in served) == 0  # type: ignore[index]
    assert sum(detail["answered"] for detail in served) > 50  # type: ignore[index]


@pytest.mark.long
@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare to take the network away")
def test_the_whole_year_needs_no_network(tmp_path: Path) -> None:
    """Also that a worse candidate is refused: about three minutes."""
    without_network = ("unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh")
    records = play(tmp_path, before=without_network)
    assert names(records).count("promoted") >= 2
    assert "candidate refused" in names(records)
