"""Azure ML environments as virtual environments: a conda file in, a folder with `bin/python` out.

`python -m local.environments FILE.yml ...` builds those of the named environment YAMLs or conda files ahead
of time. An environment is found again by what it asks for, so the same packages are installed once, whatever
file they stand in.
"""

from __future__ import annotations

import fcntl
import functools
import glob
import hashlib
import json
import logging
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

log = logging.getLogger(__name__)

_READY = ".ready"
_CONDA = re.compile(r"^(?P<name>[\w.\-]+)\s*(?P<version>[=<>!~].*)?$")


class EnvironmentRefused(ValueError):  # noqa: N818 - reads as what it is
    """The definition asks for something that local Azure cannot install."""


class BuildFailed(RuntimeError):  # noqa: N818 - reads as what it is
    """The packages could not be installed."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an environment asks for."""

    python: str
    """Such as `3.13`; empty when it does not say."""
    packages: tuple[str, ...]
    """Requirement lines as pip reads them."""


def default_cache() -> Path:
    """Where environments are kept unless told otherwise."""
    return Path(os.environ.get("HOMEOSTAT_ENVIRONMENTS") or ".homeostat/environments").absolute()


def read_conda(conda_yaml: str) -> Wanted:
    """Understand a conda file.

    Raises:
        EnvironmentRefused: it asks for more than Python and pip packages.
    """
    try:
        document = yaml.safe_load(conda_yaml)
    except yaml.YAMLError as err:
        raise EnvironmentRefused(f"the conda file is not YAML: {err}") from err
    if not isinstance(document, dict) or not isinstance(document.get("dependencies"), list):
        raise EnvironmentRefused("the conda file has no list of dependencies")
    python, packages = "", []
    for dependency in document["dependencies"]:
        if isinstance(dependency, dict) and set(dependency) == {"pip"}:
            packages += [_requirement(line) for line in dependency["pip"] or []]
            continue
        found = _CONDA.match(str(dependency).strip()) if isinstance(dependency, str) else None
        if found and found["name"] == "python":
            python = _python_version(found["version"] or "")
        elif not found or found["name"] != "pip":
            raise EnvironmentRefused(
                f"dependency {dependency!r}: only python, pip and pip's packages are understood; "
                "name it under `pip:` if it is on the Python package index"
            )
    return Wanted(python, tuple(packages))


def _python_version(text: str) -> str:
    found = re.match(r"^(?:[=<>!~]*)\s*(\d+(?:\.\d+){0,2})", text)
    if text and not found:
        raise EnvironmentRefused(f"python{text}: give a version, such as python=3.13")
    return ".".join(found[1].split(".")[:2]) if found else ""


def _requirement(line: object) -> str:
    text = str(line).split(" #", maxsplit=1)[0].strip()
    if not text or text.startswith(("-", ".", "/")):
        raise EnvironmentRefused(f"pip line {text!r}: only packages by name are understood")
    return text


def conda_of(file: Path) -> str:
    """The conda definition of an environment YAML, or of a file that is one itself.

    Raises:
        EnvironmentRefused: there is none in it.
    """
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    if isinstance(document, dict) and "dependencies" in document:
        return file.read_text(encoding="utf-8")
    conda: Any = document.get("conda_file") if isinstance(document, dict) else None
    if isinstance(conda, dict):
        return yaml.safe_dump(conda)
    if isinstance(conda, str):
        return (file.parent / conda).read_text(encoding="utf-8")
    raise EnvironmentRefused(
        f"{file}: no conda_file; local Azure builds environments from one, not from an image"
    )


@functools.cache
def _interpreter(version: str) -> str:
    """The machine's Python of that version; the running one when it is not there."""
    running = f"{sys.version_info.major}.{sys.version_info.minor}"
    own = getattr(sys, "_base_executable", "") or sys.executable
    if version in {"", running}:
        return own
    found = subprocess.run(
        [_uv(), "python", "find", "--no-python-downloads", "--no-project", version],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if found.returncode == 0 and found.stdout.strip():
        return found.stdout.strip()
    log.warning("Python %s is not on this machine: Python %s is used instead", version, running)
    return own


def _uv() -> str:
    beside = Path(sysconfig.get_path("scripts")) / "uv"
    found = str(beside) if beside.exists() else shutil.which("uv")
    if found is None:
        raise BuildFailed("uv is not installed: `python -m pip install uv`")
    return found


def environment_path(conda_yaml: str, cache: Path) -> Path:
    """Where the environment of that conda file is, or will be once it is built.

    Raises:
        EnvironmentRefused: the file asks for more than Python and pip packages.
    """
    wanted = read_conda(conda_yaml)
    identity = [_interpreter(wanted.python), sys.platform, platform.machine(), sorted(wanted.packages)]
    return cache.absolute() / hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:16]


def is_built(environment: Path) -> bool:
    """Whether it is complete."""
    return (environment / _READY).exists()


def python_of(environment: Path) -> Path:
    """Its Python."""
    return environment / "bin" / "python"


def build(conda_yaml: str, cache: Path) -> Path:
    """Build the environment unless it is there; of several processes one builds and the others wait.

    Raises:
        EnvironmentRefused: the file asks for more than Python and pip packages.
        BuildFailed: a package could not be installed.
    """
    environment = environment_path(conda_yaml, cache)
    if is_built(environment):
        return environment
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f"{environment.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_built(environment):
            _install(read_conda(conda_yaml), environment)
    return environment


def _install(wanted: Wanted, environment: Path) -> None:
    python = _interpreter(wanted.python)
    shutil.rmtree(environment, ignore_errors=True)
    _run([_uv(), "venv", "--quiet", "--no-project", "--python", python, str(environment)])
    if wanted.packages:
        listed = environment / "requirements.txt"
        listed.write_text("\n".join(wanted.packages) + "\n", encoding="utf-8")
        _run([_uv(), "pip", "install", "--quiet", "--python", str(python_of(environment)), "-r", str(listed)])
    (environment / _READY).touch()


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildFailed(
            done.stderr.strip()[-4000:] or f"{command[1]} failed with exit code {done.returncode}"
        )


def main(arguments: list[str]) -> int:
    """Build what the arguments (files or globs) name; with `--quiet` first only failures are told."""
    cache = default_cache()
    quiet = arguments[:1] == ["--quiet"]
    files = sorted({file for argument in arguments[quiet:] for file in glob.glob(argument)})  # noqa: PTH207
    for number, file in enumerate(files, 1):
        try:
            conda = conda_of(Path(file))
            if is_built(environment_path(conda, cache)):
                continue
            packages = len(read_conda(conda).packages)
            asked = f"{file} ({packages} packages)"
            if not quiet:
                print(f"set-up 3/3: environment {number} of {len(files)}: {asked}", flush=True)  # noqa: T201
            build(conda, cache)
        except (EnvironmentRefused, BuildFailed, OSError) as err:
            print(f"{file}: {err}", file=sys.stderr)  # noqa: T201
            return 1
    return 0


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    sys.exit(main(sys.argv[1:]))
