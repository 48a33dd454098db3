"""The bracket on Kolmogorov-Smirnov: it holds scipy's exact value always, and is narrow at a million rows."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from drift.measures import ks
from drift.numeric_builder import summarise

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Draw = Callable[[np.random.Generator, int], NDArray[np.float64]]

ROUNDING = 1e-12
KINDS: dict[str, Draw] = {
    "continuous": lambda random, size: random.normal(size=size),
    "ties": lambda random, size: random.integers(-3, 4, size).astype(float),
    "constant": lambda _, size: np.full(size, 7.25),
    "near 1e15": lambda random, size: 1e15 + random.normal(size=size),
    "near -1e9": lambda random, size: -1e9 + random.integers(0, 9, size) / 8,
    "denormal": lambda random, size: random.integers(-20, 20, size) * 5e-324,
    "all magnitudes": lambda random, size: (
        random.choice([-1, 1], size) * 10.0 ** random.uniform(-300, 300, size)
    ),
    "infinite": lambda random, size: random.choice([-np.inf, np.inf, 0.0, 1.0], size),
    "zeros of both signs": lambda random, size: random.choice([-0.0, 0.0, 1e-320], size),
}


@settings(max_examples=10_000, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    kinds=st.tuples(st.sampled_from(sorted(KINDS)), st.sampled_from(sorted(KINDS))),
    mixed=st.booleans(),
    sizes=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    most=st.sampled_from([4, 16, 110_000]),
)
def test_the_bracket_holds_scipys_value(
    seed: int, kinds: tuple[str, str], sizes: tuple[int, int], most: int, *, mixed: bool
) -> None:
    random = np.random.default_rng(seed)
    left = KINDS[kinds[0]](random, sizes[0])
    right = KINDS[kinds[mixed]](random, sizes[1])
    measure = ks(summarise(left, most), summarise(right, most))
    both = np.concatenate([left, right])
    exact = np.max(
        np.abs(
            np.searchsorted(np.sort(left), both, side="right") / left.size
            - np.searchsorted(np.sort(right), both, side="right") / right.size
        )
    )
    assert measure.lower is not None
    assert measure.upper is not None
    assert measure.lower - ROUNDING <= exact <= measure.upper + ROUNDING
    if seed % 20 == 0:  # the oracle of the oracle
        with warnings.catch_warnings(action="ignore"):  # its p-value's
            scipys = stats.ks_2samp(left, right, method="exact").statistic
        assert exact == pytest.approx(scipys, abs=ROUNDING)


@pytest.mark.parametrize("shift", [0.0, 0.1])
@pytest.mark.parametrize(
    "name",
    ["normal", "lognormal", "uniform", "exponential", "student with 2", "1e9 + normal", "1e9 + 100 normal"],
)
def test_a_million_rows_leave_at_most_5e_5(name: str, shift: float) -> None:
    random = np.random.default_rng([len(name), int(shift * 10)])
    draws: dict[str, Callable[[], NDArray[np.float64]]] = {
        "normal": lambda: random.normal(size=1_000_000),
        "lognormal": lambda: random.lognormal(size=1_000_000),
        "uniform": lambda: random.random(1_000_000),
        "exponential": lambda: random.exponential(size=1_000_000),
        "student with 2": lambda: random.standard_t(2, size=1_000_000),
        "1e9 + normal": lambda: 1e9 + random.normal(size=1_000_000),
        "1e9 + 100 normal": lambda: 1e9 + 100 * random.normal(size=1_000_000),
    }
    left, right = draws[name](), draws[name]() + shift
    measure = ks(summarise(left), summarise(right))
    assert measure.lower is not None
    assert measure.upper is not None
    assert measure.upper - measure.lower <= 5e-5
    exact = stats.ks_2samp(left, right, method="asymp").statistic
    assert measure.lower - ROUNDING <= exact <= measure.upper + ROUNDING
