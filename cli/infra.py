"""`homeostat infra`: checks of the infrastructure, without Azure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False, no_args_is_help=True)


@app.callback()
def infra() -> None:
    """Look at the infrastructure."""


@app.command()
def check() -> None:
    """Compare infra/ with Azure's types and schemas, the app's settings, its events and docs/security.md."""
    from infra.checks.everything import SPECS, faults
    from infra.checks.scenarios import STAGES

    found = faults()
    for fault in found:
        typer.echo(str(fault), err=True)
    if found:
        raise typer.Exit(1)
    against = (
        "Azure's types and ARM schemas" if SPECS.is_dir() else "Azure's types (the extract that is committed)"
    )
    typer.echo(f"infra/ is right for {', '.join(STAGES)} and with everything on, against {against}")


@app.command()
def types(folder: Annotated[Path, typer.Argument(help="Folder of *.types.json of bicep-types-az.")]) -> None:
    """Write the extract of Azure's types that infra/ uses (infra/checks/bicep-types.json)."""
    from infra.checks.scenarios import templates
    from infra.checks.types import BY_HAND, EXTRACT, Types

    used = [one for template in templates() for one in template.resources]
    kept = [one for one in used if f"{one.type}@{one.api}".lower() not in BY_HAND]
    table = Types(folder).extract(kept)
    EXTRACT.write_text(json.dumps(table, separators=(",", ":")) + "\n", "utf-8")
    typer.echo(f"{EXTRACT.name}: {len(table)} types")
