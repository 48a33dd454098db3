"""Golden predictions: what counts as the same answer."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.golden import difference

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@given(answer=JSON)
def test_an_answer_is_the_same_as_itself(answer: Any) -> None:
    assert difference(answer, answer, 0.0) is None


@pytest.mark.parametrize(
    ("expected", "actual", "tolerance"),
    [
        (0.5, 0.5 + 1e-7, 1e-6),
        (1e9, 1e9 + 1, 1e-6),
        (1, 1.0, 0.0),
        ({"a": [1, 2.0]}, {"a": [1.0000001, 2]}, 1e-6),
    ],
)
def test_within_tolerance(expected: Any, actual: Any, tolerance: float) -> None:
    assert difference(expected, actual, tolerance) is None


@pytest.mark.parametrize(
    ("expected", "actual", "reason"),
    [
        (0.5, 0.6, "response is off by 0.1, 1e-06 is allowed"),
        (0.5, float("nan"), "response is off by nan"),
        ([0.1, 0.2], [0.1], "response has 1 entries, 2 were expected"),
        ([0.1, 0.2], [0.1, 0.3], r"response\[1\] is off by"),
        ({"p": 1}, {"q": 1}, "response lacks p"),
        ({"p": 1}, {"p": 1, "q": 1}, "response has keys that were not expected"),
        ({"p": {"x": "late"}}, {"p": {"x": "on time"}}, r"response.p.x is not the expected text"),
        (1, True, "response is true or false, a number was expected"),
        (True, 1, "response is a number, true or false was expected"),
        (None, 0, "response is a number, null was expected"),
        ([1], {"a": 1}, "response is an object, a list was expected"),
        ("1", 1, "response is a number, text was expected"),
    ],
)
def test_outside(expected: Any, actual: Any, reason: str) -> None:
    import re

    found = difference(expected, actual, 1e-6)
    assert found is not None
    assert re.match(reason, found)


def test_no_value_of_the_answer_is_repeated() -> None:
    found = difference({"name": "Ada"}, {"name": "Grace"}, 0.0) or ""
    assert "Ada" not in found
    assert "Grace" not in found
