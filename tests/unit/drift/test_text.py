"""Lengths and patterns of texts."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift.profile import Profile, profile_batches
from drift.text import CLASSES, TextSummary
from drift.verdict import check

TEXTS = st.lists(
    st.one_of(st.none(), st.text(max_size=12), st.sampled_from(["a1", "B-2", "", " "])), max_size=40
)


def text_of(*batches: list[str | None]) -> TextSummary:
    tables = [pa.table({"s": pa.array(batch, pa.string())}) for batch in batches]
    text = profile_batches(tables).columns["s"].text
    assert text is not None
    return text


@given(TEXTS)
def test_lengths_are_bytes_and_exact(texts: list[str | None]) -> None:
    summary = text_of(texts)
    low, _ = summary.lengths.edges()
    found = dict(zip(low.tolist(), summary.lengths.counts.tolist(), strict=True))
    assert found == Counter(len(text.encode()) for text in texts if text is not None)
    assert sum(summary.named_patterns().values()) == sum(found.values())


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("", "empty"),
        ("abc", "lower case"),
        ("2026-01-31", "digits and marks"),
        ("3fa85f64-5717", "lower case, digits and marks"),
        ("Main Street 7", "lower case, upper case, digits and spaces"),
        ("who@example.org", "lower case and marks"),
        ("{}", "other symbols"),
        ("äö", "beyond ASCII"),
    ],
)
def test_patterns(text: str, pattern: str) -> None:
    assert text_of([text]).named_patterns() == {pattern: 1}
    assert len(CLASSES) == 7


@given(TEXTS, TEXTS)
def test_parts_merge_into_the_whole(one: list[str | None], other: list[str | None]) -> None:
    whole = text_of(one + other)
    assert text_of(one).merge(text_of(other)) == whole == text_of(one, other)


def test_the_file_keeps_them() -> None:
    profile = profile_batches([pa.table({"s": ["a", "bb", None, "a" * 300], "b": [True, False, None, True]})])
    again = Profile.from_bytes(profile.to_bytes())
    assert again == profile
    assert again.columns["s"].text is not None
    assert again.columns["s"].text.longest == 300
    assert again.columns["b"].text is None


def test_too_many_values_are_compared_by_length_and_pattern_too() -> None:
    random = np.random.default_rng(1)
    before = [f"id-{number}" for number in random.integers(0, 10**6, 20_000)]
    after = [f"ID {number:09}" for number in random.integers(0, 10**6, 20_000)]
    sides = [profile_batches([pa.table({"id": texts})]) for texts in (before, after)]
    [column] = check(*sides, min_rows=10).columns
    assert column.measures["length_ks"].statistic > 0.99
    assert column.measures["pattern_jensen_shannon_distance"].statistic == pytest.approx(1.0)
    [same] = check(sides[0], sides[0], min_rows=10).columns
    assert same.measures["length_ks"].statistic == 0.0
