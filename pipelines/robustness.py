"""How a model takes requests that are not as they should be: it must answer, or refuse and say why.

Every request goes through JSON and `TabularModel.answer`, as in `pipelines/score/score.py`. What is recorded
names cases and columns, never values.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.score.tabular_model import BadRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pipelines.score.tabular_model import TabularModel

    Rows = list[list[Any]]
    Case = tuple[str, list[str], Rows]
    """What is done, the columns' names, and the rows."""

ROWS = 20
NUMBERS = (0.0, -1.0, 1e-300, 1e9, -1e9, 1e38, 1e308, -1e308, math.inf, -math.inf)
TEXTS = ("", "?" * 10_000, "\u0000", "\U0001f600", "'; --")
CLOSE = 1e-9
"""The order of columns changes nothing but the rounding."""


@dataclass(kw_only=True)
class Tally:
    """What became of the requests of one check."""

    asked: int = 0
    answered: int = 0
    refused: int = 0
    wrong: list[str] = field(default_factory=list)
    """What was neither answered nor refused: in which case, and what happened."""


def golden(model: TabularModel, body: Mapping[str, Any]) -> dict[str, Any]:
    """How far the model's answer is from the golden one where it is evaluated."""
    expected, given = body["response"], _asked(model, body["request"])
    if not isinstance(given, dict) or not isinstance(expected, dict) or expected.keys() != given.keys():
        return {"greatest_difference": None, "fault": "the answer is of another shape"}
    pairs = [(e, g) for key in expected for e, g in zip(expected[key], given[key], strict=True)]
    return {
        "rows": len(next(iter(expected.values()))),
        "greatest_difference": max(abs(e - g) for e, g in pairs),
    }


def robustness(model: TabularModel, columns: list[str], rows: Rows, seed: int) -> dict[str, dict[str, Any]]:
    """Every check, with what became of its requests.

    Args:
        model: to be asked.
        columns: names of the rows' values.
        rows: good rows, as they stand in a request.
        seed: of the shuffles.
    """
    rows = rows[:ROWS]
    expected = model.answer(_request(columns, rows))

    def same(answer: dict[str, list[Any]]) -> str:
        near = all(np.allclose(answer[name], expected[name], rtol=0, atol=CLOSE) for name in expected)
        return "" if near else "the answer depends on the order of the columns"

    return {
        "missing_values": _check(model, _missing(columns, rows)),
        "shuffled_columns": _check(model, _shuffled(columns, rows, seed), same),
        "extreme_values": _extreme_values(model, columns, rows),
    }


def _check(
    model: TabularModel, cases: Iterator[Case], also: Callable[[dict[str, list[Any]]], str] | None = None
) -> dict[str, Any]:
    tally = Tally()
    for what, columns, rows in cases:
        tally.asked += 1
        try:
            answer = _asked(model, _request(columns, rows))
        except BadRequest as refusal:
            if str(refusal):
                tally.refused += 1
            else:
                tally.wrong.append(f"{what}: refused without a reason")
            continue
        except Exception as crash:  # noqa: BLE001 - whatever a model raises is what is looked for
            tally.wrong.append(f"{what}: {type(crash).__name__}")
            continue
        fault = _fault(answer, len(rows)) or (also(answer) if also else "")
        if fault:
            tally.wrong.append(f"{what}: {fault}")
        else:
            tally.answered += 1
    return vars(tally)


def _missing(columns: list[str], rows: Rows) -> Iterator[Case]:
    """Each column null, then all of them, then each left out."""
    for place, name in enumerate(columns):
        yield f"{name} is null", columns, _with(rows, place, None)
    yield "everything is null", columns, [[None] * len(columns) for _ in rows]
    for place, name in enumerate(columns):
        left = [*columns[:place], *columns[place + 1 :]]
        yield f"{name} is left out", left, [[*row[:place], *row[place + 1 :]] for row in rows]


def _shuffled(columns: list[str], rows: Rows, seed: int) -> Iterator[Case]:
    random = np.random.default_rng(seed)
    orders = [list(range(len(columns)))[::-1], *(random.permutation(len(columns)).tolist() for _ in range(4))]
    for order in orders:
        yield "shuffled", [columns[at] for at in order], [[row[at] for at in order] for row in rows]
    yield "one more column", [*columns, "not_a_feature"], [[*row, 1] for row in rows]


def _extreme_values(model: TabularModel, columns: list[str], rows: Rows) -> dict[str, Any]:
    """All values of a column in one request, a row each; one by one where that is not simply answered."""
    together = _check(model, (_together(model, columns, rows, place) for place in range(len(columns))))
    if together["answered"] == together["asked"]:
        return together
    return _check(model, _extreme(model, columns, rows))


def _values(model: TabularModel, name: str) -> tuple[Any, ...]:
    return NUMBERS if model.features.get(name) == "number" else TEXTS


def _together(model: TabularModel, columns: list[str], rows: Rows, place: int) -> Case:
    name = columns[place]
    values = _values(model, name)
    repeated = [rows[n % len(rows)] for n in range(len(values))]
    made = [[*row[:place], value, *row[place + 1 :]] for row, value in zip(repeated, values, strict=True)]
    return f"{name} is extreme", columns, made


def _extreme(model: TabularModel, columns: list[str], rows: Rows) -> Iterator[Case]:
    for place, name in enumerate(columns):
        for value in _values(model, name):
            said = f"{value:g}" if isinstance(value, float) else f"a text of {len(value)} characters"
            yield f"{name} is {said}", columns, _with(rows, place, value)


def _with(rows: Rows, place: int, value: Any) -> Rows:
    return [[*row[:place], value, *row[place + 1 :]] for row in rows]


def _request(columns: list[str], rows: Rows) -> dict[str, Any]:
    return {"input_data": {"columns": columns, "data": rows}}


def _asked(model: TabularModel, request: dict[str, Any]) -> Any:
    """As the endpoint does it: from JSON, to JSON."""
    answer = model.answer(json.loads(json.dumps(request)))
    return json.loads(json.dumps(answer))


def _fault(answer: Any, rows: int) -> str:
    if not isinstance(answer, dict) or not answer:
        return "no answer"
    for name, values in answer.items():
        if len(values) != rows:
            return f"{len(values)} {name} for {rows} rows"
        if not all(isinstance(one, int | float) and math.isfinite(one) for one in values):
            return f"{name} that are no numbers"
        if name == "probabilities" and not all(0 <= one <= 1 for one in values):
            return "probabilities below 0 or above 1"
    return ""
