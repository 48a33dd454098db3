"""The settings of the app that a command is about: the environment's, else a running `homeostat up`'s."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

if TYPE_CHECKING:
    from cloud.settings import Settings

State = Annotated[Path, typer.Option("--state", help="State folder of a running `homeostat up`.")]
STATE = Path(".homeostat/state")
FAILED = 1
out = Console(highlight=False, soft_wrap=True)


def settings_of(state: Path) -> Settings:
    """The app's settings; ends the command, in words, where there are none."""
    from cloud.settings import read_settings
    from control.errors import PermanentError

    environment = dict(os.environ)
    if not environment.get("HOMEOSTAT_SUBSCRIPTION_ID"):
        try:
            environment |= json.loads((state / "settings.json").read_text(encoding="utf-8"))
        except FileNotFoundError as err:
            raise fail(
                f"Which app? Nothing runs on {state} (homeostat up), and HOMEOSTAT_SUBSCRIPTION_ID and the "
                "other settings of an app in Azure are not in the environment (docs/settings.md)."
            ) from err
    try:
        return read_settings(environment)
    except PermanentError as err:
        raise fail(str(err)) from err


def fail(text: str) -> typer.Exit:
    """Say it; raise what this returns."""
    out.print(text, style="red", markup=False)
    return typer.Exit(FAILED)
