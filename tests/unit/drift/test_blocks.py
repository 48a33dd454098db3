"""Profiles that know their blocks: merging, the file, labels, bounds."""

import datetime as dt
import itertools
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift import ProfileError
from drift.block_rule import ByTime, OneBlock
from drift.blocks import MAX_BINS, MAX_BLOCKS
from drift.profile import Profile, profile_batches

SCHEMA = pa.schema(
    [("at", pa.timestamp("s")), ("x", pa.float64()), ("n", pa.int64()), ("s", pa.string()), ("b", pa.bool_())]
)
ROWS = st.lists(
    st.tuples(
        st.one_of(st.none(), st.integers(-5 * 86_400, 600 * 86_400)),
        st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True)),
        st.one_of(st.none(), st.integers(-(2**40), 2**40)),
        st.one_of(st.none(), st.text(max_size=3)),
        st.one_of(st.none(), st.booleans()),
    ),
    max_size=60,
)


def batch(rows: Any) -> pa.RecordBatch:
    arrays = [pa.array([row[at] for row in rows], field.type) for at, field in enumerate(SCHEMA)]
    return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)


def tables(profile: Profile) -> dict[str, Any]:
    return {name: column.blocks for name, column in profile.columns.items()}


@given(rows=ROWS, cuts=st.lists(st.integers(0, 60), max_size=4), seed=st.integers(0, 99))
@settings(max_examples=150, deadline=None)
def test_any_split_order_and_grouping_gives_the_same_blocks(rows: Any, cuts: list[int], seed: int) -> None:
    by = ByTime("at", "day")
    whole = profile_batches([batch(rows)], blocks=by)
    edges = [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
    parts = [batch(rows[a:b]) for a, b in itertools.pairwise(edges)]
    np.random.default_rng(seed).shuffle(parts)
    merged = profile_batches([], blocks=by)
    for part in parts:
        merged = merged.merge(profile_batches([part], blocks=by))
    assert tables(profile_batches(parts, blocks=by)) == tables(merged) == tables(whole)
    assert tables(Profile.from_bytes(whole.to_bytes())) == tables(whole)
    known = sum(row[0] is not None for row in rows)
    for column, value in zip(("x", "n", "s", "b"), range(1, 5), strict=True):
        table = whole.columns[column].blocks
        assert table is not None
        assert table.rows.sum() == known
        values = [row[value] for row in rows if row[0] is not None]
        assert table.counts.sum() == sum(one is not None and one == one for one in values)  # noqa: PLR0124


@pytest.mark.parametrize("seed", range(4))
def test_many_values_and_many_blocks_stay_bounded_and_merge_exactly(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 20_000
    table = pa.table(
        {
            "at": pa.array(rng.integers(0, 2000 * 86_400, n), pa.timestamp("s")),
            "x": rng.normal(1000, 1, n),
            "wide": rng.standard_cauchy(n),
            "s": [f"v{i}" for i in rng.integers(0, 5000, n)],
            "d": pa.array([f"v{i}" for i in rng.integers(0, 5000, n)]).dictionary_encode(),
        }
    )
    by = ByTime("at", "day")
    whole = profile_batches([table], blocks=by)
    merged = profile_batches([], blocks=by)
    for at in rng.permutation(10):
        merged = profile_batches([table.slice(at * 2000, 2000)], blocks=by).merge(merged)
    assert tables(merged) == tables(whole)
    for column in whole.columns.values():
        assert column.blocks is not None
        assert column.blocks.keys.size <= MAX_BLOCKS
        assert column.blocks.shift == 3  # 2,000 days as 250 blocks of eight
        assert MAX_BINS / 4 < column.blocks.prefixes.size <= MAX_BINS
    x = whole.columns["x"].blocks
    assert x is not None
    days = np.asarray(table["at"].cast(pa.int64())) // 86_400 >> 3
    assert (x.rows == np.bincount(days)).all()


def test_counts_by_hour_and_by_label() -> None:
    at = [
        dt.datetime(1969, 12, 31, 23, 59, tzinfo=dt.UTC),
        dt.datetime(1970, 1, 1, 0, 1, tzinfo=dt.UTC),
        None,
    ]
    table = pa.table({"at": pa.array(at, pa.timestamp("ms", "UTC")), "s": ["a", "b", "a"], "n": [1, 2, 3]})
    hours = profile_batches([table], blocks=ByTime("at", "hour")).columns
    assert hours["s"].blocks is not None
    assert hours["s"].blocks.keys.tolist() == [-1, 0]
    assert sorted(hours["s"].blocks.counts.tolist()) == [[0, 1], [1, 0]]
    assert hours["n"].blocks is not None
    assert hours["n"].blocks.counts.tolist() == [[1, 0], [0, 1]]
    files = [profile_batches([table], blocks=OneBlock(name)) for name in ("one", "two", "two")]
    merged = files[0].merge(files[1]).merge(files[2]).columns["n"].blocks
    assert merged is not None
    assert sorted(merged.counts.tolist()) == [[1, 1, 1], [2, 2, 2]]
    with pytest.raises(ProfileError, match="cannot be merged"):
        files[0].merge(profile_batches([table], blocks=ByTime("at")))
    assert files[0].merge(profile_batches([table])).columns["n"].blocks == files[0].columns["n"].blocks


def test_a_dictionary_may_hold_null_and_a_long_text() -> None:
    texts = pa.DictionaryArray.from_arrays([0, 1, 2, None, 2], pa.array(["x" * 500, None, "a"]))
    plain = texts.cast(pa.string())
    one, two = (
        profile_batches([pa.table({"s": side})], blocks=OneBlock("f")).columns["s"] for side in (texts, plain)
    )
    assert one.blocks == two.blocks
    assert one.blocks is not None
    assert one.category is not None
    assert (one.blocks.prefixes == one.category.key_histogram().prefixes).all()
    assert sorted(one.blocks.counts[0].tolist()) == [1, 2]


def test_a_column_that_is_no_time_is_refused() -> None:
    table = pa.table({"x": [1.0], "t": pa.array([1], pa.time32("s"))})
    for column in ("x", "t", "absent"):
        with pytest.raises(ProfileError, match=column):
            profile_batches([table], blocks=ByTime(column))
