"""A profile: what one pass over a table keeps of it. Bounded in size; parts merge into the whole.

Counts, histograms and extremes are the same for every split and order of the rows; means and sums of squares
agree to about 1e-12. Roles (is an integer column a number or a category?) are decided from the finished
counts, so they are the same too; when data are compared with a reference, the reference's roles hold.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from drift import encoding
from drift.column_profile import ColumnProfile
from drift.errors import ProfileError
from drift.joint import JointSummary
from drift.table_pass import profile_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pyarrow as pa

    from drift.block_rule import BlockRule
    from drift.column_table import ColumnTable
    from drift.fourier import FeatureMap

ROLES = ("number", "category", "time", "skip")


@dataclass(frozen=True, slots=True)
class Profile:
    """A table's profile."""

    rows: int = 0
    columns: dict[str, ColumnProfile] = field(default_factory=dict)
    joint: JointSummary | None = None
    """Columns of numbers together, where that was asked for."""

    def merge(self, other: Profile) -> Profile:
        """The profile of both sides' rows. A column that one side lacks keeps the other side's."""
        columns = dict(self.columns)
        for name, column in other.columns.items():
            columns[name] = columns[name].merge(column) if name in columns else column
        if not self.rows or not other.rows:
            joint = self.joint if self.rows else other.joint
        else:
            joint = self.joint.merge(other.joint) if self.joint and other.joint else None
        return Profile(self.rows + other.rows, columns, joint)

    def roles(self) -> dict[str, str]:
        """Each column's role, to be fixed when other data are compared with these.

        Empty columns are left out: they say nothing about what the column is.
        """
        return {
            name: "skip" if column.role == "skipped" else column.role
            for name, column in self.columns.items()
            if column.role != "empty"
        }

    def to_bytes(self) -> bytes:
        """The profile as a file: compact, with version and checksum."""
        return encoding.encode(self)

    @classmethod
    def from_bytes(cls, data: bytes) -> Profile:
        """Read what `to_bytes` wrote.

        Raises:
            ProfileError: it is damaged, foreign or of another version.
        """
        return encoding.decode(data)


def profile_batches(
    batches: Iterable[pa.RecordBatch | pa.Table | ColumnTable],
    *,
    columns: Sequence[str] | None = None,
    roles: Mapping[str, str] | None = None,
    blocks: BlockRule | None = None,
    joint: bool | FeatureMap = False,
) -> Profile:
    """Profile a table in one pass, in bounded memory.

    Args:
        batches: the table, in any pieces. A `ColumnTable` among them is quicker, where neither `blocks`
            nor `joint` is asked for.
        columns: only these, where they exist.
        roles: fixed roles by column name: `number`, `category`, `time` or `skip`. Give the reference's
            (`reference.roles()`) when the data are to be compared with it.
        joint: keep means and co-moments of the columns of numbers together as well, for multivariate
            measures. A map (the reference's, `reference.joint.map`) makes the features comparable; with True
            one is made that suits the first rows.
        blocks: which rows belong together (`ByTime`, `OneBlock`): keeps small counts for each block too.

    Raises:
        ProfileError: a role is none of these, or the blocks' time column is missing or no time.
    """
    asked = dict(roles or {})
    for name, role in asked.items():
        if role not in ROLES:
            raise ProfileError(f"column {name!r}: role {role!r} is none of {', '.join(ROLES)}")
    wanted = None if columns is None else frozenset(columns)
    return Profile(*profile_table(batches, wanted, asked, blocks, joint=joint))
