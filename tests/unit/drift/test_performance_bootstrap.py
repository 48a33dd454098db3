"""Intervals of differences against theory, by simulation, and properties that hold for any rows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift.performance import Predictions, assess, from_table
from drift.performance.predictions import Slicing
from drift.performance.ranking import Ranking, ranking
from drift.performance.resampling import MOST_UNITS, resamples, units_of
from drift.performance.spread import least_error, quantile

ROWS = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 8), st.integers(0, 8), st.integers(0, 2)),
    min_size=12,
    max_size=60,
)


def rows(given: list[tuple[int, int, int, int]]) -> dict[str, Any]:
    label, candidate, champion, part = (np.array(one) for one in zip(*given, strict=True))
    return {
        "label": label.astype(float),
        "candidate": candidate / 8,
        "champion": champion / 8,
        "slice_s": [f"s{one}" for one in part],
    }


def comparison(columns: dict[str, Any], **options: Any) -> dict[str, Any]:
    found = assess(from_table(pa.table(columns)), **({"seed": 1, "count": 200} | options))
    return found["comparison"]


def test_the_error_of_a_mean_is_that_of_the_normal_distribution() -> None:
    """The difference of two mean absolute errors is a mean: its standard error is known."""
    random = np.random.default_rng(1)
    truth = np.zeros(3000)
    first, second = np.abs(random.normal(1.1, 0.2, 3000)), np.abs(random.normal(1.0, 0.2, 3000))
    found = comparison({"label": truth, "candidate": first, "champion": second}, count=4000, confidence=0.9)[
        "mae"
    ]
    error = (first - second).std(ddof=1) / math.sqrt(3000)
    assert found["difference"] == pytest.approx((first - second).mean())
    assert found["standard_error"] == pytest.approx(error, rel=0.04)
    assert found["lower"] == pytest.approx(found["difference"] - 1.645 * error, abs=0.08 * error)
    assert found["upper"] == pytest.approx(found["difference"] + 1.645 * error, abs=0.08 * error)


def test_the_error_of_a_difference_of_areas_is_delongs() -> None:
    """DeLong, DeLong and Clarke-Pearson (1988), from their definition."""
    random = np.random.default_rng(2)
    truth = (random.random(2500) < 0.3).astype(float)
    base = random.normal(truth, 1)
    one, other = (np.round(1 / (1 + np.exp(-(base + random.normal(0, s, 2500)))), 3) for s in (0.5, 0.9))

    def parts(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        p, n = scores[truth == 1][:, None], scores[truth == 0][None, :]
        wins = (p > n) + (p == n) / 2
        return wins.mean(axis=1), wins.mean(axis=0)

    (a10, a01), (b10, b01) = parts(one), parts(other)
    variance = (a10 - b10).var(ddof=1) / len(a10) + (a01 - b01).var(ddof=1) / len(a01)
    found = comparison({"label": truth, "candidate": one, "champion": other}, count=4000)["roc_auc"]
    assert found["difference"] == pytest.approx(a10.mean() - b10.mean())
    assert found["standard_error"] == pytest.approx(math.sqrt(variance), rel=0.04)


def test_putting_many_rows_together_keeps_the_error() -> None:
    """More rows than units: sums over random parts spread as single rows do, also where all values are equal."""
    random = np.random.default_rng(3)
    count = 10 * MOST_UNITS
    truth = (random.random(count) < 0.3).astype(float)
    candidate, champion = ((random.random(count) < 0.2 + 0.5 * truth) * 0.8 for _ in "ab")
    found = comparison({"label": truth, "candidate": candidate, "champion": champion}, count=2000)
    right = (candidate > 0.5) == (truth > 0)
    before = (champion > 0.5) == (truth > 0)
    wanted = (right.astype(float) - before).std(ddof=1) / math.sqrt(count)
    assert found["accuracy"]["units"] == MOST_UNITS
    assert found["accuracy"]["standard_error"] == pytest.approx(wanted, rel=0.06)


@pytest.mark.parametrize(("units", "days"), [(300, None), (20, 15)])
def test_intervals_hold_the_truth_as_often_as_they_say(units: int, days: int | None) -> None:
    """400 made data sets with a known difference, seeded; of them about 95 % hold it: rows alone, and whole days."""
    held = dict.fromkeys(("mae", "r2"), 0)
    runs = 400
    size = units if days is None else units * days
    for run in range(runs):
        random = np.random.default_rng([11, run])
        unit = np.arange(units) if days is None else np.repeat(np.arange(units), days)
        shared = np.zeros(size) if days is None else random.normal(0, 0.7, units)[unit]
        truth = random.normal(0, 2, size)
        noise = random.normal(0, 1, size) + shared
        columns: dict[str, Any] = {
            "label": truth,
            "candidate": truth + noise,
            "champion": truth - 1.2 * noise,
        }
        if days is not None:
            columns["unit"] = unit
        found = comparison(columns, seed=run, count=200)
        spread = math.sqrt(1 if days is None else 1.49)
        wanted = {"mae": -0.2 * spread * math.sqrt(2 / math.pi), "r2": 0.44 * spread**2 / 4}
        for name in held:
            held[name] += found[name]["lower"] <= wanted[name] <= found[name]["upper"]
    for name, times in held.items():
        assert 0.92 <= times / runs <= 0.98, (name, times / runs)


def test_rows_of_one_unit_are_not_taken_for_independent() -> None:
    """Every row ten times: the difference is no more certain than before."""
    random = np.random.default_rng(4)
    truth = (random.random(400) < 0.4).astype(float)
    columns = {"label": truth, "candidate": random.random(400), "champion": random.random(400)}
    once = comparison(columns, count=2000)
    again = {name: np.repeat(values, 10) for name, values in columns.items()}
    bold = comparison(again, count=2000)
    honest = comparison({**again, "unit": np.repeat(np.arange(400), 10)}, count=2000)
    for name in ("roc_auc", "accuracy", "log_loss"):
        assert honest[name]["standard_error"] == pytest.approx(once[name]["standard_error"], rel=0.08)
        assert bold[name]["standard_error"] < 0.5 * once[name]["standard_error"]


@settings(max_examples=40, deadline=None)
@given(ROWS)
def test_equal_models_differ_by_nothing(given: list[tuple[int, int, int, int]]) -> None:
    columns = rows(given)
    found = assess(from_table(pa.table(columns | {"champion": columns["candidate"]})), seed=1, count=50)
    every = [found["comparison"], *(part["comparison"] for part in found["slices"])]
    assert "accuracy" in found["comparison"]
    for entry in (entry for one in every for entry in one.values()):
        assert (entry["difference"], entry["lower"], entry["upper"]) == (0, 0, 0)


@settings(max_examples=40, deadline=None)
@given(ROWS, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(given: list[tuple[int, int, int, int]], random: Any) -> None:
    moved = random.sample(given, len(given))
    one, other = (assess(from_table(pa.table(rows(each))), seed=1, count=50) for each in (given, moved))
    for name in one.keys() - {"largest_errors"}:
        assert one[name] == other[name]
    errors = [[entry["error"] for entry in each["largest_errors"]] for each in (one, other)]
    assert errors[0] == errors[1]


@settings(max_examples=40, deadline=None)
@given(ROWS)
def test_swapping_the_models_turns_the_difference_around(given: list[tuple[int, int, int, int]]) -> None:
    columns = rows(given)
    swapped = columns | {"candidate": columns["champion"], "champion": columns["candidate"]}
    there, back = comparison(columns, count=50), comparison(swapped, count=50)
    assert there.keys() == back.keys()
    for name, entry in there.items():
        assert entry["difference"] == pytest.approx(-back[name]["difference"], abs=1e-9)


def test_the_same_seed_gives_the_same_answer_and_the_answer_is_this_one() -> None:
    """Numbers of another machine: whoever computes it again finds these."""
    random = np.random.default_rng(7)
    truth = np.arange(500) % 2.0
    columns = {"label": truth, "candidate": random.random(500), "champion": random.random(500)}
    found = comparison(columns, seed=42)
    assert found == comparison(columns, seed=42)
    assert found != comparison(columns, seed=43)
    assert found["roc_auc"]["difference"] == pytest.approx(0.03656, rel=1e-9)
    assert found["roc_auc"]["standard_error"] == pytest.approx(0.03548741558, rel=1e-9)


@settings(max_examples=60, deadline=None)
@given(ROWS, st.data(), st.sampled_from([1, 2, 5, 64]))
def test_an_area_under_weights_is_that_of_the_repeated_rows(
    given: list[tuple[int, int, int, int]], data: st.DataObject, cells: int
) -> None:
    """Exact where pairs of a cell are few; near it otherwise, and always exact at weights of one."""
    label, scores = np.array([one[0] for one in given], float), np.array([one[1] / 8 for one in given])
    units = np.arange(len(given)) // 3
    count = int(units.max()) + 1
    drawn = np.array(data.draw(st.lists(st.integers(0, 3), min_size=count, max_size=count)))
    made = ranking(label, scores, units, count, cells)
    assert areas(made, np.ones((1, count)))[0] == pytest.approx(area(label, scores), nan_ok=True)
    if cells < len(given):
        return  # few cells leave something out
    weights = drawn[units]
    wanted = area(np.repeat(label, weights), np.repeat(scores, weights))
    assert areas(made, drawn[None].astype(float))[0] == pytest.approx(wanted, nan_ok=True)


def areas(made: Ranking, counts: np.ndarray) -> np.ndarray:
    return made.areas(counts @ made.table)


def area(label: np.ndarray, scores: np.ndarray) -> float:
    positive, negative = scores[label == 1][:, None], scores[label == 0][None, :]
    pairs = (positive > negative) + (positive == negative) / 2
    return float(pairs.mean()) if pairs.size else math.nan


def test_few_cells_are_near_enough() -> None:
    """30 days of unlike size: 8 cells and 128 give areas that differ far less than resamples do."""
    random = np.random.default_rng(8)
    units = random.integers(30, size=6000)
    label = (random.random(6000) < 0.2 + 0.01 * units).astype(float)
    scores = random.normal(label, 1.5) + random.normal(0, 0.3, 30)[units]
    counts = resamples(30, 500, 5).astype(np.float64)
    fine, coarse, finest = (
        areas(ranking(label, scores, units, 30, cells), counts) for cells in (128, 8, 6000)
    )
    assert np.abs(fine - finest).max() < 0.03 * finest.std()
    assert np.abs(coarse - finest).max() < 0.3 * finest.std()


def test_resamples_draw_units_whole_and_by_seed() -> None:
    drawn = resamples(12, 40, 5)
    assert (drawn.sum(axis=1) == 12).all()
    assert (resamples(12, 40, 5) == drawn).all()
    assert not (resamples(12, 40, 6) == drawn).all()
    assert drawn.std() == pytest.approx(math.sqrt(11 / 12), rel=0.1)


def test_many_units_are_put_together_evenly_and_stay_whole() -> None:
    count = 3 * MOST_UNITS + 5
    units = np.repeat(np.arange(count), 2)
    made = Predictions(
        task="binary", label=np.zeros(2 * count), scores={}, units=units, rows=np.arange(2 * count),
        slices={"s": Slicing(codes=np.zeros(2 * count, np.intp), values=("a",))},
    )  # fmt: skip
    lots, drawable = units_of(made, 3)
    assert drawable == MOST_UNITS
    assert (lots[::2] == lots[1::2]).all()
    assert set(np.bincount(lots).tolist()) == {6, 8}


def test_a_metric_that_few_rows_define_gets_no_interval() -> None:
    """Nine rows with a label: no interval of what is about that label; the others have theirs."""
    truth = np.array([1.0] * 9 + [0.0] * 91)
    one, other = (np.random.default_rng(n).random(100) for n in (1, 2))
    found = comparison({"label": truth, "candidate": one, "champion": other})
    assert found.keys() == {"log_loss", "accuracy", "brier"}
    assert comparison({name: values[:9] for name, values in {"label": truth, "candidate": one, "champion": other}.items()}) == {}  # fmt: skip


def test_models_that_never_disagree_on_few_rows_are_not_certainly_equal() -> None:
    """Of 50 rows none differs: another 7 % might (Tango's score interval: z^2 / (n + z^2))."""
    truth = np.array([0.0, 1] * 25)
    columns = {"label": truth, "candidate": 0.2 + 0.6 * truth, "champion": 0.25 + 0.5 * truth}
    found = comparison(columns)["accuracy"]
    assert found["difference"] == 0
    assert found["upper"] == pytest.approx(3.84 / 53.84, rel=0.05)
    assert least_error(1e6) < 2e-6


def test_quantiles_agree_with_students_t() -> None:
    from scipy.special import stdtrit

    for units in (5, 10, 30, 300, 4096):
        for confidence in (0.8, 0.95, 0.99, 0.9999):
            wanted = stdtrit(units - 1, (1 + confidence) / 2)
            assert 0.998 * wanted <= quantile(confidence, units) <= 1.1 * wanted
            if confidence <= 0.99:
                assert quantile(confidence, units) == pytest.approx(wanted, rel=0.02)


def test_slices_are_the_values_of_their_column_largest_first() -> None:
    random = np.random.default_rng(9)
    label = (random.random(900) < 0.5).astype(float)
    columns = {
        "label": label,
        "candidate": random.random(900),
        "champion": random.random(900),
        "slice_a": ["x"] * 500 + ["y"] * 300 + [None] * 100,
        "slice_b": [True] * 450 + [False] * 450,
    }
    found = assess(from_table(pa.table(columns)), seed=1, count=100)
    parts = found["slices"]
    assert [(one["by"], one["value"], one["rows"]) for one in parts] == [
        ("a", "x", 500), ("a", "y", 300), ("a", None, 100), ("b", False, 450), ("b", True, 450),
    ]  # fmt: skip
    alone = assess(
        from_table(pa.table({name: values[:500] for name, values in columns.items() if "slice" not in name})),
        seed=1, count=2000,
    )  # fmt: skip
    assert parts[0]["candidate"]["roc_auc"] == alone["candidate"]["metrics"]["roc_auc"]
    there, wanted = parts[0]["comparison"]["roc_auc"], alone["comparison"]["roc_auc"]
    assert there["difference"] == wanted["difference"]
    assert there["standard_error"] == pytest.approx(wanted["standard_error"], rel=0.2)


def test_without_a_champion_nothing_is_compared() -> None:
    found = assess(
        from_table(pa.table({"label": [0.0, 1] * 9, "candidate": [0.2, 0.7] * 9})), seed=0, count=5
    )
    assert found["champion"] is None
    assert found["comparison"] is None
