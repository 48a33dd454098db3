"""`homeostat rollback`: a model version goes, what answered before answers again."""

from __future__ import annotations

import getpass
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from cli.running_app import STATE, State, settings_of

if TYPE_CHECKING:
    from control.policy import Policy
    from control.ports import Services
    from control.state import Intent

app = typer.Typer(add_completion=False)
out = Console(highlight=False, soft_wrap=True)
NOTHING, FAILED = 1, 2
PAUSE_S = 0.5
RESTING = frozenset({"none", "promoted"})


@app.command()
def rollback(
    model: Annotated[str, typer.Argument(help="The model's name, as in its policy.")],
    to: Annotated[
        str | None,
        typer.Option(help="The version that shall answer; by default the one before.", metavar="VERSION"),
    ] = None,
    reason: Annotated[str, typer.Option(help="Why, for the audit trail.")] = "",
    by: Annotated[str | None, typer.Option(help="Who, for the audit trail; by default you.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until it is done, say what happens.")] = False,
    state: State = STATE,
    timeout: Annotated[float, typer.Option(help="Seconds to wait at most.", min=1)] = 1800,
) -> None:
    """Roll a model back: the version on its way, or else the one that was promoted last.

    Writes into the ledger that it goes and wakes the app, which gives the traffic back and deletes the
    deployment. Exit code 0: that is written, or done with --wait. 1: there is nothing to roll back.
    2: it could not be written, or did not end well in time.
    """
    from cloud.services import build
    from control.errors import HomeostatError
    from handlers.roll_back import roll_back

    try:
        services = build(settings_of(state))
        policy = services.policies.get(model)
        if policy is None:
            known = ", ".join(services.policies.names()) or "none"
            out.print(f"no policy manages the model {model!r} (managed: {known})", style="red", markup=False)
            raise typer.Exit(NOTHING)
        before = services.ledger.load(model)[0].audit_count
        why = f"{by or getpass.getuser()} rolled back" + (f": {reason}" if reason else "")
        outcome = roll_back(policy, services, why, to)
        if outcome is None or not outcome.notes:
            out.print(f"{model}: {outcome.said if outcome else ''}", style="yellow", markup=False)
            if not (wait and outcome and outcome.intent.releasing.phase == "rolling_back"):
                raise typer.Exit(NOTHING)
        else:
            out.print(f"{model}: {outcome.said}", style="bold", markup=False)
        if wait:
            _wait(policy, services, outcome.intent, before, timeout)
        else:
            out.print("The app was woken and does it now; --wait would say when it is done.", style="dim")
    except HomeostatError as err:
        out.print(f"not rolled back: {err}", style="red", markup=False)
        raise typer.Exit(FAILED) from err


def _wait(policy: Policy, services: Services, meant: Intent, before: int, timeout: float) -> None:
    """Say what the audit trail says, until the release rests and the traffic is read back."""
    seen, deadline = before, time.monotonic() + timeout
    while time.monotonic() < deadline:
        intent, _ = services.ledger.load(policy.name)
        if intent.audit_count > seen:
            seen = _told(policy.name, services, seen)
        if intent.releasing.phase in RESTING:
            _ended(policy, services, meant, intent)
            return
        time.sleep(PAUSE_S)
    phase = services.ledger.load(policy.name)[0].releasing.phase
    out.print(
        f"not done after {timedelta(seconds=timeout)}: the release is {phase}. It goes on as soon as the app "
        "runs; its log says what it waits for.",
        style="red",
        markup=False,
    )
    raise typer.Exit(FAILED)


def _told(model: str, services: Services, seen: int) -> int:
    for entry in services.ledger.audit(model):
        if entry["number"] <= seen:
            continue
        seen = entry["number"]
        what = ", ".join(f"{key} {value}" for key, value in entry["detail"].items())
        out.print(Text.assemble((f"  {entry['at'][11:19]} ", "dim"), (entry["name"], "bold"), f" {what}"))
    return seen


def _ended(policy: Policy, services: Services, meant: Intent, intent: Intent) -> None:
    """Say who answers, and whether that is what was asked for."""
    champion = intent.releasing.champion
    again = meant.releasing.candidate if meant.releasing.phase != "rolling_back" else None
    traffic = services.at(policy).workspace.endpoint(policy.release.endpoint).traffic
    shares = ", ".join(f"{name} {share} %" for name, share in traffic.items()) or "nobody"
    answers = f"version {champion.version} answers" if champion else "no version is released"
    out.print(f"{policy.name}: {answers} (traffic: {shares})", style="bold", markup=False)
    if again is not None and (champion is None or champion.version != again.version):
        out.print(f"version {again.version} was not promoted: the trail above says why", style="red")
        raise typer.Exit(FAILED)
