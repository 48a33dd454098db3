"""Columns of embeddings: what is kept of them is exact, merges, and shows where they went."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift.block_rule import OneBlock
from drift.embedding import DIRECTIONS, PARTS, part_names
from drift.profile import Profile, profile_batches
from drift.verdict import check

VECTORS = st.lists(
    st.one_of(st.none(), st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6)), max_size=4)), max_size=30
)


def vectors(random: np.random.Generator, rows: int, width: int, shift: float = 0.0) -> pa.Array:
    flat = random.normal(size=rows * width) + np.tile(np.arange(width) == 0, rows) * shift
    return pa.FixedSizeListArray.from_arrays(pa.array(flat.astype(np.float32)), width)


@given(rows=VECTORS, skip=st.integers(0, 5))
@settings(deadline=None, max_examples=150)
def test_each_row_is_measured_as_it_is(rows: list[Any], skip: int) -> None:
    array = pa.array(rows, pa.list_(pa.float64())).slice(min(skip, len(rows)))
    found = profile_batches([pa.table({"v": array})]).columns
    assert list(found) == part_names("v")
    kept = [row for row in array.to_pylist() if row is not None]
    whole = [row for row in kept if None not in row]
    for name in found:
        assert (found[name].rows, found[name].nulls) == (len(array), len(array) - len(kept))
    assert found["v (length)"].numeric.maximum == max(map(len, kept), default=None)
    norm = found["v (norm)"].numeric
    assert norm.nan == len(kept) - len(whole)
    if whole:
        assert norm.maximum == pytest.approx(max(float(np.linalg.norm(row)) for row in whole), rel=1e-12)
        ones = found["v (direction 1)"].numeric
        assert abs(ones.maximum) <= max(float(np.abs(row).sum()) for row in whole) + 1e-9


def test_every_way_of_writing_a_vector_is_the_same() -> None:
    flat = np.random.default_rng(1).normal(size=(100, 16)).astype(np.float32)
    rows = flat.tolist()
    types = (
        pa.list_(pa.float32()),
        pa.large_list(pa.float32()),
        pa.list_(pa.float32(), 16),
        pa.list_(pa.float64()),
    )
    profiles = [profile_batches([pa.table({"v": pa.array(rows, type_)})]) for type_ in types]
    rows[7] = None
    with_null = [profile_batches([pa.table({"v": pa.array(rows, type_)})]) for type_ in types]
    for profile in with_null:
        assert [column.nulls for column in profile.columns.values()] == [1] * len(PARTS)
        assert (
            profile.columns["v (norm)"].numeric.histogram
            == with_null[0].columns["v (norm)"].numeric.histogram
        )
    for profile in profiles[1:]:
        for name, column in profile.columns.items():
            first = profiles[0].columns[name].numeric
            assert column.numeric.histogram == first.histogram, name


def test_parts_merge_and_come_back_from_the_file() -> None:
    random = np.random.default_rng(2)
    array = vectors(random, 3000, 8)
    whole = profile_batches([pa.table({"v": array})], blocks=OneBlock("one"))
    halves = [
        profile_batches([pa.table({"v": part})], blocks=OneBlock("one"))
        for part in (array[:999], array[999:])
    ]
    merged = halves[1].merge(halves[0])
    for name, column in whole.columns.items():
        assert merged.columns[name].numeric.histogram == column.numeric.histogram
        assert merged.columns[name].blocks == column.blocks
    assert Profile.from_bytes(whole.to_bytes()) == whole


@pytest.mark.parametrize("change", ["one component", "spread", "width"])
def test_a_change_is_seen_and_no_change_is_not(change: str) -> None:
    random = np.random.default_rng(3)
    before = profile_batches([pa.table({"v": vectors(random, 5000, 32)})])
    same = profile_batches([pa.table({"v": vectors(random, 5000, 32)})], roles=before.roles())
    assert check(before, same).verdict == "pass"
    moved = {
        "one component": vectors(random, 5000, 32, shift=4.0),
        "spread": pa.FixedSizeListArray.from_arrays(pa.array(random.normal(0, 1.5, 5000 * 32)), 32),
        "width": vectors(random, 5000, 31),
    }[change]
    found = check(before, profile_batches([pa.table({"v": moved})], roles=before.roles()), features=["v"])
    assert found.verdict == "fail"
    assert len(found.columns) == len(PARTS) == DIRECTIONS + 2
    expected = {"one component": "v (direction 1)", "spread": "v (norm)", "width": "v (length)"}[change]
    assert expected in found.failed


def test_other_lists_are_named_as_skipped_and_any_can_be_left_out() -> None:
    table = pa.table({"v": vectors(np.random.default_rng(4), 50, 4), "words": [["a"]] * 50})
    found = profile_batches([table], roles={"v": "skip"})
    assert {name: column.role for name, column in found.columns.items()} == {
        "v": "skipped",
        "words": "skipped",
    }
