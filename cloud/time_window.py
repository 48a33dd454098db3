"""The rows of a time: only they are kept, and of Parquet only the row groups that may hold them are read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any

from control.errors import BadData

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeWindow:
    """Rows whose `column` lies from `since` on and before `until`; without a time zone it counts as UTC."""

    column: str
    since: datetime | None = None
    until: datetime | None = None

    def may_be_in(self, least: Any, most: Any) -> bool:
        """Whether a time between these two, as Parquet's statistics give them, may lie in the window."""
        first, last = _moment(least), _moment(most)
        if first is None or last is None:
            return True
        return not ((self.since and last < self.since) or (self.until and first >= self.until))

    def of(self, batch: pa.RecordBatch | pa.Table, said: str) -> pa.RecordBatch | pa.Table:
        """The rows of a batch that lie in the window; those without a time do not.

        Raises:
            BadData: the column is missing, or no time.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        if batch.schema.names.count(self.column) != 1:
            raise BadData(f"{said}: there is no one column {self.column!r} to tell the time of a row by")
        times = batch.column(self.column)
        type_ = times.type
        if not (pa.types.is_timestamp(type_) or pa.types.is_date(type_)):
            raise BadData(f"{said}: column {self.column!r} is {type_}, not a date or a timestamp")
        moments = times.cast(pa.timestamp("us", "UTC"), safe=False)
        inside = pc.is_valid(moments)
        for bound, holds in ((self.since, pc.greater_equal), (self.until, pc.less)):
            if bound is not None:
                inside = pc.and_kleene(inside, holds(moments, pa.scalar(bound, pa.timestamp("us", "UTC"))))
        return batch.filter(inside)


def _moment(value: Any) -> datetime | None:
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    return datetime.combine(value, time(), UTC) if isinstance(value, date) else None
