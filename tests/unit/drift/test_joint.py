"""Columns together: merging, and agreement with the measures of values."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift.joint import MOST_COLUMNS, JointSummary
from drift.measures import compute
from drift.measures.joint import joint_measures
from drift.profile import Profile, profile_batches


def table(rows: np.ndarray, nulls: float = 0.0, seed: int = 0) -> pa.Table:
    random = np.random.default_rng(seed)
    columns = {
        f"x{place}": pa.array(column, mask=random.random(column.size) < nulls)
        for place, column in enumerate(rows.T)
    }
    return pa.table({**columns, "k": ["a"] * rows.shape[0]})


def joint_of(*tables: pa.Table) -> JointSummary:
    joint = profile_batches(tables, joint=True).joint
    assert joint is not None
    return joint


def drawn(seed: int, rows: int, correlation: float, shift: float = 0.0) -> np.ndarray:
    random = np.random.default_rng(seed)
    covariance = np.full((4, 4), correlation) + np.eye(4) * (1 - correlation)
    return random.multivariate_normal(np.full(4, shift), covariance, rows) * [1, 10, 0.1, 5] + [0, 1e6, 3, -2]


def test_the_moments_are_numpys() -> None:
    rows = drawn(1, 5000, 0.6)
    joint = joint_of(table(rows))
    assert (joint.rows, joint.left_out, joint.names) == (5000, 0, ("x0", "x1", "x2", "x3"))
    assert joint.mean == pytest.approx(rows.mean(axis=0), rel=1e-12)
    assert joint.comoment / 4999 == pytest.approx(np.cov(rows.T), rel=1e-9)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 200), min_size=1, max_size=4), st.sampled_from([0.0, 0.3]))
def test_parts_merge_into_the_whole(sizes: list[int], nulls: float) -> None:
    rows = drawn(2, max(sum(sizes), 1), 0.3)
    whole = table(rows, nulls)
    cuts = np.minimum(np.concatenate([[0], np.cumsum(sizes), [len(rows)]]), len(rows))
    merged = Profile()
    for low, high in pairwise(cuts):
        merged = merged.merge(profile_batches([whole.slice(low, high - low)], joint=True))
    once = joint_of(whole)
    assert merged.joint is not None
    assert (merged.joint.rows, merged.joint.left_out) == (once.rows, once.left_out)
    assert merged.joint.mean == pytest.approx(once.mean, rel=1e-12, abs=1e-12)
    assert merged.joint.comoment == pytest.approx(once.comoment, rel=1e-9, abs=1e-9)


def test_the_measures_agree_with_those_of_values() -> None:
    before, after = drawn(3, 4000, 0.7), drawn(4, 3000, 0.2, shift=0.3)
    found = joint_measures(joint_of(table(before)), joint_of(table(after)))
    change = compute("correlation_change", before, after)
    assert found["correlation_change"].statistic == pytest.approx(change.statistic, rel=1e-9)
    assert found["correlation_change"].p_value == pytest.approx(change.p_value or 0.0, rel=1e-6, abs=1e-300)
    mean_distance = compute("pca_reconstruction_error", before, after).statistic
    assert mean_distance <= found["pca_reconstruction_error"].statistic <= 1.5 * mean_distance
    same = joint_measures(joint_of(table(before)), joint_of(table(before)))
    assert same["correlation_change"].statistic == 0.0
    assert same["pca_reconstruction_error"].effect_size == pytest.approx(0.0, abs=1e-9)


def test_the_file_keeps_it() -> None:
    profile = profile_batches([table(drawn(5, 100, 0.5), 0.1)], joint=True)
    assert Profile.from_bytes(profile.to_bytes()) == profile
    assert profile_batches([table(drawn(5, 100, 0.5))]).joint is None


def test_odd_tables() -> None:
    assert joint_measures(joint_of(table(drawn(6, 50, 0.5))), joint_of(pa.table({"y": [1.0, 2.0]}))) == {}
    constant = pa.table({"a": [1.0] * 9, "b": [2.0] * 9})
    found = joint_measures(joint_of(constant), joint_of(constant))
    assert "correlation_change" not in found
    assert found["pca_reconstruction_error"].statistic == 0.0
    infinite = pa.table({"a": [1.0, np.inf, 3.0], "b": [1.0, 2.0, None]})
    assert (joint_of(infinite).rows, joint_of(infinite).left_out) == (1, 2)
    wide = pa.table({f"x{place}": [1.0, 2.0] for place in range(MOST_COLUMNS + 5)})
    assert len(joint_of(wide).names) == MOST_COLUMNS
    other = pa.table({"a": [1.0], "c": [2.0]})
    assert profile_batches([infinite, other], joint=True).joint is None
