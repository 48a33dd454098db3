"""Tails of distributions: scipy.special is the oracle."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from drift.tails import chi_squared_above, kolmogorov_above, normal_below


@given(st.floats(-37, 37))
def test_normal(z: float) -> None:
    assert normal_below(z) == pytest.approx(float(special.ndtr(z)), rel=1e-12, abs=1e-300)


@given(st.integers(1, 12_000), st.floats(1e-6, 4))
def test_chi_squared(freedom: int, times: float) -> None:
    value = freedom * times
    assert chi_squared_above(freedom, value) == pytest.approx(
        float(special.chdtrc(freedom, value)), rel=1e-9, abs=1e-290
    )


@pytest.mark.parametrize(("freedom", "value", "tail"), [(1, 3.841458820694124, 0.05), (2, 5.991464547107979, 0.05),
                                                        (10, 18.307038053275146, 0.05), (1, 0.0, 1.0), (3, math.inf, 0.0)])  # fmt: skip
def test_published_quantiles(freedom: int, value: float, tail: float) -> None:
    assert chi_squared_above(freedom, value) == pytest.approx(tail, rel=1e-12)


@pytest.mark.parametrize("freedom", [0, -3])
def test_no_freedom(freedom: int) -> None:
    with pytest.raises(ValueError, match=f"{freedom} degrees of freedom: at least 1 is needed"):
        chi_squared_above(freedom, 1.0)


@given(st.floats(0, 15))
def test_kolmogorov(value: float) -> None:
    assert kolmogorov_above(value) == pytest.approx(float(special.kolmogorov(value)), rel=1e-9, abs=1e-300)


def test_kolmogorov_at_its_ends() -> None:
    assert kolmogorov_above(0.0) == 1.0
    assert kolmogorov_above(math.inf) == 0.0
    assert kolmogorov_above(1e-200) == 1.0
