"""`homeostat policy`: look at policy files before anything acts on them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from control.yaml_source import Problem

app = typer.Typer(name="policy", help="Look at policy files.", no_args_is_help=True)

WRONG, UNREADABLE = 1, 3


@app.callback()
def policy() -> None:
    """Look at policy files."""


@app.command()
def check(files: Annotated[list[Path], typer.Argument(help="Policy files.", metavar="FILE...")]) -> None:
    """Say what is wrong in policy files, where, and what to write instead.

    Exit code 0: all are right. 1: one is wrong. 3: one cannot be read.
    """
    from control.policy_file import check_policy, read_policy
    from control.policy_pending import pending

    out = Console(highlight=False, soft_wrap=True)
    worst = 0
    workspaces = _workspaces(os.environ)
    for file in files:
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as err:
            reason = getattr(err, "strerror", None) or "it is not text in UTF-8"
            out.print(Text(f"{file}: cannot be read: {reason}", style="red"))
            worst = UNREADABLE
            continue
        problems = check_policy(text, str(file), workspaces) or _misnamed(text, file)
        if not problems:
            out.print(Text(f"{file}: right", style="green"))
            for key in pending(read_policy(text, str(file))):
                out.print(Text(f"  nothing acts on {key} yet", style="yellow"))
            continue
        worst = max(worst, WRONG)
        lines = text.splitlines()
        for problem in problems:
            _show(out, str(file), problem, lines)
        out.print(Text(f"{file}: {len(problems)} {'problem' if len(problems) == 1 else 'problems'}"))
    raise typer.Exit(worst)


@app.command()
def reference() -> None:
    """Print every key with its type, default and meaning, as Markdown."""
    from cli.policy_reference import reference as keys

    print(keys(), end="")


def _workspaces(environment: Mapping[str, str]) -> tuple[str, ...] | None:
    """What the app of the environment's settings knows; None where it has no such settings.

    Raises:
        BadParameter: the settings cannot be used.
    """
    from cloud.settings import SettingsError, read_data_settings

    if not environment.get("HOMEOSTAT_WORKSPACE"):
        return None
    try:
        return read_data_settings(environment).names
    except SettingsError as err:
        raise typer.BadParameter(str(err)) from err


def _misnamed(text: str, file: Path) -> list[Problem]:
    """Timers know the models by the names of their files."""
    from control.yaml_source import read_yaml

    source = read_yaml(text)
    name = source.data["name"]
    if file.name == f"{name}.yaml":
        return []
    message = f"timers know a model by its file: call the file {name}.yaml, or write another name"
    return [source.problem(("name",), message)]


def _show(out: Console, file: str, problem: Problem, lines: list[str]) -> None:
    what = Text.assemble((f"{file}:{problem.line}:{problem.column}", "bold"), ": ")
    if problem.path:
        what.append(f"{problem.path}: ", style="cyan")
    out.print(what.append(problem.message))
    if problem.line <= len(lines):
        line = lines[problem.line - 1]
        number = f"{problem.line:>5} | "
        # A tab stays a tab below itself, so that the mark stands under its character.
        before = "".join(char if char == "\t" else " " for char in line[: problem.column - 1])
        out.print(Text(number, style="dim").append(line, style="default"))
        out.print(Text(f"{' ' * (len(number) - 2)}| {before}").append("^", style="red"))
