"""Measures: scipy.stats is the oracle, and what must hold for any data."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial import distance

from drift.alignment import align, category_table, quantile_table
from drift.categories import MAX_VALUES, CategorySummary
from drift.histogram import KEY_BITS, KeyHistogram
from drift.measures import (
    chi2_contingency,
    holm,
    jensen_shannon_distance,
    ks,
    psi,
    rate_change,
    wasserstein,
)
from drift.numeric import NumericSummary
from drift.numeric_builder import summarise
from drift.profile import profile_batches

ODD = st.one_of(
    st.floats(allow_nan=False, allow_infinity=True),
    st.integers(-5, 5).map(float),
    st.floats(-1, 1).map(lambda x: 1e15 + x),
    st.floats(0, 1e-310),
)
SIDES = st.lists(ODD, min_size=1, max_size=40)
COUNTS = st.lists(st.integers(0, 500), min_size=2, max_size=12)
ROUNDING = 1e-12


def quantiles(reference: NumericSummary, current: NumericSummary) -> tuple[Any, Any]:
    return quantile_table(align(reference.histogram, current.histogram))


def summary(values: Any, bits: int = KEY_BITS) -> NumericSummary:
    full = summarise(np.asarray(values, float))
    return replace(full, histogram=full.histogram.coarsened(min(bits, full.histogram.bits)))


@given(left=SIDES, right=SIDES, bits=st.sampled_from([8, 12, 16, 20, 32, 64]))
@settings(max_examples=400, deadline=None)
@example(left=[0.0], right=[-0.0], bits=8)
@example(left=[1e15, 1e15 + 1], right=[1e15 + 0.5], bits=20)
def test_ks_bounds_contain_scipys_value_at_any_resolution(left: Any, right: Any, bits: int) -> None:
    with np.errstate(divide="ignore", invalid="ignore"):  # scipy's p-value of one row against one
        exact = stats.ks_2samp(left, right, method="asymp").statistic
    measure = ks(summary(left, bits), summary(right, bits))
    assert measure.lower - ROUNDING <= exact <= measure.upper + ROUNDING
    if bits == KEY_BITS:
        assert measure.lower == measure.upper == pytest.approx(exact, abs=ROUNDING)
    assert ks(summary(right, bits), summary(left, bits)).statistic == pytest.approx(measure.statistic)


@given(
    left=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40),
    right=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40),
    bits=st.sampled_from([8, 12, 16, 20, 64]),
)
@settings(max_examples=300, deadline=None)
def test_wasserstein_bounds_contain_scipys_value(left: Any, right: Any, bits: int) -> None:
    exact = stats.wasserstein_distance(left, right)
    measure = wasserstein(summary(left, bits), summary(right, bits))
    slack = 1e-9 * (1 + exact)
    assert measure.lower - slack <= exact <= measure.upper + slack
    assert measure.lower - slack <= measure.statistic <= measure.upper + slack
    if bits == KEY_BITS:
        assert measure.statistic == pytest.approx(exact, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("offset", [0.0, 1e9])
def test_continuous_columns_of_a_hundred_thousand_rows(offset: float) -> None:
    rng = np.random.default_rng(1)
    left, right = rng.normal(size=100_000) + offset, rng.normal(0.03, 1, size=80_000) + offset
    exact = stats.ks_2samp(left, right, method="asymp")
    measure = ks(summary(left), summary(right))
    assert measure.lower - ROUNDING <= exact.statistic <= measure.upper + ROUNDING
    assert measure.upper - measure.lower < 2e-3
    assert measure.statistic == pytest.approx(exact.statistic, abs=5e-5)
    apart = wasserstein(summary(left), summary(right))
    assert apart.statistic == pytest.approx(stats.wasserstein_distance(left, right), rel=2e-3)
    assert apart.effect_size == pytest.approx(apart.statistic / np.std(left, ddof=1))


def test_ks_p_value_is_kolmogorovs() -> None:
    rng = np.random.default_rng(2)
    left, right = rng.normal(size=3000), rng.normal(0.04, 1, size=5000)
    exact = stats.ks_2samp(left, right, method="asymp")
    measure = ks(summary(left), summary(right))
    assert measure.p_value == pytest.approx(stats.kstwobign.sf(exact.statistic * math.sqrt(1875)), rel=1e-6)
    assert measure.p_value == pytest.approx(exact.pvalue, rel=0.05)


@given(left=COUNTS, seed=st.integers(0, 1000))
def test_chi2_agrees_with_scipy(left: Any, seed: int) -> None:
    a = np.array(left)
    b = np.random.default_rng(seed).integers(0, 500, a.size)
    assume(a.sum() > 0)
    assume(b.sum() > 0)
    used = (a + b) > 0
    assume(used.sum() > 1)
    exact = stats.chi2_contingency([a[used], b[used]], correction=False)
    measure = chi2_contingency(a, b, least_expected=0.0)
    assert measure.statistic == pytest.approx(exact.statistic, rel=1e-9, abs=1e-9)
    assert measure.p_value == pytest.approx(exact.pvalue, rel=1e-9, abs=1e-300)
    cramer = stats.contingency.association(np.array([a[used], b[used]]), method="cramer")
    assert measure.effect_size == pytest.approx(cramer, rel=1e-9, abs=1e-9)


def test_chi2_published_value() -> None:
    # scipy's own documented example: [[10, 10, 20], [20, 20, 20]] gives 2.7777..., p 0.2494 (2 freedom).
    measure = chi2_contingency(np.array([10, 10, 20]), np.array([20, 20, 20]))
    assert measure.statistic == pytest.approx(2.7777777777777777)
    assert measure.p_value == pytest.approx(0.24935220877729619)


def test_chi2_pools_what_expects_too_few() -> None:
    a, b = np.array([1000, 1000, 3, 2, 1, 4]), np.array([1000, 1000, 2, 4, 3, 1])
    pooled = stats.chi2_contingency([[1000, 1000, 10], [1000, 1000, 10]], correction=False)
    assert chi2_contingency(a, b).statistic == pytest.approx(pooled.statistic)
    # A pool that itself expects too few takes in the next larger category.
    measure = chi2_contingency(np.array([1000, 9, 1, 0]), np.array([1000, 3, 0, 1]))
    assert measure.statistic == pytest.approx(
        stats.chi2_contingency([[1000, 10], [1000, 4]], correction=False).statistic
    )
    assert chi2_contingency(np.array([4]), np.array([9])).p_value == 1.0


@given(left=COUNTS, seed=st.integers(0, 1000))
def test_jensen_shannon_agrees_with_scipy(left: Any, seed: int) -> None:
    a = np.array(left)
    b = np.random.default_rng(seed).integers(0, 500, a.size)
    assume(a.sum() > 0)
    assume(b.sum() > 0)
    measure = jensen_shannon_distance(a, b)
    assert measure.statistic == pytest.approx(distance.jensenshannon(a, b, base=2), abs=1e-7)
    assert measure.effect_size <= measure.statistic
    assert jensen_shannon_distance(b, a) == measure
    assert jensen_shannon_distance(a, a).statistic == pytest.approx(0, abs=1e-7)


@given(left=COUNTS, seed=st.integers(0, 1000))
def test_psi_is_jeffreys_divergence(left: Any, seed: int) -> None:
    a = np.array(left) + 5
    b = np.random.default_rng(seed).integers(5, 500, a.size)
    expected = stats.entropy(a, b) + stats.entropy(b, a)
    assume(min((a / a.sum()).min(), (b / b.sum()).min()) > 1e-4)
    assert psi(a, b).statistic == pytest.approx(expected, abs=1e-9)
    assert psi(b, a).statistic == pytest.approx(psi(a, b).statistic)
    assert psi(a, a).statistic == 0


def test_jensen_shannon_effect_is_nothing_where_there_is_only_chance() -> None:
    rng = np.random.default_rng(5)
    shares = rng.dirichlet(np.ones(500))
    effects = []
    for _ in range(20):
        measure = jensen_shannon_distance(rng.multinomial(3000, shares), rng.multinomial(3000, shares))
        assert measure.statistic > 0.2  # the plain distance cries wolf
        effects.append(measure.effect_size)
    assert np.mean(effects) < 0.1


@given(values=SIDES, bits=st.sampled_from([8, 20, 64]))
def test_equal_sides_are_not_apart(values: Any, bits: int) -> None:
    one = summary(values, bits)
    assert (ks(one, one).statistic, ks(one, one).p_value) == (0, 1)
    if one.finite:
        assert wasserstein(one, one).lower == 0
        assert wasserstein(one, one).statistic == pytest.approx(0)
    table = quantiles(one, one)
    assert (table[0] == table[1]).all()
    assert psi(*table).statistic == 0


@given(left=SIDES, right=SIDES)
def test_tables_hold_every_value_and_inputs_do_not_change(left: Any, right: Any) -> None:
    one, other = summary(left), summary(right)
    kept = one.histogram.counts.tobytes(), one.histogram.prefixes.tobytes()
    a, b = quantiles(one, other)
    assert (a.sum(), b.sum()) == (one.count, other.count)
    ks(one, other)
    if one.finite and other.finite:
        wasserstein(one, other)
    assert kept == (one.histogram.counts.tobytes(), one.histogram.prefixes.tobytes())


def test_quantile_table_has_bins_of_equal_mass_and_for_values_outside() -> None:
    reference, current = summary(np.arange(1000) / 7), summary([-5.0, 1e6, 20.0])
    a, b = quantiles(reference, current)
    assert a.tolist() == [0, *[100] * 10, 0]
    assert (b[0], b[-1], b.sum()) == (1, 1, 3)
    constant = quantiles(summary([3.0] * 10), summary([2.0, 3.0, 4.0]))
    assert [side.tolist() for side in constant] == [[0, 10, 0], [1, 1, 1]]
    assert [side.tolist() for side in quantiles(summary([]), summary([1.0]))] == [[0], [1]]


def test_categories_against_a_bounded_summary_give_a_lower_bound() -> None:
    many = {str(at): 1 + at % 3 for at in range(2 * MAX_VALUES)}
    few = {str(at): 2 for at in range(100)}
    bounded, exact = CategorySummary.of(many), CategorySummary.of(few)
    assert not bounded.exact
    names = sorted({*many, *few})
    full = [np.array([side.get(name, 0) for name in names]) for side in (many, few)]
    table = category_table(bounded, exact)
    assert (table[0].sum(), table[1].sum()) == (sum(many.values()), 200)
    assert jensen_shannon_distance(*table).statistic <= jensen_shannon_distance(*full).statistic


def test_rate_change() -> None:
    measure = rate_change((10, 1000), (100, 1000))
    exact = stats.chi2_contingency([[10, 990], [100, 900]], correction=False)
    assert measure.statistic == pytest.approx(0.09)
    assert measure.p_value == pytest.approx(exact.pvalue)
    assert rate_change((5, 5), (9, 9)).p_value == 1.0


@given(st.lists(st.floats(0, 1), max_size=20))
def test_holm_as_defined(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    for p, q in zip(p_values, adjusted, strict=True):
        rank_limits = [min(1.0, x * sum(y >= x for y in p_values)) for x in p_values if x <= p]
        assert q == pytest.approx(max(rank_limits))


def test_holm_published_example() -> None:
    # Holm 1979 as computed by R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm")
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_sides_without_values_are_refused() -> None:
    none, some = summary([]), summary([1.0])
    with pytest.raises(ValueError, match="values on both sides"):
        ks(none, some)
    with pytest.raises(ValueError, match="finite values on both sides"):
        wasserstein(summary([math.inf]), some)


def test_infinities_beside_finite_values() -> None:
    left, right = [math.inf, 1.0, 2.0], [-math.inf, 1.0, 5.0]
    for bits in (8, 20, 64):
        measure = wasserstein(summary(left, bits), summary(right, bits))
        assert measure.lower <= 1.5 + ROUNDING
        assert measure.upper >= 1.5 - ROUNDING


def test_whole_way_from_arrow() -> None:
    rng = np.random.default_rng(8)
    left, right = rng.exponential(size=20_000), rng.exponential(1.1, size=20_000)
    a, b = (profile_batches([pa.table({"x": side})]).columns["x"].numeric for side in (left, right))
    assert ks(a, b).statistic == pytest.approx(stats.ks_2samp(left, right).statistic, abs=2e-4)
    assert KeyHistogram.of(left).bits < KEY_BITS
