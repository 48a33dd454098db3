"""What `homeostat drift` is given as data: a stored profile, or data to be profiled."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cli.meanwhile import import_meanwhile
from cloud.data_address import is_address
from control.errors import BadData, BadInput

if TYPE_CHECKING:
    from cloud.tables import Progress
    from cloud.time_window import TimeWindow
    from drift.block_rule import ByTime
    from drift.fourier import FeatureMap
    from drift.profile import Profile


def load(
    source: str,
    *,
    columns: Sequence[str] = (),
    roles: Mapping[str, str] | None = None,
    blocks: ByTime | None = None,
    joint: bool | FeatureMap = False,
    window: TimeWindow | None = None,
) -> Profile:
    """The profile that a source is or that its rows have. Progress shows on a terminal.

    Args:
        source: a stored profile, or what `cloud.sources.source_batches` reads.
        columns: only these of data; empty means all.
        roles: fixed roles of data, by column.
        blocks: which rows of data belong together.
        joint: keep the columns of numbers together as well.
        window: only rows of that time.

    Raises:
        BadData: the source cannot be read.
        BadInput: it has no such time column, or a role is unknown.
    """
    from cloud.sources import source_batches
    from drift.errors import ProfileError
    from drift.profile import profile_batches

    stored = _stored(source)
    if stored is not None:
        return stored
    import_meanwhile("drift.verdict", *(["rich.table"] if sys.stdout.isatty() else []))
    wanted = list(columns) or None
    read = [*columns, blocks.column] if wanted and blocks else wanted
    with _progress(source) as told:
        by_column = blocks is None and joint is False
        batches = source_batches(source, read, told, window, by_column=by_column)
        try:
            return profile_batches(batches, columns=wanted, roles=roles, blocks=blocks, joint=joint)
        except ProfileError as err:
            raise BadInput(f"{source}: {err}") from err


@contextmanager
def _progress(source: str) -> Iterator[Progress | None]:
    """What is to be told how far the reading is; None where nobody looks."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich import progress
    from rich.console import Console

    with progress.Progress(
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.TaskProgressColumn(),
        progress.TextColumn("{task.fields[rows]:,} rows"),
        progress.TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as bar:
        task = bar.add_task(source.replace("[", r"\["), total=None, rows=0)
        rows = 0

        def told(done: int, total: int, more: int) -> None:
            nonlocal rows
            rows += more
            bar.update(task, completed=done, total=total, rows=rows)

        yield told


def _stored(source: str) -> Profile | None:
    """The profile in a file; None when the source is data."""
    from drift.encoding import MAGIC
    from drift.errors import ProfileError
    from drift.profile import Profile

    path = Path(source)
    if is_address(source) or not path.is_file():
        return None
    try:
        with path.open("rb") as file:
            start = file.read(len(MAGIC))
            if start != MAGIC:
                return None
            return Profile.from_bytes(start + file.read())
    except ProfileError as err:
        raise BadData(f"file {source}: {err}. Make the profile again: homeostat drift profile") from err
