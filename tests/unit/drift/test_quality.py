"""The quality gate names everything that is wrong with a batch."""

import datetime as dt
from typing import Any

import pyarrow as pa
import pytest

from drift import ProfileError
from drift.profile import profile_batches
from drift.quality import QualityVerdict, check_quality

GOOD = {
    "i": pa.array([1, 2, None, 4]),
    "n": pa.array([1.5, 2.0, 3.0, 4.0]),
    "s": pa.array(["a", "b", "c", "d"]).dictionary_encode(),
    "b": pa.array([True, False, True, None]),
    "t": pa.array([dt.datetime(2013, 1, 1)] * 4),  # noqa: DTZ001
}
TYPES = {"i": "integer", "n": "number", "s": "string", "b": "boolean", "t": "timestamp"}


def run(
    columns: Any, types: dict[str, str] = TYPES, max_null_rate: float = 0.25, min_rows: int = 4
) -> QualityVerdict:
    return check_quality(
        profile_batches([pa.table(columns)]), columns=types, max_null_rate=max_null_rate, min_rows=min_rows
    )


def test_a_good_batch_passes() -> None:
    verdict = run(GOOD)
    assert (verdict.verdict, verdict.reasons) == ("pass", ())
    assert verdict.to_dict() == {"verdict": "pass", "reasons": []}


def test_everything_wrong_is_named_at_once() -> None:
    bad = {"i": ["a", "b", "c"], "n": [None, 1.5, float("nan")], "b": [0, 1, 0], "t": [1, 2, 3]}
    assert run(bad).reasons == (
        "3 rows; at least 4 are needed",
        "column 'i': expected integer, found string",
        "column 'n': 66.67% nulls; at most 25.00% are allowed",
        "column 's' is missing",
        "column 'b': expected boolean, found int64",
        "column 't': expected timestamp, found int64",
    )


@pytest.mark.parametrize(
    ("expected", "array", "fits"),
    [
        ("integer", pa.array([1.0, None, 3.0]), True),  # whole numbers with nulls often come as floats
        ("integer", pa.array([1.0, 2.5]), False),
        ("integer", pa.array([1.0, float("inf")]), False),
        ("number", pa.array([1, 2]), True),
        ("number", pa.array(["1"]), False),
        ("string", pa.array([True]), False),
        ("boolean", pa.array(["true"]), False),
        ("timestamp", pa.array([dt.date(2013, 1, 1)]), True),
        ("string", pa.nulls(2), True),  # no values to tell a type: the null rate speaks
        ("string", pa.array([["a"]]), False),
    ],
)
def test_types(expected: str, array: pa.Array, fits: bool) -> None:  # noqa: FBT001
    verdict = run({"x": array}, {"x": expected}, max_null_rate=1.0, min_rows=0)
    assert (verdict.verdict == "pass") is fits, verdict


def test_rows_of_batches_without_the_column_count_as_nulls() -> None:
    profile = profile_batches([pa.table({"x": [1, 2], "y": [1, 2]}), pa.table({"y": [1, 2]})])
    verdict = check_quality(profile, columns={"x": "integer"}, max_null_rate=0.4, min_rows=1)
    assert verdict.reasons == ("column 'x': 50.00% nulls; at most 40.00% are allowed",)


def test_mixed_types_and_no_rows() -> None:
    mixed = profile_batches([pa.table({"x": [1]}), pa.table({"x": ["a"]})])
    verdict = check_quality(mixed, columns={"x": "integer"}, max_null_rate=1.0, min_rows=1)
    assert verdict.reasons == ("column 'x': expected integer, found int64 and string",)
    assert run({"x": pa.array([], pa.int64())}, {"x": "integer"}, min_rows=1).reasons == (
        "0 rows; at least 1 are needed",
    )


def test_an_unknown_type_is_refused() -> None:
    with pytest.raises(ProfileError, match="type 'int' is none of integer"):
        run(GOOD, {"i": "int"})
