"""A leashed command ends with its owner, and takes what it started along."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from local import leash

ROOT = Path(__file__).resolve().parents[3]
FAMILY = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-I", "-S", "-c", "import time; time.sleep(60)"])
runaway = subprocess.Popen([sys.executable, "-I", "-S", "-c", "import time; time.sleep(60)"], start_new_session=True)
with open(sys.argv[1] + ".new", "w") as out:
    out.write(f"{os.getpid()} {child.pid} {runaway.pid}")
os.rename(sys.argv[1] + ".new", sys.argv[1])
time.sleep(60)
"""


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with contextlib.suppress(OSError):  # a zombie that nobody buries is dead all the same
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    return True


def wait_for(condition: object, seconds: float = 15) -> None:
    assert callable(condition)
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def test_exit_code_and_output(tmp_path: Path) -> None:
    async def run() -> int:
        process = await leash.start(
            [sys.executable, "-c", "import os; print(os.getpid(), os.getcwd()); raise SystemExit(7)"],
            cwd=tmp_path,
            stdout=tmp_path / "out",
        )
        code = await process.wait()
        assert (tmp_path / "out").read_text().split() == [str(process.pid), str(tmp_path)]
        return code

    assert asyncio.run(run()) == 7


def test_signal_becomes_128_plus_n() -> None:
    async def run() -> int:
        process = await leash.start(["sleep", "60"])
        os.kill(process.pid, signal.SIGKILL)
        return await process.wait()

    assert asyncio.run(run()) == 128 + signal.SIGKILL


def test_command_that_is_not_there() -> None:
    with pytest.raises(FileNotFoundError, match="no-such-command"):
        asyncio.run(leash.start(["no-such-command"]))


def test_stop_is_gentle_first() -> None:
    async def run() -> int:
        process = await leash.start(
            [
                sys.executable, "-c",
                ("import signal, sys, time\n"
                "signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))\n"
                "time.sleep(60)"),
            ]
        )  # fmt: skip
        await asyncio.sleep(0.5)
        await process.stop(grace=10)
        assert process.returncode is not None
        return process.returncode

    assert asyncio.run(run()) == 3


def test_stop_is_firm_after_the_grace(tmp_path: Path) -> None:
    async def run() -> None:
        process = await leash.start(
            ["sh", "-c", f"trap '' TERM; touch {tmp_path}/up; while :; do sleep 1; done"]
        )
        while not (tmp_path / "up").exists():
            await asyncio.sleep(0.02)
        begun = time.monotonic()
        await process.stop(grace=0.2)
        assert time.monotonic() - begun < 5
        assert process.returncode == 128 + signal.SIGKILL

    asyncio.run(run())


@pytest.mark.parametrize("milliseconds", [0, 1, 3, 6, 10, 15, 25])
def test_a_start_that_is_cancelled_leaves_nothing(milliseconds: int) -> None:
    async def run() -> None:
        starting = asyncio.create_task(leash.start(["sleep", "60"]))
        await asyncio.sleep(milliseconds / 1000)
        if starting.done():
            await starting.result().stop(grace=0)
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)

    before = set(psutil.Process().children(recursive=True))
    asyncio.run(run())
    gc.collect()  # a process or transport that nobody waited for would warn here
    assert set(psutil.Process().children(recursive=True)) <= before


def test_what_the_command_started_ends_with_it(tmp_path: Path) -> None:
    async def run() -> None:
        process = await leash.start([sys.executable, "-c", FAMILY, str(tmp_path / "pids")])
        while not (tmp_path / "pids").exists():
            await asyncio.sleep(0.02)
        await process.stop(grace=1)

    asyncio.run(run())
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    left = pids if sys.platform == "linux" else pids[:2]  # elsewhere one that left the group goes free
    wait_for(lambda: not any(alive(pid) for pid in left))


def test_kill_9_of_the_owner_kills_the_family(tmp_path: Path) -> None:
    owner = subprocess.Popen(
        [
            sys.executable, "-c",
            ("import asyncio, sys\n"
            "from local import leash\n"
            "async def run():\n"
            "    await (await leash.start([sys.executable, '-c', sys.argv[1], sys.argv[2]])).wait()\n"
            "asyncio.run(run())"),
            FAMILY, str(tmp_path / "pids"),
        ],
        cwd=ROOT,
    )  # fmt: skip
    try:
        wait_for((tmp_path / "pids").exists)
        pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
        assert all(alive(pid) for pid in pids)
    finally:
        owner.kill()
        owner.wait(timeout=10)
    left = pids if sys.platform == "linux" else pids[:2]
    wait_for(lambda: not any(alive(pid) for pid in left))


def test_the_launcher_starts_within_milliseconds() -> None:
    async def run() -> float:
        best = 10.0
        for _ in range(5):
            begun = time.monotonic()
            await (await leash.start(["true"])).wait()
            best = min(best, time.monotonic() - begun)
        return best

    assert asyncio.run(run()) < 0.5
