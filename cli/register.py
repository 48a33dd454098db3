"""`homeostat register`: the pipelines' environments and components, into Azure ML when they have changed."""

from __future__ import annotations

import io
import os
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloud.assets import Registered
    from cloud.settings import Settings

app = typer.Typer()
out = Console(highlight=False, soft_wrap=True)
WRONG = 1


@app.command()
def command(
    folders: Annotated[list[Path], typer.Argument(help="Folders of environment and component YAML.")],
    workspace: Annotated[
        str | None, typer.Option(help="Of HOMEOSTAT_WORKSPACES; by default the app's own.", metavar="NAME")
    ] = None,
) -> None:
    """Register what the folders hold in the workspace that the environment's settings name."""
    from control.errors import HomeostatError

    try:
        for asset in register(workspace_settings(os.environ, workspace), *folders):
            state = "registered" if asset.new else "unchanged"
            out.print(f"{asset.kind} {asset.name}:{asset.version} {state}", markup=False)
    except HomeostatError as err:
        out.print(str(err), style="red", markup=False)
        raise typer.Exit(WRONG) from err


def workspace_settings(environment: Mapping[str, str], name: str | None = None) -> Settings:
    """Settings that name a workspace; of the rest of the app, registering needs nothing.

    Raises:
        SettingsError: the workspace is not named, or what is set cannot be used.
    """
    from cloud.settings import SettingsError, read_data_settings

    settings = read_data_settings(environment)
    given = {
        "HOMEOSTAT_SUBSCRIPTION_ID": settings.subscription,
        "HOMEOSTAT_RESOURCE_GROUP": settings.resource_group,
        "HOMEOSTAT_WORKSPACE": settings.workspace,
    }
    missing = [name for name, value in given.items() if not value]
    if missing:
        raise SettingsError(f"which workspace? {', '.join(missing)} must be set")
    return settings.at(name)


def register(settings: Settings, *folders: Path) -> list[Registered]:
    """Register what the folders hold; what has not changed stays."""
    from cloud.assets import register_assets
    from cloud.mlclient import ml_client

    with redirect_stdout(io.StringIO()):  # uploading, the SDK prints colour codes
        return register_assets(ml_client(settings), folders)
