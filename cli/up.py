"""`homeostat up`: local Azure and the app, until Ctrl-C."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from local.azure import LocalAzure

ROOT = Path(__file__).resolve().parent.parent
STATE = Path(".homeostat/state")
FAILED, IN_USE = 1, 2

app = typer.Typer(add_completion=False)
out = Console(highlight=False, soft_wrap=True)


@app.command()
def up(
    report: Annotated[Path | None, typer.Option("--json", help="Write the addresses there.")] = None,
    state: Annotated[Path, typer.Option(help="Folder for everything that lasts.")] = STATE,
    without_host: Annotated[
        bool, typer.Option("--without-host", help="Leave the Functions host out, for `func start` beside it.")
    ] = False,
    purview: Annotated[
        bool, typer.Option("--purview", help="With a Purview account that shows the models' lineage.")
    ] = False,
    app_folder: Annotated[Path, typer.Option("--app", help="Folder of function_app.py.")] = ROOT,
    policies: Annotated[Path | None, typer.Option(help="Folder of the policies.")] = None,
    retry_scale: Annotated[
        float, typer.Option(help="Multiply Event Grid's waits between two tries by this.")
    ] = 1.0,
    log_delay: Annotated[
        float,
        typer.Option(help="Seconds until a request's row in Log Analytics can be queried; minutes in Azure."),
    ] = 0.0,
    registries: Annotated[
        list[str] | None, typer.Option("--registry", help="An Azure ML registry; may be repeated.")
    ] = None,
    workspaces: Annotated[
        list[str] | None, typer.Option("--workspace", help="Another Azure ML workspace; may be repeated.")
    ] = None,
) -> None:
    """Keep local Azure and the app running until Ctrl-C, and say where everything is."""
    from local.azure import LocalAzure, StateInUse
    from local.azureml import Home
    from local.azurite import AzuriteFailed
    from local.functions import HostFailed

    try:
        further = [Home.named(name).workspace for name in workspaces or ()]
    except ValueError as err:
        raise typer.BadParameter(str(err)) from err
    log_to(state / "local-azure.log")
    azure = LocalAzure(
        state=state,
        app=app_folder,
        policies=policies,
        with_host=not without_host,
        with_purview=purview,
        time_scale=retry_scale,
        log_delay=timedelta(seconds=log_delay),
        workspaces=further,
        registries=registries or [],
        told=lambda what: out.print(what, style="yellow", markup=False),
    )
    try:
        asyncio.run(serve(azure, report, time.monotonic(), app_folder / "pipelines"))
    except StateInUse as err:
        out.print(
            f"{err}. Stop that one first, or give another folder with --state.", style="red", markup=False
        )
        raise typer.Exit(IN_USE) from err
    except (AzuriteFailed, HostFailed, OSError) as err:
        out.print(str(err), style="red", markup=False)
        out.print(f"The whole log: {state / 'local-azure.log'}", markup=False)
        raise typer.Exit(FAILED) from err


async def serve(azure: LocalAzure, report: Path | None, begun: float, pipelines: Path) -> None:
    """Start, register the pipelines, say where everything is, wait for Ctrl-C or SIGTERM, stop."""
    stop = asyncio.Event()
    loop, starting = asyncio.get_running_loop(), asyncio.current_task()

    def asked() -> None:
        stop.set()
        if starting is not None and not ready:
            starting.cancel()

    ready = False
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked)
    try:
        async with azure:
            ready = True
            if pipelines.is_dir():
                for name in (None, *azure.addresses()["workspaces"]):
                    await register(azure, pipelines, name)
            if report:
                write(report, {**azure.addresses(), "pid": os.getpid()})
            show(azure, time.monotonic() - begun)
            if not stop.is_set():
                await stop.wait()
            out.print("stopping", style="dim")
            if report:
                report.unlink(missing_ok=True)
    except asyncio.CancelledError:
        out.print("stopped before it was up", style="dim")


async def register(azure: LocalAzure, pipelines: Path, workspace: str | None) -> None:
    """`homeostat register` on this local Azure, in a process of its own: its libraries are heavy."""
    from local import leash

    log = azure.state / "register.log"
    named = [] if workspace is None else ["--workspace", workspace]
    running = await leash.start(
        [sys.executable, "-m", "cli.main", "register", str(pipelines.absolute()), *named],
        cwd=ROOT,
        env={**os.environ, **azure.settings()},
        stdout=log,
        stderr=log,
    )
    try:
        code = await running.wait()
    except asyncio.CancelledError:
        await running.stop(0)
        raise
    if code:
        said = log.read_text(encoding="utf-8", errors="replace").strip()
        out.print(
            f"The pipelines could not be registered; retrainings will fail: {said}", style="red", markup=False
        )


def show(azure: LocalAzure, seconds: float) -> None:
    """Where everything is."""
    where = azure.addresses()
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    host = where["functions"] if azure.host else f"{where['functions']} (yours: func start --port ...)"
    table.add_row("Functions", host)
    table.add_row("Event Grid topic", where["eventgrid"]["endpoint"])
    table.add_row("Azure ML", where["azureml"]["url"])
    table.add_row("Log Analytics", where["loganalytics"]["url"])
    table.add_row("Entra", where["entra"])
    if "purview" in where:
        table.add_row("Purview", where["purview"])
    table.add_row("Blob, Queue, Table", azure.account.blob_endpoint)
    table.add_row("", azure.account.queue_endpoint)
    table.add_row("", azure.account.table_endpoint)
    table.add_row("state and logs", str(azure.state))
    out.print(f"Local Azure is up after {seconds:.1f} s. Ctrl-C stops it.", style="bold green")
    out.print(table)
    if not azure.host:
        out.print("The app's settings, for local.settings.json:")
        out.print_json(data={"IsEncrypted": False, "Values": azure.settings()})


def write(path: Path, what: dict[str, Any]) -> None:
    """Write JSON so that nobody ever reads half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps(what, indent=2))
    fresh.replace(path)


def log_to(path: Path) -> None:
    """What the services of local Azure have to say goes to a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    logging.getLogger().addHandler(handler)
    logging.getLogger().setLevel(logging.INFO)
    for chatty in ("azure", "urllib3"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
