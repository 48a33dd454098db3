"""How far the predictions of candidate and champion are apart, by what the data collector wrote of both.

The collector's blobs are by the hour, a phase of a release is not: of each blob only the rows count whose own
time lies in the span, for both deployments alike. A blob grows at its end; so what was read of it is kept as
a profile, under its place and the number of bytes, and the next look reads what is new.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from cloud.collected import LINES, blobs_between, collector
from cloud.datastores import DEFAULT
from cloud.errors import translated
from cloud.json_rows import batch_of
from cloud.profiles import KeptProfiles
from control.traffic import Outputs

if TYPE_CHECKING:
    import pyarrow as pa

    from cloud.datastores import Datastores, Store
    from control.policy import Policy
    from control.ports import Blob
    from drift.column_profile import ColumnProfile
    from drift.profile import Profile

log = logging.getLogger("homeostat.predictions")

KEPT = re.compile(r"^([0-9a-f]{40})-(\d+)$")
"""Name of a kept profile: which rows of which blob, and how many of its bytes were read."""


class Predictions:
    """Outputs of deployments, side by side."""

    def __init__(self, datastores: Datastores) -> None:
        self._datastores = datastores

    def compared(
        self, policy: Policy, candidate: str, champion: str, since: datetime, until: datetime
    ) -> tuple[Outputs, ...]:
        """One for each output column, from rows of that time; empty when neither has any."""
        store, root = collector(self._datastores)
        profiles = []
        for name in (candidate, champion):
            kept = KeptProfiles(self._datastores[DEFAULT], f"homeostat/{policy.name}/outputs/{name}/")
            place = f"{root}{policy.release.endpoint}/{name}/model_outputs/"
            profiles.append(_Reading(store, place, kept, since, until).profile())
        return outputs(*profiles)


def outputs(candidate: Profile, champion: Profile) -> tuple[Outputs, ...]:
    """How far apart the columns of these tables are, one for each.

    Numbers: the Kolmogorov-Smirnov distance; integers of few values, texts and booleans: the total variation.
    A missing value is one more value: beyond all numbers, a category of its own. A column with values of
    another kind than the champion's is 1 apart. What only one side has, or has in mixed types, has 0 rows and
    the distance 0: nothing can be said of it.
    """
    return tuple(
        _output(name, candidate.columns.get(name), champion.columns.get(name))
        for name in sorted({*candidate.columns, *champion.columns})
    )


def _output(name: str, one: ColumnProfile | None, other: ColumnProfile | None) -> Outputs:
    rows = [
        column.count + column.missing if column and column.kind != "skipped" else 0 for column in (one, other)
    ]
    distance, categories = 0.0, 0
    if one and other and all(rows):
        distance, categories = _distance(one, other)
    return Outputs(
        column=name,
        distance=distance,
        candidate_rows=rows[0],
        champion_rows=rows[1],
        categories=categories,
    )


def _distance(one: ColumnProfile, other: ColumnProfile) -> tuple[float, int]:
    """Distance, and the number of categories behind it."""
    import numpy as np

    from drift.alignment import align, category_table

    missing = np.array([one.missing, other.missing])
    rows = np.array([one.count, other.count]) + missing
    if not one.count or not other.count:
        return float(abs(np.diff(missing / rows))[0]), 2
    left, right = one.category_counts(), other.category_counts()
    as_numbers = other.role in {"number", "time"} or left is None or right is None
    if as_numbers and one.numeric and other.numeric:
        both = align(other.numeric.histogram, one.numeric.histogram)
        f, g = np.cumsum(both.current) / rows[0], np.cumsum(both.reference) / rows[1]
        return float(np.max(np.abs(f - g))), 0
    if left is None or right is None or (one.category is None) != (other.category is None):
        return float(1 - np.min(missing / rows)), 2
    p, q = category_table(left, right)
    apart = np.abs(p / rows[0] - q / rows[1]).sum() + abs(np.diff(missing / rows))[0]
    return float(apart / 2), int(p.size + missing.any())


@dataclass(frozen=True, slots=True)
class _Reading:
    """The rows of one deployment."""

    store: Store
    place: str
    kept: KeptProfiles
    since: datetime
    until: datetime
    needed: set[str] = field(default_factory=set)

    def profile(self) -> Profile:
        """Of all its rows in the span."""
        from drift.profile import Profile

        known: dict[str, int] = {}
        for name in self.kept.names():
            if found := KEPT.match(name):
                known[found[1]] = max(int(found[2]), known.get(found[1], 0))
        total = Profile()
        for hour, blob in blobs_between(self.store, self.place, self.since, self.until):
            if hour + timedelta(hours=1) > self.since and blob.size:
                total = total.merge(self._blob(hour, blob, known))
        self.kept.forget_all_but(self.needed)
        return total

    def _blob(self, hour: datetime, blob: Blob, known: dict[str, int]) -> Profile:
        from drift.profile import Profile, profile_batches

        # Whatever the span's beginning is, all rows of a later hour count.
        begins = self.since.isoformat() if hour < self.since else ""
        key = hashlib.blake2b(f"{self.place}{blob.path} {begins}".encode(), digest_size=20).hexdigest()
        start = known.get(key, 0)
        before = self.kept.get(f"{key}-{start}") if 0 < start <= blob.size else None
        if before is None:
            before, start = Profile(), 0
        new = _New(self.since, self.until)
        kept = before
        if start < blob.size:
            lines = self._lines(blob, start)
            kept = before.merge(profile_batches(new.settled(lines)))
        if new.foreign:
            log.warning("blob %s: %d lines are not of the data collector", blob.path, new.foreign)
        end = start + new.read
        if end:
            self.needed.add(f"{key}-{end}")
            if new.read:
                self.kept.put(f"{key}-{end}", kept)
        return kept.merge(profile_batches(new.unsettled()))

    def _lines(self, blob: Blob, start: int) -> Iterator[bytes]:
        """Lines with their ends; the last one may have none."""
        client = self.store.blob(self.place + blob.path)
        with translated(f"reading blob {blob.path} of {self.place}"):
            rest = b""
            for chunk in client.download_blob(offset=start, length=blob.size - start).chunks():
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    yield line + b"\n"
            if rest:
                yield rest


@dataclass(slots=True)
class _New:
    """Rows of a blob that were not read before.

    `settled` are those of whole lines before the first one past the span: they will not change. The rest,
    late lines after that and a last one without its end, count now and are read again the next time.
    """

    since: datetime
    until: datetime
    read: int = 0
    """Bytes of the settled lines."""
    foreign: int = 0
    """Whole lines that are not the collector's."""
    _rest: list[dict[str, Any]] = field(default_factory=list)

    def settled(self, lines: Iterator[bytes]) -> Iterator[pa.RecordBatch]:
        """Batches of them; all lines are taken."""
        rows: list[dict[str, Any]] = []
        open_end = False
        for line in lines:
            at, found = _record(line)
            open_end = open_end or not line.endswith(b"\n") or (at is not None and at >= self.until)
            within = at is not None and self.since <= at < self.until
            if open_end:
                self._rest.extend(found if within else ())
                continue
            self.read += len(line)
            self.foreign += at is None and not line.isspace()
            rows.extend(found if within else ())
            if len(rows) >= LINES:
                yield batch_of(rows)
                rows = []
        if rows:
            yield batch_of(rows)

    def unsettled(self) -> Iterator[pa.RecordBatch]:
        """The rest."""
        if self._rest:
            yield batch_of(self._rest)


def _record(line: bytes) -> tuple[datetime | None, list[dict[str, Any]]]:
    """When the collector took it, and its rows; none of a line that is not the collector's."""
    try:
        record = json.loads(line)
        at = datetime.fromisoformat(record["time"])
        rows = record["data"]
    except (ValueError, KeyError, TypeError):
        return None, []
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        return None, []
    return at if at.tzinfo else at.replace(tzinfo=UTC), rows
