"""A command, run as a process of its own: wall and processor time, and its greatest memory."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass

import psutil

LOOK_EVERY = 0.01


@dataclass(frozen=True)
class Run:
    """Seconds, and mebibytes of the process and its children together. `failed` says why, if it did."""

    wall: float
    processor: float
    memory: float
    failed: str = ""


def run(command: list[str], limit: float) -> Run:
    """Run it to its end, at most `limit` seconds."""
    before = os.times()
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        greatest = 0
        while process.poll() is None:
            greatest = max(greatest, _memory(process.pid))
            if time.perf_counter() - started > limit:
                process.kill()
                return Run(limit, 0, greatest / 2**20, f"longer than {limit:.0f} s")
            time.sleep(LOOK_EVERY)
        wall = time.perf_counter() - started
        said = process.stderr.read().decode(errors="replace").strip() if process.stderr else ""
    after = os.times()
    spent = (after.children_user - before.children_user) + (after.children_system - before.children_system)
    failed = "" if process.returncode in (0, 1, 2) and "Traceback" not in said else said[-200:]
    return Run(wall, spent, greatest / 2**20, failed)


def _memory(pid: int) -> int:
    try:
        process = psutil.Process(pid)
        return sum(one.memory_info().rss for one in [process, *process.children(recursive=True)])
    except psutil.Error:
        return 0
