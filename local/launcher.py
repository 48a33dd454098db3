"""The far end of a leash: `python -I -S launcher.py HOLDING REPORTING COMMAND ...`.

Runs the command in a session of its own and ends when it ends, with its exit code. Reads HOLDING meanwhile: a
line with a number means "end it, with so many seconds of grace"; end of file means that the owner is gone.
Reports the command's process id on REPORTING, and a line `!<errno>` too when the command could not be run.

Imports next to nothing, so that it is there within milliseconds.
"""

import contextlib
import math
import os
import select
import signal
import sys
import time

ORPHAN_GRACE = 3.0
"""Seconds the command has to end after its owner died."""
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36


def prctl(option: int, value: int) -> None:
    """Linux only: elsewhere the pipe alone must do."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def launch(argv: list[str], reporting: int, holding: int) -> int:
    """Fork and run the command; its process id."""
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    launcher = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != launcher:
            os._exit(1)
        os.close(holding)
        os.set_inheritable(reporting, False)  # noqa: FBT003 - its name for it
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        os.execvp(argv[0], argv)  # noqa: S606 - no shell is the point
    except OSError as err:
        os.write(reporting, f"!{err.errno}\n".encode())
    os._exit(127)


def ended(pid: int) -> int | None:
    """The command's exit code if it has ended. Also buries what it left to us."""
    code = None
    with contextlib.suppress(ChildProcessError):
        while True:
            found, status = os.waitpid(-1, os.WNOHANG)
            if not found:
                break
            if found == pid:
                code = os.waitstatus_to_exitcode(status)
    return code


def signal_group(pid: int, number: int) -> None:
    """Signal the command's whole process group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def signal_command(pid: int, number: int) -> None:
    """Signal a command that nobody has waited for yet: its group, or itself while it has none."""
    try:
        os.killpg(pid, number)
    except ProcessLookupError:  # forked, and not yet at its setsid
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
    except PermissionError:
        pass


def kill_leftovers(pid: int) -> None:
    """Kill the group and (on Linux) whatever left it: orphans of the command are our children now."""
    signal_group(pid, signal.SIGKILL)
    children = f"/proc/self/task/{os.getpid()}/children"
    for _ in range(100):
        try:
            with open(children, encoding="ascii") as listing:  # noqa: PTH123 - pathlib costs milliseconds
                left = [int(child) for child in listing.read().split()]
        except OSError:
            return
        if not left:
            return
        for child in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        ended(pid)
        time.sleep(0.01)


def orders(holding: int) -> tuple[float, bool]:
    """Seconds of grace, and whether there is an owner left to give other orders."""
    said = os.read(holding, 64).decode()
    return (float(said.split()[-1]), True) if said.strip() else (ORPHAN_GRACE, False)


def main() -> int:
    """Run the command; its exit code, 128 + n when signal n ended it."""
    holding, reporting, argv = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    woken, waking = os.pipe()
    os.set_blocking(waking, False)
    signal.set_wakeup_fd(waking, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the owner decides, by the pipe
    pid = launch(argv, reporting, holding)
    with contextlib.suppress(BrokenPipeError):
        os.write(reporting, f"{pid}\n".encode())
    os.close(reporting)
    watched, deadline = [woken, holding], math.inf
    while (code := ended(pid)) is None:
        if time.monotonic() >= deadline:
            signal_command(pid, signal.SIGKILL)
            deadline = math.inf
        left = None if deadline == math.inf else max(0.0, deadline - time.monotonic())
        ready, _, _ = select.select(watched, [], [], left)
        if woken in ready:
            os.read(woken, 512)
        if holding in ready:
            grace, owned = orders(holding)
            deadline = min(deadline, time.monotonic() + grace)
            signal_command(pid, signal.SIGTERM)
            if not owned:
                watched.remove(holding)
    kill_leftovers(pid)
    return 128 - code if code < 0 else code


if __name__ == "__main__":
    sys.exit(main())
