"""The trial run's files: rows from the golden request, and what `predictions.csv` must say."""

from __future__ import annotations

from typing import Any

import pytest

from cloud.trial import expected_rows, judge_rows, rows_file
from control.errors import BadData

TABLE = {"input_data": {"columns": ["n", "carrier"], "data": [[1, "UA"], [None, 'a "b", c']]}}


def test_the_golden_request_becomes_a_file_of_rows() -> None:
    assert rows_file(TABLE) == b'n,carrier\n1,UA\n,"a ""b"", c"\n'
    assert rows_file([{"n": 1, "c": "x"}, {"c": "y", "n": 2}]) == b"n,c\n1,x\n2,y\n"


@pytest.mark.parametrize(
    "request_body",
    [{"rows": 3}, {"input_data": {"columns": ["a"], "data": [[1, 2]]}}, [{"a": 1}, {"b": 1}], 7],
)
def test_what_is_no_table_cannot_be_tried(request_body: Any) -> None:
    with pytest.raises(BadData, match="must be a table"):
        rows_file(request_body)


@pytest.mark.parametrize(
    ("response", "rows"),
    [
        ([0.5, 1], [[0.5], [1]]),
        ([[1, 2], [3, 4]], [[1, 2], [3, 4]]),
        ([{"label": 1, "p": 0.9}, {"label": 0, "p": 0.1}], [[1, 0.9], [0, 0.1]]),
        ({"labels": [1, 0], "probabilities": [0.9, 0.1]}, [[1, 0.9], [0, 0.1]]),
    ],
)
def test_the_golden_response_says_what_is_expected_of_each_row(response: Any, rows: Any) -> None:
    assert expected_rows({"request": TABLE, "response": response}) == rows


@pytest.mark.parametrize(
    ("response", "fault"),
    [
        ([0.5], "2 rows are asked, 1 answered"),
        ({"labels": [1, 0], "probabilities": [0.9]}, "differ in length"),
        ("fine", "must be a list"),
        ([{"deep": [1]}, {"deep": [2]}], "plain values"),
        ([[], []], "plain values"),
    ],
)
def test_a_response_that_is_no_rows_is_no_expectation(response: Any, fault: str) -> None:
    with pytest.raises(BadData, match=fault):
        expected_rows({"request": TABLE, "response": response})


@pytest.mark.parametrize(
    "body",
    [
        "0.5\n1\n", "0.5\n1", "rows.csv,0.5\nrows.csv, 1.0\n", "rows.csv 0.5000001\nrows.csv 1\n",
        '"a b" 0.5\n"c d" 1.0\n', "\ufeff0.5\n\n1\n",
    ],
)  # fmt: skip
def test_each_line_ends_with_the_rows_answer(body: str) -> None:
    assert judge_rows([[0.5], [1]], body.encode(), 1e-6) is None


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        (b"0.5\n", "has 1 lines, 2 rows went in"),
        (b"0.5\n1\n1\n", "has 3 lines, 2 rows went in"),
        (b"", "has 0 lines"),
        (b"1\n0.5\n", "line 1 is off by 0.5"),
        (b"0.5\n1.1\n", "line 2 is off by 0.1"),
        (b"0.5\nnan\n", "line 2"),
        (b"0.5\nsecret\n", "line 2 is text, a number was expected"),
        (b"\xff\xfe\n\n", "is not text"),
    ],
)
def test_what_differs_is_named_without_its_value(body: bytes, wrong: str) -> None:
    found = judge_rows([[0.5], [1]], body, 1e-6)
    assert found is not None
    assert wrong in found
    assert "secret" not in found


def test_several_values_texts_and_truths_are_the_last_fields() -> None:
    expected = [["late", True, 0.5], ["on time", False, None]]
    assert judge_rows(expected, b"1,late,True,0.5\n2,on time,False,\n", 1e-6) is None
    assert judge_rows(expected, b'1 late True 0.5\n2 "on time" False ""\n', 1e-6) is None
    assert judge_rows(expected, b"late,True\non time,False\n", 1e-6) == "line 1 has 2 fields, 3 were expected"
    found = judge_rows(expected, b"1,late,False,0.5\n2,on time,False,\n", 1e-6)
    assert found == "line 1 is not the expected true or false"
