"""What a profile proves about quantiles and numbers of different values."""

import math
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift.categories import MAX_VALUES
from drift.numeric_builder import summarise
from drift.profile import Profile, profile_batches
from drift.quantiles import quantile_bounds

SHARES = (0.0, 1e-6, 0.01, 0.25, 0.5, 0.9, 0.999, 1.0)


def exact(values: np.ndarray, share: float) -> float:
    return float(np.sort(values)[max(math.ceil(share * values.size), 1) - 1])


@given(
    values=st.lists(st.floats(allow_nan=False, allow_infinity=True), min_size=1, max_size=300),
    share=st.one_of(st.sampled_from(SHARES), st.floats(0, 1)),
    most=st.sampled_from([16, 110_000]),
)
@settings(deadline=None, max_examples=500)
def test_the_quantile_is_never_outside(values: list[float], share: float, most: int) -> None:
    array = np.array(values)
    low, high = quantile_bounds(summarise(array, most), share)
    assert low <= exact(array, share) <= high
    if len(set(values)) <= 16:
        assert low == high


@pytest.mark.parametrize("offset", [0.0, 1e9])
def test_the_bounds_are_near_each_other(offset: float) -> None:
    values = np.random.default_rng(1).normal(offset, 1, 1_000_000)
    summary = summarise(values)
    for share in SHARES:
        low, high = quantile_bounds(summary, share)
        assert low <= exact(values, share) <= high
        assert high - low < 1e-3


def test_what_has_no_quantile() -> None:
    with pytest.raises(ValueError, match="without values"):
        quantile_bounds(summarise(np.array([np.nan])), 0.5)
    with pytest.raises(ValueError, match="between 0 and 1"):
        quantile_bounds(summarise(np.array([1.0])), 1.5)


def test_numbers_of_different_values_are_bounded() -> None:
    """40 columns of so many values each: the bounds hold in nearly all of them."""
    held, width = 0, 0.0
    trials, different = 40, 30_000
    for trial in range(trials):
        texts = pa.array(np.arange(different) * 40 + trial).cast(pa.string())
        low, high = profile_batches([pa.table({"t": texts})]).columns["t"].category.distinct_bounds
        held += low <= different <= high
        width = max(width, (high - low) / different)
    assert held >= 0.85 * trials
    assert 0.05 < width < 0.2
    few = profile_batches([pa.table({"t": ["a", "b", "a"]})]).columns["t"].category
    assert few.distinct_bounds == (2, 2)
    just = pa.array(np.arange(MAX_VALUES + 1)).cast(pa.string())
    assert profile_batches([pa.table({"t": just})]).columns["t"].category.distinct_bounds[0] > MAX_VALUES


WHOLE = st.lists(st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)), max_size=30)


@given(left=WHOLE, right=WHOLE)
@settings(deadline=None)
def test_extremes_of_integers_are_exact(left: list[int | None], right: list[int | None]) -> None:
    one, other = (profile_batches([pa.table({"n": pa.array(side, pa.int64())})]) for side in (left, right))
    values = [value for value in left + right if value is not None]
    merged = other.merge(one)
    found = merged.columns["n"].extremes
    assert (found and (found.least, found.most)) == ((min(values), max(values)) if values else None)
    assert Profile.from_bytes(merged.to_bytes()) == merged


def test_extremes_of_decimals_and_of_what_has_none() -> None:
    prices = [Decimal("12345678901234567890.12"), None, Decimal("-0.01")]
    found = profile_batches([pa.table({"price": prices, "f": [0.5, None, 2.0]})])
    extremes = found.columns["price"].extremes
    assert (extremes.least, extremes.most) == (prices[2], prices[0])
    assert found.columns["f"].extremes is None
    whole = profile_batches([pa.table({"f": [2**60 + 1]})])
    assert found.merge(whole).columns["f"].extremes is None, "floats are not known so exactly"
