"""2013, month by month: each month's batch lands, and the loop is given the time to come to rest.

The player is outside the app: it writes blobs, asks the endpoint and reads the audit trail, with the same
SDK clients that anybody would use.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from cli.demo.story import Record, of_audit, record
from cli.demo.traffic import Traffic

if TYPE_CHECKING:
    from control.policy import Policy
    from control.ports import Services
    from control.state import Intent

SERVING_S = 5.0
"""How often the requests are summed up."""
REST_S = 120
"""A month that takes longer than this to come to rest is a fault."""


class DemonstrationError(RuntimeError):
    """The loop did not do what it should in time."""


@dataclass
class Player:
    """Plays one model's year.

    Args:
        policy: the model's policy.
        services: how the ledger and the workspace are read.
        connection: connection string of the storage account that data land in.
        months: name and rows of each month, in time's order.
        say: called with every new record.
        features: columns that a request to the endpoint carries.
        scoring: answers an endpoint's scoring URL and key.
    """

    policy: Policy
    services: Services
    connection: str
    months: list[tuple[str, pa.Table]]
    say: Callable[[Record], None]
    features: list[str]
    scoring: Callable[[str], tuple[str, str]]
    records: list[Record] = field(default_factory=list)
    _audited: int = 0
    _summed: float = 0.0

    def play(self) -> None:
        """Play every month.

        Raises:
            DemonstrationError: a month did not come to rest in time.
        """
        traffic = Traffic(self._address)
        traffic.start()
        try:
            for name, rows in self.months:
                traffic.play(*self._requests(rows))
                self._land(name, rows)
                self._rest(name, traffic)
        finally:
            traffic.finish()
            self._serving(self.months[-1][0], traffic, every=0)

    def _land(self, name: str, rows: pa.Table) -> None:
        """Write the month's batch and, when it is whole, its marker."""
        from azure.storage.blob import BlobServiceClient

        with BlobServiceClient.from_connection_string(self.connection) as client:
            container = client.get_container_client(self.policy.data.datastore)
            folder = f"{self.policy.data.prefix}{name}/"
            sink = io.BytesIO()
            pq.write_table(rows, sink)
            container.upload_blob(f"{folder}flights.parquet", sink.getvalue(), overwrite=True)
            marker = self.policy.data.complete_when.marker
            if marker:
                container.upload_blob(f"{folder}{marker}", b"", overwrite=True)

    def _requests(self, rows: pa.Table) -> tuple[list[str], list[list[object]]]:
        columns = [rows.column(name).to_pylist() for name in self.features]
        return self.features, [list(row) for row in zip(*columns, strict=True)]

    def _rest(self, month: str, traffic: Traffic) -> None:
        """Wait until the batch is in the ledger and nothing is under way."""
        deadline = time.monotonic() + REST_S
        while True:
            self._audit()
            self._serving(month, traffic)
            known = any(
                batch.path.rstrip("/") == month for batch in self.services.ledger.batches(self.policy.name)
            )
            intent, _ = self.services.ledger.load(self.policy.name)
            if known and at_rest(intent):
                return
            if time.monotonic() > deadline:
                raise DemonstrationError(
                    f"{month} did not come to rest within {REST_S} s: "
                    f"retraining is {intent.retraining.phase}, the release is {intent.releasing.phase}"
                )
            time.sleep(0.4)

    def _audit(self) -> None:
        """Hand on what the audit trail says since the last look."""
        entries = list(self.services.ledger.audit(self.policy.name))
        for entry in entries[self._audited :]:
            self._tell(of_audit(self.policy.name, entry))
        self._audited = len(entries)

    def _serving(self, month: str, traffic: Traffic, every: float = SERVING_S) -> None:
        """Sum up the requests since the last time, when that is long enough ago."""
        if time.monotonic() - self._summed < every:
            return
        self._summed = time.monotonic()
        tally = traffic.take()
        if tally.answered or tally.failed:
            detail = {
                "month": month,
                "answered": tally.answered,
                "failed": tally.failed,
                "by_deployment": dict(tally.by_deployment),
                "reasons": dict(tally.reasons),
            }
            self._tell(record(datetime.now(UTC).isoformat(), "serving", self.policy.name, "requests", detail))

    def _tell(self, entry: Record) -> None:
        self.records.append(entry)
        self.say(entry)

    def _address(self) -> tuple[str, str] | None:
        """Where to ask, once there is a champion."""
        intent, _ = self.services.ledger.load(self.policy.name)
        if intent.releasing.champion is None:
            return None
        return self.scoring(self.policy.release.endpoint)


def at_rest(intent: Intent) -> bool:
    """Nothing is under way and no evidence waits."""
    retraining, releasing = intent.retraining, intent.releasing
    champion = releasing.champion
    return (
        retraining.phase == "idle"
        and retraining.wanted <= retraining.handled
        and releasing.phase in {"none", "promoted"}
        and not (champion and champion.previous)
    )
