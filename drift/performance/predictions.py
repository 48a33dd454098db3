"""`predictions.parquet`: what two models said of the same rows, and what was true.

docs/pipeline-contract.md has its columns.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from drift.hashing import mix

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Codes = NDArray[np.intp]

LABEL, CANDIDATE, CHAMPION, UNIT, SLICE = "label", "candidate", "champion", "unit", "slice_"
ABOUT = b"homeostat"
"""Key of the file's schema metadata: JSON with `task`, `thresholds` and `drawn`, each optional."""
Task = Literal["binary", "regression"]
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


class PredictionsError(Exception):
    """The per-row results cannot be used; the message says what is wrong with which column."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Slicing:
    """One way to cut the rows: for each row the number of its value in `values`, which are sorted."""

    codes: Codes
    values: tuple[Any, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Predictions:
    """Rows with their label and the models' scores; one entry a row in every array."""

    task: Task
    label: Array
    scores: Mapping[str, Array]
    """`candidate` and, where there is one, `champion`: probabilities of label 1, or predicted numbers."""
    thresholds: Mapping[str, float] = field(default_factory=dict)
    """Probability from which a model says 1; 0.5 where nothing is written."""
    units: Codes | None = None
    """What belongs together and is drawn as a whole; None: every row stands for itself."""
    drawn: str = "rows"
    """What the units are, in words."""
    slices: Mapping[str, Slicing] = field(default_factory=dict)
    rows: Codes
    """Position of each row in the file."""

    def __len__(self) -> int:
        return len(self.label)

    def threshold(self, model: str) -> float:
        """Probability from which that model says 1."""
        return self.thresholds.get(model, 0.5)

    def take(self, places: Codes) -> Predictions:
        """Those rows, in that order, without their slices."""
        return replace(
            self,
            label=self.label[places],
            scores={name: scores[places] for name, scores in self.scores.items()},
            units=None if self.units is None else self.units[places],
            slices={},
            rows=self.rows[places],
        )

    def canonical(self) -> Predictions:
        """The rows in an order that depends on what they are and not on how they came.

        Sums and draws then are the same, to the last bit, for the same rows in any order.
        """
        mixed = np.zeros(len(self), np.uint64)
        parts = [self.label, *self.scores.values()]
        codes = [one.codes for one in self.slices.values()]
        codes += [] if self.units is None else [self.units]
        with np.errstate(over="ignore"):
            for place, part in enumerate([*parts, *codes], start=1):
                # + 0.0: there are two zeros
                words = (part + 0.0).view(np.uint64) if part.dtype == np.float64 else part.astype(np.uint64)
                mixed = mix(mixed * _GOLDEN + words + np.uint64(place))
        order = np.argsort(mixed, kind="stable")
        slices = {
            name: Slicing(codes=one.codes[order], values=one.values) for name, one in self.slices.items()
        }
        return replace(self.take(order), slices=slices)


def from_parquet(body: bytes, *, without: Sequence[str] = ()) -> Predictions:
    """Read the file's bytes.

    Args:
        body: of a Parquet file.
        without: names of slicing columns that must not be looked at.

    Raises:
        PredictionsError: what is wrong, and with which column.
    """
    try:
        table = pq.read_table(pa.BufferReader(body))
    except (pa.ArrowException, OSError) as err:
        raise PredictionsError(f"cannot be read as Parquet: {err}") from err
    return from_table(table, without=without)


def from_table(table: pa.Table, *, without: Sequence[str] = ()) -> Predictions:
    """Check and take apart a table with the columns of `predictions.parquet`.

    Raises:
        PredictionsError: what is wrong, and with which column.
    """
    about = _about(table)
    if not len(table):
        raise PredictionsError("it has no rows")
    label = _numbers(table, LABEL)
    scores = {CANDIDATE: _numbers(table, CANDIDATE)}
    if CHAMPION in table.column_names and table[CHAMPION].null_count < len(table):
        scores[CHAMPION] = _numbers(table, CHAMPION)
    units = _sorted_codes(table[UNIT]).codes if UNIT in table.column_names else None
    hidden = {SLICE + name for name in without}
    names = [name for name in table.column_names if name.startswith(SLICE) and name not in hidden]
    return Predictions(
        task=_task(about.get("task"), label, scores),
        label=label,
        scores=scores,
        thresholds={name: float(value) for name, value in dict(about.get("thresholds") or {}).items()},
        units=units,
        drawn="rows" if units is None else str(about.get("drawn") or "units"),
        slices={name.removeprefix(SLICE): _sorted_codes(table[name]) for name in names},
        rows=np.arange(len(table)),
    )


def described(table: pa.Table, *, task: str, thresholds: Mapping[str, float], drawn: str | None) -> pa.Table:
    """The table with its metadata: what `from_table` would otherwise have to guess."""
    about = {"task": task, "thresholds": dict(thresholds)} | ({"drawn": drawn} if drawn else {})
    return table.replace_schema_metadata({ABOUT: json.dumps(about, sort_keys=True)})


def _about(table: pa.Table) -> dict[str, Any]:
    written = (table.schema.metadata or {}).get(ABOUT, b"{}")
    try:
        about = json.loads(written)
    except ValueError as err:
        raise PredictionsError(f"its metadata 'homeostat' is not JSON: {err}") from err
    if not isinstance(about, dict):
        raise PredictionsError("its metadata 'homeostat' is not a JSON object")
    return about


def _numbers(table: pa.Table, name: str) -> Array:
    if name not in table.column_names:
        raise PredictionsError(f"it has no column {name!r}")
    column = table[name]
    if column.null_count:
        raise PredictionsError(f"column {name!r} is null in {column.null_count} rows")
    try:
        values = pc.cast(pc.cast(column, pa.uint8()) if pa.types.is_boolean(column.type) else column,
                         pa.float64(), safe=False)  # fmt: skip
    except pa.ArrowException as err:
        raise PredictionsError(f"column {name!r} is {column.type}, not numbers") from err
    found: Array = values.to_numpy()
    wrong = len(found) - int(np.count_nonzero(np.isfinite(found)))
    if wrong:
        raise PredictionsError(f"column {name!r} is not a finite number in {wrong} rows")
    return found


def _task(stated: object, label: Array, scores: Mapping[str, Array]) -> Task:
    binary = bool(((label == 0) | (label == 1)).all())
    shares = all(bool(((one >= 0) & (one <= 1)).all()) for one in scores.values())
    if stated is None:
        return "binary" if binary and shares else "regression"
    if stated == "regression":
        return "regression"
    if stated != "binary":
        raise PredictionsError(f"its task is {stated!r}: it must be binary or regression")
    if not binary:
        raise PredictionsError("its task is binary, but labels other than 0 and 1 occur")
    if not shares:
        raise PredictionsError("its task is binary, but scores below 0 or above 1 occur")
    return "binary"


def _sorted_codes(column: pa.ChunkedArray) -> Slicing:
    encoded = pc.dictionary_encode(column.combine_chunks(), null_encoding="encode")
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    values = encoded.dictionary
    order = pc.sort_indices(values).to_numpy()
    places = np.empty(len(order), np.intp)
    places[order] = np.arange(len(order))
    codes = places[encoded.indices.to_numpy(zero_copy_only=False)]
    return Slicing(codes=codes, values=tuple(_plain(value) for value in values.take(order).to_pylist()))


def _plain(value: Any) -> Any:
    """As JSON has it."""
    return value if value is None or isinstance(value, str | bool | int | float) else str(value)
