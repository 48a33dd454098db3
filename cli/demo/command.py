"""`homeostat demo`: the closed loop on real data, in this terminal."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

if TYPE_CHECKING:
    from cli.demo.story import Record
    from local.azure import LocalAzure

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(".homeostat/demo")
MODEL = "flight-delay"
INCOMPLETE = 1

app = typer.Typer()
out = Console(highlight=False, soft_wrap=True)


@app.command()
def demo(
    report: Annotated[Path | None, typer.Option("--json", help="Write all records there, as JSON.")] = None,
    folder: Annotated[Path, typer.Option("--state", help="Folder of the demonstration; made anew.")] = FOLDER,
    months: Annotated[int, typer.Option(min=3, max=12, help="How many months of 2013 to play.")] = 12,
) -> None:
    """Play 2013's flights: data arrive, drift is found, candidates are trained, released or refused."""
    from cli.demo.player import DemonstrationError
    from cli.demo.story import missing, public
    from cli.up import log_to

    begun = time.monotonic()
    shutil.rmtree(folder / "state", ignore_errors=True)
    log_to(folder / "state" / "local-azure.log")
    try:
        records = asyncio.run(play(folder.absolute(), months))
    except DemonstrationError as err:
        out.print(f"{err}. The logs are below {folder / 'state'}.", style="red", markup=False)
        raise typer.Exit(INCOMPLETE) from err
    if report:
        report.parent.mkdir(parents=True, exist_ok=True)
        report.write_text(json.dumps([public(entry) for entry in records], indent=1), encoding="utf-8")
    page = write_report(records, folder)
    tell_outcome(records, page, report, time.monotonic() - begun)
    absent = missing(records) if months == 12 else []
    if absent:
        out.print(f"The demonstration did not show: {', '.join(absent)}.", style="red", markup=False)
        raise typer.Exit(INCOMPLETE)


async def play(folder: Path, months: int) -> list[Record]:
    """Start local Azure and the app, play the months against them, stop."""
    from cli.demo import quick_policy
    from local.azure import LocalAzure

    out.print("[bold]1[/] Local Azure and the app start")
    begun = time.monotonic()
    policies = quick_policy.write(ROOT / "policies" / f"{MODEL}.yaml", folder / "state" / "app")
    schedules = {
        "HOMEOSTAT_RECONCILE_SCHEDULE": "*/15 * * * * *",
        "HOMEOSTAT_DRIFT_CHECK_SCHEDULE": "*/20 * * * * *",
    }
    azure = LocalAzure(
        state=folder / "state" / "azure",
        app=ROOT,
        policies=policies,
        schedules=schedules,
        time_scale=0.1,
        told=lambda what: out.print(what, style="yellow", markup=False),
    )
    async with azure:
        out.print(
            f"  up after {time.monotonic() - begun:.1f} s; the policy is {policies / f'{MODEL}.yaml'}",
            markup=False,
        )
        events: list[Record] = []
        azure.eventgrid.watch(lambda event: events.extend(_of_event(event)))
        records = await asyncio.to_thread(_play, azure, folder, months, events)
    return sorted(records, key=lambda entry: datetime.fromisoformat(entry["at"]))


def _play(azure: LocalAzure, folder: Path, months: int, events: list[Record]) -> list[Record]:
    from cli import flights
    from cli.demo.player import Player
    from cli.register import register
    from cloud.mlclient import ml_client
    from cloud.services import build
    from cloud.settings import read_settings

    settings = read_settings(azure.settings())
    out.print("[bold]2[/] 2013's flights are read; the pipeline's environment and components are registered")
    with ThreadPoolExecutor() as pool:
        read = pool.submit(
            lambda: [
                (f"2013-{number:02}", flights.month(number, folder / "flights"))
                for number in range(1, months + 1)
            ]
        )
        register(settings, ROOT / "pipelines")
        year = read.result()
    services, ml = build(settings), ml_client(settings)

    def scoring(endpoint: str) -> tuple[str, str]:
        return str(ml.online_endpoints.get(endpoint).scoring_uri), str(
            ml.online_endpoints.get_keys(endpoint).primary_key
        )

    policy = services.policies.get(MODEL)
    assert policy is not None  # noqa: S101 - written a moment ago
    out.print("[bold]3[/] The months go by")
    player = Player(
        policy, services, azure.account.connection_string, year, say, list(flights.FEATURES), scoring
    )
    player.play()
    return [*events, *player.records]


def _of_event(event: dict[str, Any]) -> Iterator[Record]:
    """An event that left Azure, as a record; blobs that are no data are left out."""
    from cli.demo.story import record

    subject = str(event.get("subject"))
    if "/containers/" in subject and "/containers/landing/" not in subject:
        return
    detail = {key: event.get(key) for key in ("id", "subject", "data")}
    yield record(datetime.now(UTC).isoformat(), "event", MODEL, str(event.get("eventType")), detail)


COLOURS = {"candidate refused": "yellow", "promoted": "bold green", "roll back": "red", "batch": "bold"}


def say(entry: Record) -> None:
    """One line of progress for what matters."""
    from cli.demo.story import tell

    text = tell(entry)
    if text:
        at = datetime.fromisoformat(entry["at"]).astimezone().strftime("%H:%M:%S")
        out.print(f"  {at}  {text}", style=COLOURS.get(entry["name"]), markup=False)


def write_report(records: list[Record], folder: Path) -> Path:
    """The HTML report; where it lies."""
    from cli.demo import story
    from reports import loop

    page = folder / "report.html"
    page.write_text(
        loop.render(story.report(MODEL, "Flight delays, New York 2013", records)), encoding="utf-8"
    )
    return page


def tell_outcome(records: list[Record], page: Path, report: Path | None, seconds: float) -> None:
    """What happened and why, and where to read more."""
    from cli.demo import story

    out.print("[bold]4[/] What happened, and why")
    for line in story.outcome(records):
        out.print(f"  {line}", markup=False)
    served = story.serving(records)
    shares = ", ".join(f"{name} {count:,}" for name, count in served["by_deployment"].items())
    out.print(
        f"  {served['requests']:,} requests, {served['failed']} failed; answered by {shares}", markup=False
    )
    out.print(f"The report: {page}", style="bold", markup=False)
    if report:
        out.print(f"The records: {report}", style="bold", markup=False)
    out.print(f"{seconds:.0f} s in all.", style="dim")
