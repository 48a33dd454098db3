"""A table that is read a column at a time: each is counted in the thread that has just read it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import pyarrow as pa

    from drift.column_builder import ColumnBuilder
    from drift.column_profile import ColumnProfile
    from drift.embedding import EmbeddingBuilder

THREADS = 2
"""Each counts its own columns."""


class ColumnTable(ABC):
    """Rows whose columns can be read by themselves."""

    schema: pa.Schema
    num_rows: int

    @abstractmethod
    def arrays(self, place: int) -> Iterable[pa.Array]:
        """A column's values. Several threads ask at the same time, each for other columns."""


def profile_columns(
    table: ColumnTable, builders: Sequence[tuple[int, Callable[[], ColumnBuilder | EmbeddingBuilder]]]
) -> dict[str, ColumnProfile]:
    """The profiles of columns, each by its place and what makes its builder."""
    waiting = deque(builders)
    found: dict[int, dict[str, ColumnProfile]] = {}

    def work() -> None:
        while waiting:
            try:
                place, builder_of = waiting.popleft()
            except IndexError:  # the other thread was quicker
                return
            builder = builder_of()
            for array in table.arrays(place):
                builder.add([array])
            found[place] = builder.finish()

    with ThreadPoolExecutor(THREADS, "profile") as pool:
        for thread in [pool.submit(work) for _ in range(THREADS)]:
            try:
                thread.result()
            except BaseException:
                waiting.clear()  # the other thread ends with its column
                raise
    return {name: column for place, _ in builders for name, column in found[place].items()}
