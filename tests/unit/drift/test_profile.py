"""Profiles: exact where they say so, the same for every split and order, and a file that is what it says."""

import datetime as dt
import itertools
import subprocess
import sys
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift import ProfileError
from drift.categories import MAX_VALUES, CategorySummary
from drift.histogram import KEY_BITS, MAX_BINS, KeyHistogram, key_values, order_keys
from drift.profile import Profile, profile_batches

FLOATS = st.floats(allow_nan=True, allow_infinity=True, width=64)
ROWS = st.lists(
    st.tuples(
        st.one_of(st.none(), FLOATS),
        st.one_of(st.none(), st.integers(-(2**40), 2**40)),
        st.one_of(st.none(), st.text(max_size=5)),
        st.one_of(st.none(), st.booleans()),
    ),
    max_size=60,
)
SCHEMA = pa.schema([("f", pa.float64()), ("i", pa.int64()), ("s", pa.string()), ("b", pa.bool_())])


def batch(rows: Any) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(
        [pa.array([row[at] for row in rows], field.type) for at, field in enumerate(SCHEMA)], schema=SCHEMA
    )


def exact_parts(profile: Profile) -> dict[str, Any]:
    """All that must agree bit by bit: everything but the moments."""
    return {
        name: (
            column.kind,
            column.rows,
            column.nulls,
            column.role,
            column.category,
            column.numeric
            and (
                column.numeric.nan,
                column.numeric.positive_infinite,
                column.numeric.negative_infinite,
                column.numeric.zeros,
                column.numeric.negatives,
                column.numeric.fractional,
                column.numeric.minimum,
                column.numeric.maximum,
                column.numeric.histogram,
            ),
        )
        for name, column in profile.columns.items()
    }


@given(rows=ROWS, cuts=st.lists(st.integers(0, 60), max_size=4), seed=st.integers(0, 99))
@settings(max_examples=150, deadline=None)
def test_any_split_order_and_grouping_gives_the_same_profile(rows: Any, cuts: list[int], seed: int) -> None:
    whole = profile_batches([batch(rows)])
    edges = [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
    parts = [batch(rows[a:b]) for a, b in itertools.pairwise(edges)]
    np.random.default_rng(seed).shuffle(parts)
    assert exact_parts(profile_batches(parts)) == exact_parts(whole)
    left = right = profile_batches([])
    for part in parts:
        left = left.merge(profile_batches([part]))
    for part in reversed(parts):
        right = profile_batches([part]).merge(right)
    assert exact_parts(left) == exact_parts(right) == exact_parts(whole)
    assert left.rows == right.rows == len(rows)


@given(values=st.lists(st.floats(allow_nan=False, allow_infinity=True), min_size=1, max_size=200))
def test_keys_keep_the_order_and_come_back(values: Any) -> None:
    array = np.array(values)
    keys = order_keys(array)
    assert (np.argsort(keys, kind="stable") == np.argsort(array + 0.0, kind="stable")).all()
    assert (key_values(keys) == array).all()


@pytest.mark.parametrize("offset", [0.0, 1e6, 1e9, 1.7e9, -1e15])
def test_a_continuous_column_keeps_its_resolution_far_from_zero(offset: float) -> None:
    values = np.random.default_rng(3).normal(size=200_000) + offset
    histogram = KeyHistogram.of(values)
    assert histogram.prefixes.size <= MAX_BINS
    assert histogram.total == values.size
    assert histogram.counts.max() < values.size / 500 or np.unique(values).size < MAX_BINS
    low, high = histogram.edges()
    ordered = np.sort(values)
    ends = np.cumsum(histogram.counts)
    assert (ordered[ends - 1] <= high).all()
    assert (ordered[ends - histogram.counts] >= low).all()


def test_resolution_depends_on_the_rows_alone() -> None:
    values = np.random.default_rng(4).lognormal(size=100_000)
    whole = KeyHistogram.of(values)
    shuffled = KeyHistogram.empty()
    for part in np.array_split(np.random.default_rng(5).permutation(values), 37):
        shuffled = shuffled.merge(KeyHistogram.of(part))
    assert shuffled == whole
    assert whole.bits < KEY_BITS
    assert KeyHistogram.of(values, whole.bits) == whole


@pytest.mark.parametrize("offset", [0.0, 1e9, -3e12])
def test_moments_agree_with_numpy_and_do_not_depend_on_the_split(offset: float) -> None:
    values = np.random.default_rng(6).normal(size=50_000) * 3 + offset
    whole = profile_batches([pa.table({"x": values})]).columns["x"].numeric
    parts = [pa.table({"x": part}) for part in np.array_split(values, 23)]
    merged = Profile()
    for part in parts:
        merged = merged.merge(profile_batches([part]))
    numeric = merged.columns["x"].numeric
    assert numeric.mean == pytest.approx(whole.mean, rel=1e-12)
    assert whole.mean == pytest.approx(np.mean(values), rel=1e-12, abs=1e-12)
    # A deviation far from zero is only known as well as the values themselves are.
    tolerance = 1e-12 + 1e-16 * abs(offset)
    assert numeric.m2 == pytest.approx(whole.m2, rel=tolerance)
    assert whole.standard_deviation == pytest.approx(np.std(values, ddof=1), rel=tolerance)


def test_counts_of_a_column() -> None:
    column = profile_batches(
        [pa.table({"x": [1.5, None, float("nan"), 0.0, -0.0, -2.0, float("inf"), float("-inf"), 3.0]})]
    ).columns["x"]
    numeric = column.numeric
    assert (column.rows, column.nulls, column.missing, column.count) == (9, 1, 2, 7)
    assert (numeric.nan, numeric.zeros, numeric.negatives, numeric.fractional) == (1, 2, 2, 1)
    assert (numeric.positive_infinite, numeric.negative_infinite, numeric.finite) == (1, 1, 5)
    assert (numeric.minimum, numeric.maximum) == (-2.0, 3.0)


UTC = dt.UTC
NUMBERS = [
    (pa.array([1, None, 3], type_), [1.0, 3.0])
    for type_ in (
        pa.int8(), pa.int16(), pa.int32(), pa.int64(),
        pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64(),
        pa.float16(), pa.float32(), pa.float64(),
    )
]  # fmt: skip
OTHERS = [
    (pa.array([Decimal("1.25"), None], pa.decimal128(9, 2)), [1.25]),
    (pa.array([dt.date(1970, 1, 2), None], pa.date32()), [86400.0]),
    (pa.array([dt.date(1970, 1, 2), None], pa.date64()), [86400.0]),
    (pa.array([dt.datetime(1970, 1, 1, 1, tzinfo=UTC)], pa.timestamp("ms", "UTC")), [3600.0]),
    (pa.array([-(2**62)], pa.timestamp("s")), [-(2.0**62)]),
    (pa.array([2**62], pa.timestamp("ns")), [2.0**62 / 1e9]),
    (pa.array([dt.time(0, 1)], pa.time32("s")), [60.0]),
    (pa.array([dt.time(0, 1)], pa.time64("us")), [60.0]),
    (pa.array([1500], pa.duration("ms")), [1.5]),
    (pa.array([7, 7, None]).dictionary_encode(), [7.0, 7.0]),
    (pa.RunEndEncodedArray.from_arrays([2, 3], [4.0, 5.0]), [4.0, 4.0, 5.0]),
]


@pytest.mark.parametrize(("array", "values"), NUMBERS + OTHERS, ids=lambda one: str(getattr(one, "type", "")))
def test_every_type_of_number_and_time_is_read(array: pa.Array, values: Any) -> None:
    column = profile_batches([pa.table({"x": array})]).columns["x"]
    low, _ = column.numeric.histogram.edges()
    assert np.repeat(low, column.numeric.histogram.counts).tolist() == sorted(values)
    assert column.count + column.nulls == len(array)


@pytest.mark.parametrize(
    ("array", "counts", "nulls"),
    [
        (pa.array(["a", None, "b", "a"]), {"a": 2, "b": 1}, 1),
        (pa.array(["a", None, ""], pa.large_string()), {"a": 1, "": 1}, 1),
        (pa.array(["a", None, "b"], pa.string_view()), {"a": 1, "b": 1}, 1),
        (pa.array(["a", None, "a"]).dictionary_encode(), {"a": 2}, 1),
        (pa.DictionaryArray.from_arrays([0, 1, 2, None], ["x", None, "x"]), {"x": 2}, 2),
        (pa.array([True, None, False, True]), {"true": 2, "false": 1}, 1),
        (pa.array([None, None], pa.string()), {}, 2),
        (pa.RunEndEncodedArray.from_arrays([2, 3], ["u", "v"]), {"u": 2, "v": 1}, 0),
        (pa.array(["x", "a", "b", "a"]).slice(1), {"a": 2, "b": 1}, 0),
        (pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\1\0\0\0"), pa.py_buffer(b"\xff")]),
         {"\ufffd": 1}, 0),
    ],
)  # fmt: skip
def test_every_type_of_category_is_read(array: pa.Array, counts: dict[str, int], nulls: int) -> None:
    column = profile_batches([pa.table({"x": array})]).columns["x"]
    assert (column.role, dict(column.category.values), column.nulls) == ("category", counts, nulls)


@pytest.mark.parametrize(
    "array",
    [
        pa.array([[1], None]),
        pa.array([{"a": 1}]),
        pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())),
        pa.array([b"x"], pa.binary()),
        pa.array([b"x"], pa.binary(1)),
        pa.array([pa.MonthDayNano([1, 2, 3])]),
    ],
    ids=lambda one: str(one.type),
)
def test_what_cannot_be_profiled_is_named(array: pa.Array) -> None:
    column = profile_batches([pa.table({"x": array, "y": [1] * len(array)})]).columns["x"]
    assert column.role == "skipped"
    assert str(array.type) in column.role_reason


def test_mixed_types_over_the_batches() -> None:
    numbers, texts = pa.table({"x": [1, 2]}), pa.table({"x": ["a"]})
    nothing, floats = pa.table({"x": pa.nulls(3)}), pa.table({"x": [0.5]})
    mixed = profile_batches([numbers, nothing, texts]).columns["x"]
    assert mixed.role_reason == "mixed types: int64, null, string"
    fine = profile_batches([nothing, numbers, floats]).columns["x"]
    assert (fine.role, fine.rows, fine.nulls, fine.count) == ("number", 6, 3, 3)
    assert profile_batches([nothing]).columns["x"].role == "empty"


def test_roles_are_inferred_with_reasons_and_can_be_fixed() -> None:
    table = pa.table(
        {"few": list(range(20)) * 2, "many": range(40), "text": ["a"] * 40, "gone": pa.nulls(40)}
    )
    profile = profile_batches([table])
    assert profile.roles() == {"few": "category", "many": "number", "text": "category"}
    assert profile.columns["few"].role_reason == "an integer with 20 different values"
    fixed = profile_batches([table], roles={"few": "number", "many": "category", "text": "skip"})
    assert fixed.roles() == {"few": "number", "many": "category", "text": "skip"}
    assert fixed.columns["many"].category_counts().values["7"] == 1
    with pytest.raises(ProfileError, match="'few': role 'wrong' is none of"):
        profile_batches([table], roles={"few": "wrong"})


def test_columns_can_be_chosen_and_odd_names_survive() -> None:
    names = ["a.b", "with space", "naïve ☃", "a.b", ""]
    table = pa.Table.from_arrays([pa.array([at]) for at in range(5)], names=names)
    profile = profile_batches([table])
    assert list(profile.columns) == ["a.b", "with space", "naïve ☃", "a.b (2)", ""]
    assert Profile.from_bytes(profile.to_bytes()) == profile
    assert list(profile_batches([table], columns=["naïve ☃", "absent"]).columns) == ["naïve ☃"]


def test_no_batches_no_rows_and_no_columns() -> None:
    assert profile_batches([]) == Profile()
    empty = profile_batches([SCHEMA.empty_table()])
    assert empty.rows == 0
    assert [column.role for column in empty.columns.values()] == ["number", "number", "category", "category"]
    assert profile_batches([pa.table({})]) == Profile()


def test_many_values_are_bounded_and_say_so() -> None:
    values = [f"customer {at}" for at in range(3 * MAX_VALUES)]
    table = pa.table({"x": values + values[:100]})
    whole = profile_batches([table]).columns["x"].category
    assert not whole.exact
    assert whole.count == len(values) + 100
    assert whole.distinct == pytest.approx(len(values), rel=0.12)
    parts = [table.slice(start, 7000) for start in range(0, table.num_rows, 7000)]
    merged = Profile()
    for part in reversed(parts):
        merged = merged.merge(profile_batches([part]))
    assert merged.columns["x"].category == whole
    assert profile_batches(parts).columns["x"].category == whole
    assert len(Profile(1, {"x": merged.columns["x"]}).to_bytes()) < 20_000


def test_long_texts_are_shortened_but_stay_apart() -> None:
    texts = ["x" * 1000 + "1", "x" * 1000 + "2", "x" * 1000 + "1"]
    counts = profile_batches([pa.table({"x": texts})]).columns["x"].category.values
    assert sorted(counts.values()) == [1, 2]
    assert all(len(text) < 90 for text in counts)


def test_category_limit_is_exact() -> None:
    at_limit = CategorySummary.of({str(at): 1 for at in range(MAX_VALUES)})
    assert at_limit.exact
    assert at_limit.merge(CategorySummary.of({"0": 5})).exact
    assert not at_limit.merge(CategorySummary.of({"new": 1})).exact


@given(rows=ROWS)
@settings(max_examples=60, deadline=None)
def test_the_file_brings_back_the_same(rows: Any) -> None:
    profile = profile_batches([batch(rows)], roles={"i": "number"})
    data = profile.to_bytes()
    assert Profile.from_bytes(data) == profile
    assert Profile.from_bytes(data).to_bytes() == data


def test_extreme_numbers_survive_the_file() -> None:
    values = [1.7e308, -1.7e308, 5e-324, float("inf"), float("-inf"), float("nan"), -0.0]
    profile = profile_batches([pa.table({"x": values})])
    assert profile.columns["x"].numeric.standard_deviation is None  # its square overflows
    back = Profile.from_bytes(profile.to_bytes())
    assert exact_parts(back) == exact_parts(profile)


GOOD = profile_batches([pa.table({"x": np.arange(1000) / 7, "s": ["a", "b"] * 500})]).to_bytes()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "no bytes"),
        (b"PAR1" + b"\0" * 50, "not a profile"),
        (GOOD[:10], "cut off"),
        (GOOD[:-1], "checksum"),
        (GOOD + b"x", "checksum"),
        (GOOD[:8] + b"\x63\0" + GOOD[10:], "version 99; this program reads 3: make it again"),
    ],
)
def test_a_damaged_or_foreign_file_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(ProfileError, match=says):
        Profile.from_bytes(data)


@given(at=st.integers(0, len(GOOD) - 1), bit=st.integers(0, 7))
def test_any_flipped_bit_is_noticed(at: int, bit: int) -> None:
    data = bytearray(GOOD)
    data[at] ^= 1 << bit
    with pytest.raises(ProfileError):
        Profile.from_bytes(bytes(data))


def test_inputs_stay_as_they_are() -> None:
    values = np.array([3.0, np.nan, -0.0, 1.0])
    before = values.tobytes()
    profile_batches([pa.table({"x": pa.array(values)})])
    assert values.tobytes() == before


def test_the_way_to_a_verdict_loads_no_heavy_library() -> None:
    code = (
        "import sys, pyarrow as pa\n"
        "from drift.profile import profile_batches\n"
        "assert 'scipy' not in sys.modules\n"
        "from drift.verdict import check\n"
        "p = profile_batches([pa.table({'x': [1.5, 2.5] * 2000, 's': ['a', None] * 2000})])\n"
        "check(p, p)\n"
        "heavy = {'pandas', 'scipy.stats', 'sklearn'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
