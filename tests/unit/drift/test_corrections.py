"""Corrections for many tests: scipy as oracle, published values, and the order of rejections."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from drift.measures import benjamini_hochberg, benjamini_yekutieli, bonferroni, holm

Correction = Callable[[Sequence[float]], list[float]]
ALL = [bonferroni, holm, benjamini_hochberg, benjamini_yekutieli]
P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=20)


@given(p=P_VALUES)
def test_false_discovery_rates_agree_with_scipy(p: list[float]) -> None:
    assert benjamini_hochberg(p) == pytest.approx(stats.false_discovery_control(p, method="bh"))
    assert benjamini_yekutieli(p) == pytest.approx(stats.false_discovery_control(p, method="by"))


@given(p=P_VALUES)
def test_each_is_between_its_neighbours_and_keeps_the_order(p: list[float]) -> None:
    one, two, three = bonferroni(p), holm(p), benjamini_hochberg(p)
    for plain, strictest, stepped, discovery in zip(p, one, two, three, strict=True):
        assert 1 >= strictest >= stepped >= discovery - 1e-15 >= plain - 2e-15
    for adjusted in (one, two, three, benjamini_yekutieli(p)):
        assert np.all(np.diff(np.array(adjusted)[np.argsort(p, kind="stable")]) >= 0)


def test_benjamini_and_hochbergs_own_example() -> None:
    # The fifteen p-values of their paper (1995, section 3.2): four rejected at 0.05, Bonferroni rejects three.
    p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719]
    p += [0.6528, 0.7590, 1.0]
    assert sum(value <= 0.05 for value in benjamini_hochberg(p)) == 4
    assert sum(value <= 0.05 for value in bonferroni(p)) == 3


@pytest.mark.parametrize("correction", ALL)
def test_none_gives_none_and_one_stays(correction: Correction) -> None:
    assert correction([]) == []
    assert correction([0.03]) == [0.03]
