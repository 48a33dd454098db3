"""What a profile keeps of numeric columns together: of rows that have them all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from drift.arrow_columns import floats, kind_of, valid_rows
from drift.fourier import FeatureMap, FeatureSums

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from drift.blocks import RowBlocks

MOST_COLUMNS = 64
"""The first so many columns of numbers take part: co-moments grow with their square."""


@dataclass(frozen=True, slots=True, eq=False)
class JointSummary:
    """k columns over the rows in which all of them are finite.

    `comoment[i, j]` is the sum of (x_i - mean_i)(x_j - mean_j); `left_out` counts the other rows.
    """

    names: tuple[str, ...]
    rows: int
    left_out: int
    mean: NDArray[np.float64]
    comoment: NDArray[np.float64]
    features: FeatureSums | None = None
    """Under a map that suits the reference."""

    @classmethod
    def of(
        cls,
        names: tuple[str, ...],
        matrix: NDArray[np.float64],
        map_: FeatureMap | None = None,
        blocks: RowBlocks | None = None,
    ) -> JointSummary:
        """Summarise rows (n x k); those with NaN or infinities are left out.

        Without a map one is made that suits these rows. `blocks` are the rows'.
        """
        complete = np.isfinite(matrix).all(axis=1)
        kept = matrix if complete.all() else matrix[complete]
        if not kept.shape[0]:
            size = len(names)
            return cls(names, 0, matrix.shape[0], np.zeros(size), np.zeros((size, size)))
        mean = kept.mean(axis=0)
        apart = kept - mean
        features = FeatureSums.of(map_ or FeatureMap.of(kept), kept, blocks, complete)
        return cls(names, kept.shape[0], matrix.shape[0] - kept.shape[0], mean, apart.T @ apart, features)

    def merge(self, other: JointSummary) -> JointSummary | None:
        """The summary of both sides' rows; None where the columns are not the same."""
        if self.names != other.names:
            return None
        rows, left_out = self.rows + other.rows, self.left_out + other.left_out
        if not self.rows or not other.rows:
            source = self if self.rows else other
            return JointSummary(self.names, rows, left_out, source.mean, source.comoment, source.features)
        # Chan, Golub and LeVeque (1979), for each pair of columns.
        apart, share = other.mean - self.mean, other.rows / rows
        comoment = self.comoment + other.comoment + np.outer(apart, apart) * (self.rows * share)
        features = self.features.merge(other.features) if self.features and other.features else None
        return JointSummary(self.names, rows, left_out, self.mean + apart * share, comoment, features)

    @property
    def map(self) -> FeatureMap | None:
        """What the current data are to be mapped by."""
        return self.features.map if self.features else None

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, JointSummary)
            and (self.names, self.rows, self.left_out) == (other.names, other.rows, other.left_out)
            and np.array_equal(self.mean, other.mean)
            and np.array_equal(self.comoment, other.comoment)
        )

    __hash__ = None  # type: ignore[assignment]


def joint_columns(schema: pa.Schema, wanted: frozenset[str] | None) -> list[int]:
    """Places of the columns that take part: the first ones of numbers, by the schema."""
    places = [
        place
        for place, field in enumerate(schema)
        if kind_of(field.type) == "number" and (wanted is None or field.name in wanted)
    ]
    return places[:MOST_COLUMNS]


def matrix_of(batch: pa.RecordBatch, places: list[int]) -> NDArray[np.float64]:
    """Those columns of a batch as rows x columns; nulls are NaN."""
    matrix = np.full((batch.num_rows, len(places)), np.nan)
    for at, place in enumerate(places):
        array = batch.column(place)
        if pa.types.is_dictionary(array.type):
            array = array.dictionary_decode()
        if array.null_count:
            matrix[valid_rows(array), at] = floats(array)
        else:
            matrix[:, at] = floats(array)
    return matrix
