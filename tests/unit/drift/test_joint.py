"""Columns together: merging, and agreement with the measures of values."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift.block_rule import ByTime, OneBlock
from drift.fourier import FeatureMap
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


def mapped(rows: np.ndarray, map_: FeatureMap | None = None, day: int | None = None) -> JointSummary:
    blocks = None if day is None else OneBlock(f"day {day}")
    joint = profile_batches([table(rows)], joint=map_ or True, blocks=blocks).joint
    assert joint is not None
    return joint


def test_features_give_the_mean_discrepancy() -> None:
    """Against the exact one of the standardised rows, with the same kernel."""
    before, after = drawn(7, 3000, 0.3), drawn(8, 2000, 0.3, shift=0.5)
    reference = mapped(before)
    map_ = reference.map
    sides = [(side - map_.centre) / map_.scale for side in (before, after)]
    exact = compute("mmd", sides[0][:1500], sides[1][:1500], sigma=8**0.5, max_rows=5000).statistic
    found = joint_measures(reference, mapped(after, map_))["mmd"]
    assert found.p_value is None
    assert found.statistic == pytest.approx(exact, rel=0.5)
    same = joint_measures(reference, mapped(drawn(9, 2000, 0.3), map_))["mmd"]
    assert abs(same.statistic) < found.statistic / 20
    assert "mmd" not in joint_measures(reference, mapped(after)), "another map"


def test_a_change_that_no_column_and_no_correlation_shows() -> None:
    """A ring against a disc of the same moments: only the features tell them apart."""
    random = np.random.default_rng(10)
    disc = random.normal(size=(20_000, 2))
    angle = random.uniform(0, 2 * np.pi, 20_000)
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1) * 2**0.5
    reference = mapped(disc)
    found = joint_measures(reference, mapped(ring, reference.map))
    same = joint_measures(reference, mapped(random.normal(size=(20_000, 2)), reference.map))
    assert found["correlation_change"].statistic < 0.03
    assert found["mmd"].statistic > 50 * abs(same["mmd"].statistic)


def test_features_merge_by_block_and_come_back_from_the_file() -> None:
    days = [drawn(20 + day, 300, 0.4, shift=0.2 * (day % 3)) for day in range(12)]
    map_ = mapped(np.concatenate(days)).map
    parts = [mapped(rows, map_, day) for day, rows in enumerate(days)]
    merged = parts[0]
    for part in parts[1:]:
        merged = merged.merge(part)
    back = parts[-1]
    for part in reversed(parts[:-1]):
        back = back.merge(part)
    assert merged.features.rows == 3600
    assert np.array_equal(merged.features.keys, back.features.keys)
    assert merged.features.block_rows.tolist() == [300] * 12
    assert merged.features.block_totals == pytest.approx(back.features.block_totals, rel=1e-12)
    assert merged.features.block_totals.sum(axis=0) == pytest.approx(merged.features.total, rel=1e-9)
    whole = profile_batches([table(np.concatenate(days))], joint=map_).joint
    assert whole.features.total == pytest.approx(merged.features.total, rel=1e-9, abs=1e-9)
    profile = Profile(3600, {}, merged)
    again = Profile.from_bytes(profile.to_bytes()).joint
    assert again.map == map_
    assert np.array_equal(again.features.block_totals, merged.features.block_totals)


def test_blocks_that_differ_by_themselves_are_no_change() -> None:
    """Days move by 0.5 without any drift: the p-value by block stays fair, and sees a move of 3."""
    random = np.random.default_rng(30)

    def day(label: int, map_: FeatureMap | None = None, shift: float = 0.0) -> JointSummary:
        return mapped(random.normal(shift + random.normal(0, 0.5), 1, (200, 3)), map_, label)

    first = day(0)
    p_values = []
    for trial in range(20):
        reference, current = first, None
        for label in range(1, 20):
            reference = reference.merge(day(100 * trial + label, first.map))
        for label in range(20, 25):
            part = day(100 * trial + label, first.map)
            current = current.merge(part) if current else part
        p_values.append(joint_measures(reference, current)["mmd"].p_value)
    assert sum(p < 0.05 for p in p_values) <= 4
    moved = day(9_001, first.map, 3.0).merge(day(9_002, first.map, 3.0))
    assert joint_measures(reference, moved)["mmd"].p_value < 0.02


@pytest.mark.parametrize("blocks", [None, 300])
def test_more_blocks_than_are_kept_are_joined(blocks: int | None) -> None:
    count = blocks or 0
    at = pa.array(np.repeat(np.arange(max(count, 1)), 2) * 86_400, pa.timestamp("s"))
    rows = pa.table({"a": np.arange(len(at)) * 1.0, "b": np.arange(len(at)) % 7 * 1.0, "at": at})
    joint = profile_batches([rows], joint=True, blocks=ByTime("at")).joint
    assert joint.features.keys.size <= 256
    assert joint.features.block_rows.sum() == len(at)
