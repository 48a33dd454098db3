"""`homeostat why`: how a model stands, and what led to it, from its intent and its audit trail."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.demo.story import tell
from cli.running_app import STATE, State, fail, out, settings_of

if TYPE_CHECKING:
    from control.state import Intent

Entry = Mapping[str, Any]
BEGINNINGS = frozenset({"retrain", "release proposed", "released again"})
"""What a story begins with: the last of the first kind that is there."""
FORMER = 15
"""Entries that are told when nothing has begun yet."""

app = typer.Typer(add_completion=False)


@app.command()
def why(
    model: Annotated[str, typer.Argument(help="The model's name.")],
    whole: Annotated[bool, typer.Option("--all", help="The whole trail, effects included.")] = False,
    state: State = STATE,
) -> None:
    """Say how MODEL stands and why. Exit code 1: nothing is known of it, or its audit trail was changed."""
    from cloud.ledger import TableLedger
    from cloud.storage import table_service
    from control.errors import HomeostatError

    settings = settings_of(state)
    ledger = TableLedger(lambda: table_service(settings))
    try:
        intent, _ = ledger.load(model)
        entries = list(ledger.audit(model))
        fault = ledger.verify(model)
    except HomeostatError as err:
        raise fail(str(err)) from err
    if not entries:
        raise fail(f"Nothing has happened to {model} yet.")
    for sentence in standing(intent):
        out.print(sentence, style="bold", markup=False)
    for line in told(entries if whole else story(entries)):
        out.print(line, markup=False)
    if fault:
        raise fail(f"The audit trail is not what was written: {fault}")


def standing(intent: Intent) -> Iterator[str]:
    """How it stands, a sentence each."""
    release, training = intent.releasing, intent.retraining
    champion, candidate = release.champion, release.candidate
    if champion is None:
        yield f"{intent.model}: no version answers yet."
    else:
        yield f"{intent.model}: version {champion.version} answers, since {_minute(champion.since)}."
    if candidate is not None:
        yield f"Version {candidate.version} {_way(intent)}."
    if training.phase == "backoff" and training.not_before:
        yield f"A retraining failed; the next try is at {_minute(training.not_before)}."
    elif training.phase != "idle" and training.current:
        yield f"A retraining is under way: {training.current.job} ({training.phase})."
    elif training.wanted > training.handled:
        yield "A retraining is wanted, and waits its turn."


def _way(intent: Intent) -> str:
    release, candidate = intent.releasing, intent.releasing.candidate
    assert candidate is not None  # noqa: S101 - asked by the caller
    question, answer = candidate.question, candidate.answer
    if release.phase == "proposed" and answer is not None:
        return f"was answered ({answer.verdict} by {answer.by}), and is looked at next"
    if release.phase == "proposed" and question is not None:
        told = f"people were told at {_minute(question.told)}" if question.told else "nobody was told yet"
        return f"waits for an approval until {_minute(question.expires)}; {told}"
    if release.phase == "rolling_back":
        return f"goes back: {release.reason}"
    return f"is on its way to traffic: {release.phase}"


def story(entries: Sequence[Entry]) -> Sequence[Entry]:
    """What led to the present state: from the last retraining or release on, without what merely was done."""
    begun = [at for at, entry in enumerate(entries) if entry["name"] in BEGINNINGS]
    named = [at for at in begun if entries[at]["name"] == "retrain"]
    first = (named or begun or [max(0, len(entries) - FORMER)])[-1]
    return [entry for entry in entries[first:] if entry["kind"] != "effect"]


def told(entries: Sequence[Entry]) -> Iterator[str]:
    """A line for each entry; the same said again and again is said once."""
    for line, same in groupby(entries, key=_words):
        many = list(same)
        times = f" ({len(many)} times)" if len(many) > 1 else ""
        yield f"  {_minute(datetime.fromisoformat(many[0]['at']))}  {line}{times}"


def _words(entry: Entry) -> str:
    detail = entry["detail"]
    try:
        line = tell(dict(entry))
    except (KeyError, TypeError):  # an entry of another version of the app
        line = None
    if line:
        return line
    said = [f"{key} {detail[key]}" for key in ("version", "job", "deployment", "by") if detail.get(key)]
    why = detail.get("reason") or detail.get("message") or ""
    return f"{entry['name']}{': ' if said or why else ''}{', '.join(said)}{'; ' if said and why else ''}{why}"


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
