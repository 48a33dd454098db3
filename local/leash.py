"""Subprocesses on a leash: they end with whoever started them, whatever happens.

The command is run by a small launcher process (`local/launcher.py`), which holds the reading end of a pipe
whose writing end only this process has. When this process ends, even by `kill -9`, the launcher sees the pipe
close and ends the command and everything the command started.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import sys
from asyncio.subprocess import DEVNULL
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

LAUNCHER = __file__.removesuffix("leash.py") + "launcher.py"


class Leashed:
    """A running command."""

    def __init__(self, launcher: asyncio.subprocess.Process, pid: int, leash: int) -> None:
        self.pid = pid
        """The command's own process id, which is also its process group."""
        self._launcher = launcher
        self._leash = leash

    @property
    def returncode(self) -> int | None:
        """The exit code once the command has ended; as in shells, 128 + n when signal n ended it."""
        return self._launcher.returncode

    async def wait(self) -> int:
        """Wait until the command has ended, and everything it started with it."""
        try:
            return await self._launcher.wait()
        finally:
            if self._launcher.returncode is not None:
                self._let_go()

    async def stop(self, grace: float = 5) -> None:
        """Ask the command to end (SIGTERM); after `grace` seconds end it and all it started (SIGKILL)."""
        if self._leash >= 0:
            with contextlib.suppress(BrokenPipeError):
                os.write(self._leash, f"{grace}\n".encode())
        await self.wait()

    def _let_go(self) -> None:
        if self._leash >= 0:
            os.close(self._leash)
            self._leash = -1


async def start(
    argv: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdout: Path | None = None,
    stderr: Path | None = None,
) -> Leashed:
    """Start a command on a leash.

    Args:
        argv: program and arguments.
        cwd: working folder; None for the present one.
        env: the whole environment; None for this process's own.
        stdout: file to append to; None to share this process's own.
        stderr: file to append to, which may be the same; None to share this process's own.

    Raises:
        OSError: the command could not be run.
    """
    holding, leash = os.pipe()
    status, reporting = os.pipe()
    try:
        with contextlib.ExitStack() as files:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-I", "-S", LAUNCHER, str(holding), str(reporting), *argv,
                cwd=cwd, env=env, stdin=DEVNULL, stdout=_opened(stdout, files), stderr=_opened(stderr, files),
                pass_fds=(holding, reporting), start_new_session=True,
            )  # fmt: skip
    except BaseException:
        for descriptor in (holding, leash, status, reporting):
            os.close(descriptor)
        raise
    os.close(holding)
    os.close(reporting)
    try:
        said = await asyncio.to_thread(_read_all, status)
    except BaseException:
        await Leashed(process, 0, leash).stop(grace=0)  # cancelled: nothing of it may stay
        raise
    lines = said.decode().split()
    failures = [int(line[1:]) for line in lines if line.startswith("!")]
    if failures or not lines:
        await process.wait()
        os.close(leash)
        number = failures[0] if failures else errno.ECHILD
        raise OSError(number, os.strerror(number), argv[0])
    return Leashed(process, int(lines[0]), leash)


def _opened(path: Path | None, files: contextlib.ExitStack) -> IO[bytes] | None:
    return None if path is None else files.enter_context(path.open("ab"))


def _read_all(descriptor: int) -> bytes:
    with os.fdopen(descriptor, "rb") as pipe:
        return pipe.read()
