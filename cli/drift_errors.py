"""How the drift commands tell what is wrong: one message, exit code 3."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from control.errors import BadInput, HomeostatError

ERROR = 3


class Scripted(TyperGroup):
    """Whatever goes wrong ends with exit code 3: 1 and 2 are verdicts, and scripts act on them."""

    def make_context(self, *args: Any, **named: Any) -> Any:
        """Read the group's own options."""
        with _errors_are_told():
            return super().make_context(*args, **named)

    def invoke(self, ctx: Any) -> Any:
        """Read a command's options and run it."""
        with _errors_are_told():
            return super().invoke(ctx)


@contextmanager
def _errors_are_told() -> Iterator[None]:
    from drift.errors import ProfileError

    try:
        yield
    except (typer.Exit, typer.Abort):
        raise
    except (HomeostatError, ProfileError) as err:
        tell(str(err))
        raise typer.Exit(ERROR) from err
    except BrokenPipeError:  # whoever reads the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(ERROR) from None
    except OSError as err:
        tell(f"{err.filename}: {err.strerror}" if err.filename else str(err))
        raise typer.Exit(ERROR) from err
    except Exception as err:
        if hasattr(err, "exit_code"):  # a wrong option: it is shown as every command shows it
            err.exit_code = ERROR
            raise
        traceback.print_exc()
        raise typer.Exit(ERROR) from err


def tell(what: str, style: str | None = "red") -> None:
    """Say it on standard error."""
    if not sys.stderr.isatty():
        print(what, file=sys.stderr)
        return
    from rich.console import Console

    Console(stderr=True, highlight=False, soft_wrap=True).print(what, style=style, markup=False)


def check_folder(file: Path) -> None:
    """Said before the data are read, not after."""
    if not file.parent.is_dir():
        raise BadInput(f"{file}: there is no folder {file.parent}: make it first")
