"""Everything the control plane knows of a workspace, in one SQLite file."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from local.azureml.names import Home

_SCHEMA = """
CREATE TABLE IF NOT EXISTS records (
    number INTEGER PRIMARY KEY,
    kind TEXT NOT NULL, name TEXT NOT NULL, version TEXT NOT NULL,
    body TEXT NOT NULL, private TEXT NOT NULL,
    UNIQUE (kind, name, version)
)
"""


@dataclass(slots=True)
class Record:
    """One resource.

    Attributes:
        kind: as in the ARM path, such as `models` or `jobs`.
        name: its name; an online deployment's is its endpoint's.
        version: an asset's version or an online deployment's name; empty otherwise.
        body: what GET answers.
        private: what no answer shows, such as keys and the request as it came.
    """

    kind: str
    name: str
    version: str
    body: dict[str, Any]
    private: dict[str, Any] = field(default_factory=dict)

    @property
    def properties(self) -> dict[str, Any]:
        """The body's properties, to read and to change."""
        properties: dict[str, Any] = self.body["properties"]
        return properties


class Store:
    """Records by kind, name and version, in the order in which they were first written.

    A write is on disk when `put` returns, so a killed process loses nothing that was answered.
    """

    def __init__(self, file: Path, home: Home) -> None:
        self.home = home
        file.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(file, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def put(self, record: Record) -> None:
        """Write, or write again."""
        self._db.execute(
            "INSERT INTO records (kind, name, version, body, private) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (kind, name, version) "
            "DO UPDATE SET body = excluded.body, private = excluded.private",
            (record.kind, record.name, record.version, json.dumps(record.body), json.dumps(record.private)),
        )

    def get(self, kind: str, name: str, version: str = "") -> Record | None:
        """The record, or None."""
        rows = self._read("kind = ? AND name = ? AND version = ?", (kind, name, version))
        return next(rows, None)

    def all(self, kind: str, name: str | None = None) -> list[Record]:
        """Every record of that kind (and name), oldest first."""
        if name is None:
            return list(self._read("kind = ?", (kind,)))
        return list(self._read("kind = ? AND name = ?", (kind, name)))

    def delete(self, kind: str, name: str, version: str = "") -> None:
        """Forget it."""
        self._db.execute(
            "DELETE FROM records WHERE kind = ? AND name = ? AND version = ?", (kind, name, version)
        )

    def _read(self, where: str, values: tuple[str, ...]) -> Iterator[Record]:
        query = f"SELECT kind, name, version, body, private FROM records WHERE {where} ORDER BY number"  # noqa: S608
        for kind, name, version, body, private in self._db.execute(query, values).fetchall():
            yield Record(kind, name, version, json.loads(body), json.loads(private))
