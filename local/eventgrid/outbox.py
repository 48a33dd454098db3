"""Deliveries that are owed, in sqlite: what was accepted is delivered, also after a restart."""

from __future__ import annotations

import json
import sqlite3
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

_TABLES = """
CREATE TABLE IF NOT EXISTS deliveries (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    subscription TEXT NOT NULL,
    event TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    published REAL NOT NULL,
    due REAL NOT NULL,
    outcome TEXT NOT NULL DEFAULT '',
    attempted REAL
);
CREATE INDEX IF NOT EXISTS by_due ON deliveries (due);
CREATE TABLE IF NOT EXISTS validated (subscription TEXT PRIMARY KEY, endpoint TEXT NOT NULL);
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """One event owed to one subscription."""

    number: int
    subscription: str
    event: dict[str, Any]
    attempts: int
    published: float
    outcome: str
    attempted: float | None


class Outbox:
    """The deliveries table. Every method is one transaction."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(_TABLES)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def add(self, owed: Iterable[tuple[str, dict[str, Any]]]) -> None:
        """Owe each (subscription, event), all or none of them."""
        now = time.time()
        rows = [(subscription, json.dumps(event), now, now) for subscription, event in owed]
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._db.executemany(
                "INSERT INTO deliveries (subscription, event, published, due) VALUES (?, ?, ?, ?)", rows
            )
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def due(self, *, excluding: Collection[int], limit: int) -> list[Delivery]:
        """What should be tried now, the longest owed first."""
        rows = self._db.execute(
            "SELECT number, subscription, event, attempts, published, outcome, attempted FROM deliveries "
            "WHERE due <= ? AND number NOT IN (SELECT value FROM json_each(?)) ORDER BY due, number LIMIT ?",
            (time.time(), json.dumps(list(excluding)), limit),
        )
        return [
            Delivery(
                number=number, subscription=subscription, event=json.loads(event), attempts=attempts,
                published=published, outcome=outcome, attempted=attempted,
            )
            for number, subscription, event, attempts, published, outcome, attempted in rows
        ]  # fmt: skip

    def next_due(self, *, excluding: Collection[int]) -> float | None:
        """When the next delivery is to be tried."""
        found: float | None = self._db.execute(
            "SELECT min(due) FROM deliveries WHERE number NOT IN (SELECT value FROM json_each(?))",
            (json.dumps(list(excluding)),),
        ).fetchone()[0]
        return found

    def failed(self, number: int, *, outcome: str, due: float) -> None:
        """An attempt failed; try again then."""
        self._db.execute(
            "UPDATE deliveries SET attempts = attempts + 1, outcome = ?, attempted = ?, due = ? "
            "WHERE number = ?",
            (outcome, time.time(), due, number),
        )

    def done(self, number: int) -> None:
        """Nothing is owed any more."""
        self._db.execute("DELETE FROM deliveries WHERE number = ?", (number,))

    def hurry(self) -> None:
        """Everything that waits for another try is due now."""
        self._db.execute("UPDATE deliveries SET due = ? WHERE due > ?", (time.time(), time.time()))

    def owed(self) -> int:
        """How many deliveries are owed."""
        count: int = self._db.execute("SELECT count(*) FROM deliveries").fetchone()[0]
        return count

    def validated(self, subscription: str, endpoint: str) -> bool:
        """Whether that endpoint has shown that it wants the subscription's events."""
        return (
            self._db.execute(
                "SELECT 1 FROM validated WHERE subscription = ? AND endpoint = ?", (subscription, endpoint)
            ).fetchone()
            is not None
        )

    def set_validated(self, subscription: str, endpoint: str) -> None:
        """Remember that it has."""
        self._db.execute("INSERT OR REPLACE INTO validated VALUES (?, ?)", (subscription, endpoint))
