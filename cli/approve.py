"""`homeostat approve` and `homeostat withdraw`: answer the question that a release waits for."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.person import NoIdentity, bearer
from cli.running_app import STATE, State, fail, out, settings_of

if TYPE_CHECKING:
    from cloud.settings import Settings
    from control.approval import Asked

PATIENCE_S = 60

approve_app = typer.Typer(add_completion=False)
withdraw_app = typer.Typer(add_completion=False)
Name = Annotated[str | None, typer.Option("--as", help="Who to be; on local Azure alone.")]
Groups = Annotated[list[str] | None, typer.Option("--group", help="A group of theirs; on local Azure alone.")]


@approve_app.command()
def approve(
    model: Annotated[str, typer.Argument(help="The model's name.")],
    version: Annotated[str | None, typer.Option(help="Only if this version waits.")] = None,
    reason: Annotated[str, typer.Option(help="Why: kept in the audit trail.")] = "",
    reject: Annotated[bool, typer.Option("--reject", help="Say no instead.")] = False,
    link: Annotated[bool, typer.Option("--link", help="Print the link, and answer nothing.")] = False,
    name: Name = None,
    groups: Groups = None,
    state: State = STATE,
) -> None:
    """Approve the release of MODEL that waits for it, as the person at the terminal."""
    settings, asked = _asked(settings_of(state), model, version)
    if link:
        out.print(_sealed(settings, asked, link=True), markup=False)
        return
    _answer(settings, asked, "reject" if reject else "approve", reason, name, groups or [])


@withdraw_app.command()
def withdraw(
    model: Annotated[str, typer.Argument(help="The model's name.")],
    reason: Annotated[str, typer.Option(help="Why: kept in the audit trail.")] = "",
    name: Name = None,
    groups: Groups = None,
    state: State = STATE,
) -> None:
    """Take back the release of MODEL that waits for an approval."""
    settings, asked = _asked(settings_of(state), model, None)
    _answer(settings, asked, "withdraw", reason, name, groups or [])


def _asked(settings: Settings, model: str, version: str | None) -> tuple[Settings, Asked]:
    """What waits, and the settings of the workspace that the model is managed in."""
    from cloud.ledger import TableLedger
    from cloud.storage import table_service
    from control.errors import HomeostatError

    try:
        intent, _ = TableLedger(lambda: table_service(settings)).load(model)
    except HomeostatError as err:
        raise fail(str(err)) from err
    settings = settings.of(intent.home)
    asked = settings.sealer.asked(intent)
    if asked is None:
        raise fail(f"Nothing of {model} waits for an approval (its release: {intent.releasing.phase}).")
    if version is not None and version != asked.version:
        raise fail(f"Version {asked.version} of {model} waits, not version {version}.")
    return settings, asked


def _sealed(settings: Settings, asked: Asked, *, link: bool) -> str:
    from control.errors import AnswerRefused

    try:
        return settings.sealer.link(asked) if link else settings.sealer.seal(asked)
    except AnswerRefused as err:
        raise fail(str(err)) from err


def _answer(
    settings: Settings, asked: Asked, verdict: str, reason: str, name: str | None, groups: list[str]
) -> None:
    if not settings.app_url:
        raise fail("HOMEOSTAT_APP_URL is not set: where does the app answer?")
    if (name or groups) and not settings.is_local:
        raise fail("--as and --group are for local Azure: in Azure you are who az login says.")
    try:
        token = bearer(settings, name, groups)
    except NoIdentity as err:
        raise fail(str(err)) from err
    body = {
        "model": asked.model,
        "version": asked.version,
        "evidence": asked.evidence,
        "verdict": verdict,
        "reason": reason or "answered on the command line",
    }
    if settings.approval_keys:
        body["token"] = _sealed(settings, asked, link=False)
    status, told = _post(settings.app_url, body, token)
    if status != 200:
        raise fail(f"Nothing was decided: {told.get('error') or f'the app answered {status}'}")
    done = {"approve": "approved", "reject": "rejected", "withdraw": "withdrawn"}[verdict]
    out.print(f"Version {asked.version} of {asked.model} is {done}, by {told['by']}.", markup=False)


def _post(app_url: str, body: dict[str, str], token: str | None) -> tuple[int, dict[str, Any]]:
    from control.approval import ROUTE

    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(  # noqa: S310 - https, or loopback: the settings have been checked
        app_url + ROUTE, data=json.dumps(body).encode(), headers=headers
    )
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:  # noqa: S310
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as err:
        try:
            told = json.load(err)
        except ValueError:
            told = {}
        return err.code, told if isinstance(told, dict) else {}
    except OSError as err:
        raise fail(f"The app does not answer at {app_url}: {err}") from err
