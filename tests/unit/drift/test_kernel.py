"""The compiled loops and numpy's: the same profile, to the last count."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift import ProfileError, kernel
from drift.arrow_columns import MAX_TEXT
from drift.bin_table import BinTable
from drift.categories import MAX_VALUES
from drift.histogram import EXACT, KeyHistogram, order_keys
from drift.profile import Profile, profile_batches

COMPILED = kernel.load()
pytestmark = pytest.mark.skipif(COMPILED is None, reason="there was no C compiler at set-up")


def both(*batches: Any, **options: Any) -> tuple[Profile, Profile]:
    """The profile by the compiled loops, and by numpy."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernel, "load", lambda: COMPILED)
        compiled = profile_batches(batches, **options)
        patch.setattr(kernel, "load", lambda: None)
        return compiled, profile_batches(batches, **options)


def assert_same(one: Profile, other: Profile) -> None:
    assert one.rows == other.rows
    assert one.columns.keys() == other.columns.keys()
    for name, left in one.columns.items():
        right = other.columns[name]
        for part in ("kind", "types", "rows", "nulls", "category", "text", "blocks"):
            assert getattr(left, part) == getattr(right, part), (name, part)
        if left.numeric is None:
            assert right.numeric is None
            continue
        a, b = left.numeric, right.numeric
        for part in (
            "count", "nan", "positive_infinite", "negative_infinite", "zeros", "negatives", "fractional",
            "minimum", "maximum", "histogram",
        ):  # fmt: skip
            assert getattr(a, part) == getattr(b, part), (name, part)
        assert str(a.minimum) == str(b.minimum)  # 0.0, never -0.0
        if a.finite and np.isfinite([a.m2, b.m2]).all():
            size = max(abs(a.minimum), abs(a.maximum))
            assert a.mean == pytest.approx(b.mean, rel=1e-12, abs=1e-14 * size)
            assert a.m2 == pytest.approx(b.m2, rel=1e-9, abs=1e-12 * size * size * a.finite)


NUMBERS = st.one_of(
    st.none(),
    st.floats(width=64),
    st.sampled_from([0.0, -0.0, 1.0, 0.5, 2.0**52, 2.0**53 + 2, -1e300, 1e308, -1e308, 5e-324, 1e9]),
    st.integers(-5, 5).map(float),
)
TEXTS = st.one_of(
    st.none(),
    st.text(max_size=12),
    st.sampled_from(["", "a", "ab\0", "ab", "é" * 64, "x" * MAX_TEXT, "x" * (MAX_TEXT + 1), "12-3", "A b"]),
)
OFFSET = st.integers(0, 17)


@given(values=st.lists(NUMBERS, max_size=300), skip=OFFSET, times=st.sampled_from([1, 40]))
@settings(deadline=None, max_examples=300)
def test_numbers(values: list[float | None], skip: int, times: int) -> None:
    array = pa.array(values * times, pa.float64())
    table = pa.table({"x": array.slice(min(skip, len(array)))})
    assert_same(*both(table))
    assert_same(*both(table.slice(0, 3), table.slice(3)))


@given(texts=st.lists(TEXTS, max_size=60), skip=OFFSET)
@settings(deadline=None, max_examples=300)
@pytest.mark.parametrize("type_", [pa.string(), pa.large_string(), pa.string_view()])
def test_texts(type_: pa.DataType, texts: list[str | None], skip: int) -> None:
    array = pa.array(texts, type_).slice(min(skip, len(texts)))
    plain = pa.array(array.to_pylist(), pa.string())
    encoded = plain.dictionary_encode()
    with_nulls = plain.dictionary_encode(null_encoding="encode")
    found = [both(pa.table({"t": one}))[0].columns["t"] for one in (array, encoded, with_nulls)]
    assert_same(*both(pa.table({"t": array})))
    assert_same(*both(pa.table({"t": encoded}), pa.table({"t": with_nulls})))
    assert all(
        (one.nulls, one.category, one.text) == (found[0].nulls, found[0].category, found[0].text)
        for one in found
    )


@pytest.mark.parametrize(
    "values",
    [
        np.random.default_rng(1).normal(size=300_000),
        np.random.default_rng(2).lognormal(sigma=20, size=300_000),
        1e9 + np.random.default_rng(3).random(300_000),
        np.random.default_rng(4).poisson(40, 300_000).astype(float),
        np.arange(EXACT).repeat(3).astype(float),
        np.arange(EXACT + 1).repeat(3).astype(float),
        np.arange(200_000.0) ** 3,
        np.random.default_rng(5).standard_cauchy(300_000) ** 5,
    ],
    ids=["normal", "all magnitudes", "far from zero", "discrete", "few", "just too many", "cubes", "tails"],
)
def test_columns_of_size(values: np.ndarray) -> None:
    shuffled = np.random.default_rng(9).permutation(values)
    pieces = [pa.table({"x": part}) for part in np.array_split(shuffled, 7)]
    one, other = both(*pieces)
    assert_same(one, other)
    assert one.columns["x"].numeric.histogram == KeyHistogram.of(values)


def test_more_texts_than_are_counted_one_by_one() -> None:
    texts = [f"name {number}" for number in range(3 * MAX_VALUES)]
    pieces = [pa.table({"t": texts[at : at + 7_000] * 2}) for at in range(0, len(texts), 5_000)]
    one, other = both(*pieces)
    assert one.columns["t"].category.values is None
    assert_same(one, other)
    encoded, _ = both(*(pa.table({"t": piece["t"].combine_chunks().dictionary_encode()}) for piece in pieces))
    assert_same(encoded, other)


def test_long_texts_between_short_ones() -> None:
    texts = ["short", "y" * 500, "short", "z" * (MAX_TEXT + 1), "", "y" * 500] * 50
    assert_same(*both(pa.table({"t": texts})))


def test_columns_that_are_no_float64() -> None:
    table = pa.table(
        {
            "i8": pa.array([1, None, -3], pa.int8()),
            "u64": pa.array([0, 2**53, None], pa.uint64()),
            "f32": pa.array([0.1, None, float("nan")], pa.float32()),
            "when": pa.array([0, None, 86_400_000_000], pa.timestamp("us")),
            "day": pa.array([1, None, -9], pa.date32()),
            "small": pa.DictionaryArray.from_arrays(pa.array([0, None, 1], pa.int8()), pa.array(["a", "b"])),
            "yes": pa.array([True, None, False]),
            "nothing": pa.array([None, None, None], pa.string()),
        }
    )
    assert_same(*both(table))
    assert_same(*both(table.slice(1)))


def test_a_table_that_is_full_is_left_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drift.bin_table._MOST_VALUES", 200_000)
    values = np.random.default_rng(1).normal(size=900_000)
    profile = profile_batches([pa.table({"x": part}) for part in np.array_split(values, 9)])
    assert profile.columns["x"].numeric.histogram == KeyHistogram.of(values)
    table = BinTable(KeyHistogram.of(values), order_keys(values))
    assert table.add(order_keys(values[:150_000])).size == 0
    assert table.add(order_keys(values[:150_000])).size == 150_000


def test_damaged_buffers_are_refused() -> None:
    def texts(offsets: list[int], data: bytes = b"abcdef", rows: int = 3) -> pa.Array:
        buffers = [None, pa.py_buffer(np.array(offsets, np.int32).tobytes()), pa.py_buffer(data)]
        return pa.Array.from_buffers(pa.string(), rows, buffers)

    for offsets in ([0, 3, 7, 6], [0, 3, 1, 6], [0, -1, 3, 6], [0, 2**30, 2**30 + 2, 6]):
        with pytest.raises(ProfileError, match="lies outside its buffer"):
            profile_batches([pa.table({"t": texts(offsets)})])
    places = pa.array([0, 9, 1], pa.int32())
    wrong = pa.DictionaryArray.from_arrays(places, pa.array(["a", "b"]), safe=False)
    with pytest.raises(ProfileError, match="beyond its end"):
        profile_batches([pa.table({"t": wrong})])


def test_a_library_of_another_version_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "VERSION", kernel.VERSION + 1)
    assert kernel.load.__wrapped__() is None
    monkeypatch.setattr(kernel, "LIBRARY", kernel.LIBRARY.with_name("not-there.so"))
    assert kernel.load.__wrapped__() is None
