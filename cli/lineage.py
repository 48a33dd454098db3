"""`homeostat lineage`: where a model comes from and where it went, from its audit trail, without Purview."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.running_app import STATE, State, fail, out, settings_of

if TYPE_CHECKING:
    from cloud.settings import Settings
    from control.lineage import Entity, Ref
    from control.state import LineageExport

SAID = {
    "data": ("path", "rows", "quality", "drift"),
    "job": ("purpose", "status", "verdict"),
    "version": ("status",),
    "release": ("status", "approvedBy"),
    "deployment": ("endpoint", "status"),
}
"""Attributes that a line has room for."""

app = typer.Typer(add_completion=False)


@app.command()
def lineage(
    model: Annotated[str, typer.Argument(help="The model's name.")],
    version: Annotated[
        str | None, typer.Option(help="What this version comes from, and where it went; by default all do.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="The whole graph as JSON, every attribute.")
    ] = False,
    again: Annotated[
        bool, typer.Option("--export-again", help="Let Purview get the whole of it again, entry by entry.")
    ] = False,
    state: State = STATE,
) -> None:
    """Say which data, which job and whose approval each version of MODEL has behind it."""
    from cloud.ledger import TableLedger
    from cloud.storage import table_service
    from control.errors import HomeostatError
    from control.lineage import graph

    settings = settings_of(state)
    if again:
        export_again(model, settings)
        return
    ledger = TableLedger(lambda: table_service(settings))
    try:
        intent, _ = ledger.load(model)
        entities = graph(ledger.audit(model))
    except HomeostatError as err:
        raise fail(str(err)) from err
    if version is not None:
        entities = around(entities, version)
    if not entities:
        what = f"version {version} of {model}" if version else model
        raise fail(f"Nothing is known of {what}.")
    if as_json:
        typer.echo(json.dumps([shown(one) for one in entities], indent=2, ensure_ascii=False))
        return
    for line in told(entities):
        out.print(line, markup=False)
    if settings.purview_url:
        out.print(standing(intent.lineage, intent.audit_count), style="dim", markup=False)


def export_again(model: str, settings: Settings) -> None:
    """For when something was mended in Purview, or lost there."""
    from cloud.services import build
    from control.errors import HomeostatError
    from handlers.lineage import begin_again

    if settings.purview_url is None:
        raise fail("HOMEOSTAT_PURVIEW_URL is not set: nothing is exported (docs/lineage.md).")
    services = build(settings)
    try:
        if not services.ledger.load(model)[0].audit_count:
            raise fail(f"Nothing is known of {model}.")
        begin_again(model, services)
    except HomeostatError as err:
        raise fail(str(err)) from err
    out.print(f"The lineage of {model} is exported again, from its first entry on, within minutes.")


def told(entities: Sequence[Entity]) -> Iterator[str]:
    """A version each, with what it comes from above it and where it went below it."""
    known = {one.ref: one for one in entities}
    drawn: set[Ref] = set()
    versions = [one for one in entities if one.ref.kind == "version"]
    for version in sorted(versions, key=lambda one: (len(one.ref.key), one.ref.key)):
        yield _line(version)
        drawn.add(version.ref)
        for job in (one for one in entities if version.ref in (one.outputs or ())):
            yield from _with(job, "from", known, drawn)
        for job in (one for one in entities if version.ref in (one.inputs or ())):
            yield from _with(job, "to" if job.ref.kind == "release" else "looked at by", known, drawn)
    rest = [one for one in entities if one.ref not in drawn]
    if rest:
        yield "without a version:"
        yield from (f"  {_line(one)}" for one in rest)


def _with(process: Entity, how: str, known: dict[Ref, Entity], drawn: set[Ref]) -> Iterator[str]:
    yield f"  {how} {_line(process)}"
    drawn.add(process.ref)
    for ref in (*(process.inputs or ()), *(process.outputs or ())):
        if ref.kind in {"data", "deployment"}:
            yield f"    {_line(known[ref])}"
            drawn.add(ref)


def _line(entity: Entity) -> str:
    found = {name: entity.attributes.get(name) for name in SAID[entity.ref.kind]}
    said = ", ".join(f"{name} {value}" for name, value in found.items() if value is not None)
    return f"{entity.ref.kind} {entity.ref.key}" + (f" ({said})" if said else "")


def around(entities: Sequence[Entity], version: str) -> tuple[Entity, ...]:
    """The version, the processes that it is an end of, and their other ends."""
    processes = [
        one
        for one in entities
        if any(
            ref.kind == "version" and ref.key == version
            for ref in (*(one.inputs or ()), *(one.outputs or ()))
        )
    ]
    near = {one.ref for one in processes}
    near |= {ref for one in processes for ref in (*(one.inputs or ()), *(one.outputs or ()))}
    return tuple(
        one for one in entities if one.ref in near or (one.ref.kind, one.ref.key) == ("version", version)
    )


def shown(entity: Entity) -> dict[str, Any]:
    """As JSON: times in ISO 8601, ends by kind and name."""

    def ends(refs: Sequence[Ref] | None) -> list[dict[str, str]]:
        return [{"kind": ref.kind, "name": ref.key} for ref in refs or ()]

    attributes = {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in entity.attributes.items()
    }
    made: dict[str, Any] = {"kind": entity.ref.kind, "name": entity.ref.key, "attributes": attributes}
    if entity.ref.kind in {"job", "release"}:
        made |= {"inputs": ends(entity.inputs), "outputs": ends(entity.outputs)}
    return made


def standing(export: LineageExport, entries: int) -> str:
    """How far Purview has it."""
    if export.fault:
        return f"Purview has it up to entry {export.last} of {entries}: {export.fault}"
    if export.last >= entries:
        return "Purview has all of it."
    return f"Purview has it up to entry {export.last} of {entries}; the rest follows within minutes."
