"""Intent, batches and audit trail: one table, one partition a model, every commit one transaction.

Rows of a partition: `intent`; `batch-<path>`, one each; `audit-<number>`, each holding the hash of the one
before. The intent keeps the chain's head, so an entry that is changed, taken out or cut off shows.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from cloud.errors import NotFound, translated
from cloud.intent_json import SCHEMA, canonical, read
from control.errors import BadData, Conflict, Refused
from control.facts import Batch
from control.state import Intent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from azure.data.tables import TableClient, TableServiceClient

    from control.ports import Note

TABLE = "homeostat"
INTENT = "intent"
MOST_ROWS = 100
"""Azure's limit for one transaction."""
COLUMN = 32_000
"""Characters in one column; Azure allows 32,768."""
COLUMNS = 15
"""Columns of a row: Azure allows 1 MiB, two bytes a character."""
LONGEST_KEY = 400


class TableLedger:
    """The ledger in Azure Table Storage."""

    def __init__(self, service: Callable[[], TableServiceClient], table: str = TABLE) -> None:
        self._service = service
        self._name = table
        self._heads: dict[str, tuple[str, str, int]] = {}
        """By model: ETag and the chain's head under it, as we saw them last."""

    def load(self, model: str) -> tuple[Intent, str]:
        """The intent and its ETag; a new model's is empty, with an empty ETag."""
        try:
            with translated(f"reading the intent of {model}"):
                row = self._table.get_entity(_partition(model), INTENT)
        except NotFound:
            return Intent(model=model), ""
        intent = read(Intent, _body(row), f"intent of {model}", int(row["schema"]))
        etag = str(row.metadata["etag"])
        self._heads[model] = (etag, intent.audit_head, intent.audit_count)
        return intent, etag

    def commit(self, intent: Intent, etag: str, notes: Sequence[Note], batches: Sequence[Batch] = ()) -> str:
        """Write intent, chained audit entries and new batches in one transaction.

        Returns the new ETag. Raises Conflict when the intent has changed since it was loaded.
        """
        if 1 + len(notes) + len(batches) > MOST_ROWS:
            raise Refused(
                f"a commit of {intent.model} has {len(notes)} audit entries and {len(batches)} batches; "
                f"one transaction holds {MOST_ROWS - 1}"
            )
        head, count = self._head(intent.model, etag)
        entries = list(_chained(intent.model, head, count, notes))
        if entries:
            head, count = entries[-1]["hash"], entries[-1]["number"]
        row = _row(intent.model, INTENT, canonical(replace(intent, audit_head=head, audit_count=count)))
        operations: list[Any] = [_swap(row, etag)]
        operations += [("create", _row(intent.model, _audit_key(e["number"]), canonical(e))) for e in entries]
        operations += [
            ("upsert", _row(intent.model, _batch_key(batch.path), canonical(batch)), {"mode": "replace"})
            for batch in batches
        ]
        with translated(f"committing the intent of {intent.model}", changed=Conflict):
            new = str(self._table.submit_transaction(operations)[0]["etag"])
        self._heads[intent.model] = (new, head, count)
        return new

    def batches(self, model: str) -> Sequence[Batch]:
        """Every batch known of that model, by path."""
        rows = self._rows(model, "batch-", "batch.")
        found = (read(Batch, _body(row), f"{row['RowKey']} of {model}", int(row["schema"])) for row in rows)
        return sorted(found, key=lambda batch: batch.path)

    def audit(self, model: str, first: int = 1) -> Iterator[dict[str, Any]]:
        """The audit trail from its entry number `first` on, oldest first."""
        for row in self._rows(model, _audit_key(first), "audit."):
            yield json.loads(_body(row))

    def verify(self, model: str) -> str | None:
        """Walk the chain; names the first entry that is not what was written. None: all is as it was."""
        head, number = "", 0
        for number, entry in enumerate(self.audit(model), start=1):
            fault = _fault(entry, number, head)
            if fault:
                return f"audit entry {number} of {model} {fault}"
            head = entry["hash"]
        intent, _ = self.load(model)
        if intent.audit_count > number:
            return f"audit entry {number + 1} of {model} is missing: the intent counts {intent.audit_count}"
        if intent.audit_count < number:
            return f"audit entry {intent.audit_count + 1} of {model} was added past the intent's head"
        if intent.audit_head != head:
            return f"audit entry {number} of {model} is not the one that the intent names"
        return None

    @cached_property
    def _table(self) -> TableClient:
        with translated(f"creating the table {self._name}"):
            return self._service().create_table_if_not_exists(self._name)

    def _head(self, model: str, etag: str) -> tuple[str, int]:
        """The chain's head under that ETag: what the caller's intent says of it may be a commit old."""
        if not etag:
            return "", 0
        seen, head, count = self._heads.get(model, ("", "", 0))
        if seen != etag:
            stored, current = self.load(model)
            if current != etag:
                raise Conflict(f"the intent of {model} has changed since it was loaded")
            head, count = stored.audit_head, stored.audit_count
        return head, count

    def _rows(self, model: str, start: str, end: str) -> Iterator[Mapping[str, Any]]:
        with translated(f"reading {start}* of {model}"):
            yield from self._table.query_entities(
                "PartitionKey eq @model and RowKey ge @start and RowKey lt @end",
                parameters={"model": _partition(model), "start": start, "end": end},
            )


def _chained(model: str, head: str, count: int, notes: Sequence[Note]) -> Iterator[dict[str, Any]]:
    for number, note in enumerate(notes, start=count + 1):
        entry = {
            "model": model,
            "number": number,
            "previous": head,
            "at": note.at.isoformat(),
            "kind": note.kind,
            "name": note.name,
            "detail": note.detail,
        }
        head = _hash(entry)
        yield {**entry, "hash": head}


def _fault(entry: Mapping[str, Any], number: int, head: str) -> str | None:
    """What is wrong with that entry, when it should be the one after `head`."""
    if entry.get("number") != number:
        return f"is missing: {entry.get('number')} stands in its place"
    if entry.get("previous") != head:
        return "does not follow the one before"
    return None if entry.get("hash") == _hash(entry) else "was changed after it was written"


def _hash(entry: Mapping[str, Any]) -> str:
    """SHA-256 over the entry; the hash of the one before is one of its fields."""
    body = {key: value for key, value in entry.items() if key != "hash"}
    return hashlib.sha256(canonical(body).encode()).hexdigest()


def _swap(row: dict[str, Any], etag: str) -> tuple[Any, ...]:
    from azure.core import MatchConditions

    if not etag:
        return ("create", row)
    return (
        "update",
        row,
        {"mode": "replace", "etag": etag, "match_condition": MatchConditions.IfNotModified},
    )


def _row(model: str, key: str, body: str) -> dict[str, Any]:
    parts = [body[at : at + COLUMN] for at in range(0, len(body), COLUMN)]
    if len(parts) > COLUMNS:
        raise Refused(f"row {key} of {model} has {len(body)} characters; a row holds {COLUMN * COLUMNS}")
    columns = {f"json{n}": part for n, part in enumerate(parts)}
    return {
        "PartitionKey": _partition(model),
        "RowKey": key,
        "schema": SCHEMA,
        "parts": len(parts),
        **columns,
    }


def _body(row: Mapping[str, Any]) -> str:
    try:
        return "".join(row[f"json{n}"] for n in range(int(row["parts"])))
    except (KeyError, TypeError, ValueError) as err:
        raise BadData(f"row {row.get('RowKey')} of {row.get('PartitionKey')} lacks {err}") from err


def _partition(model: str) -> str:
    return _escaped(model)


def _audit_key(number: int) -> str:
    return f"audit-{number:08d}"


def _batch_key(path: str) -> str:
    key = _escaped(path)
    if len(key) > LONGEST_KEY:
        key = f"{key[: LONGEST_KEY - 65]}={hashlib.sha256(path.encode()).hexdigest()}"
    return f"batch-{key}"


def _escaped(text: str) -> str:
    """No `/`, backslash, `#` or `?` in a table's key; `%` is trouble in addresses: `=` stands for it."""
    return quote(text, safe="").replace("%", "=")
