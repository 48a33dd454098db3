"""Thresholds in Azure ML's style, and what they amount to."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from control.drift_signal import METRICS
from drift.block_rule import ByTime
from drift.errors import ProfileError
from drift.false_alarms import false_alarm_rate
from drift.measures import compute
from drift.profile import Profile, profile_batches
from drift.styles import STYLES
from drift.styles.counted import Counted
from drift.thresholds import Thresholds
from drift.verdict import check

DAY = 86_400


def table(random: np.random.Generator, rows: int, shift: float = 0.0) -> pa.Table:
    return pa.table(
        {
            "x": random.normal(shift, 1, rows),
            "k": [f"v{place}" for place in random.choice(4, rows, p=[0.4, 0.3, 0.2, 0.1])],
        }
    )


def days(random: np.random.Generator, first: int, count: int, between: float) -> Profile:
    tables = []
    for day in range(first, first + count):
        rows = 200
        moved = table(random, rows, between * random.normal())
        at = pa.array(random.integers(day * DAY, (day + 1) * DAY, rows), pa.timestamp("s"))
        tables.append(moved.append_column("at", at))
    return profile_batches(tables, blocks=ByTime("at"))


def test_the_metrics_are_those_that_a_policy_may_name() -> None:
    styles = {
        name: {"numerical": tuple(style.numerical), "categorical": tuple(style.categorical)}
        for name, style in STYLES.items()
    }
    assert {name: {kind: set(known) for kind, known in kinds.items()} for name, kinds in METRICS.items()} == {
        name: {kind: set(known) for kind, known in kinds.items()} for name, kinds in styles.items()
    }


def metric(name: str, counted: Counted, style: str = "azureml") -> float:
    return STYLES[style].of(ordered=counted.centres is not None)[name](counted)


def counts_of(x: np.ndarray, y: np.ndarray) -> Counted:
    centres = np.unique(np.concatenate([x, y]))
    sides = (np.bincount(np.searchsorted(centres, side), minlength=centres.size) for side in (x, y))
    return Counted(*sides, centres)


SAMPLES = {
    "normal": (
        np.random.default_rng(1).normal(size=3000),
        np.random.default_rng(2).normal(0.3, 1.2, size=2000),
    ),
    "skewed": (
        np.random.default_rng(3).lognormal(size=4000),
        np.random.default_rng(4).lognormal(0.1, 1, 900),
    ),
    "discrete": (
        np.random.default_rng(5).poisson(3, 3000) / 1,
        np.random.default_rng(6).poisson(3.3, 2500) / 1,
    ),
    "apart": (np.random.default_rng(7).random(500), 5 + np.random.default_rng(8).random(500)),
}


@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.parametrize(
    ("style", "name", "measure"),
    [
        ("evidently", "jensenshannon", "jensen_shannon_distance"),
        ("evidently", "psi", "psi"),
        ("evidently", "kl_div", "kl_divergence"),
        ("evidently", "wasserstein", "wasserstein"),
        ("nannyml", "jensen_shannon", "jensen_shannon_distance"),
        ("nannyml", "hellinger", "hellinger"),
        ("nannyml", "wasserstein", "wasserstein"),
        ("nannyml", "kolmogorov_smirnov", "ks"),
    ],
)
def test_metrics_of_other_tools_agree_with_their_presets(
    style: str, name: str, measure: str, sample: str
) -> None:
    """The presets work on values and are held to the tools' definitions; these see counts only."""
    x, y = SAMPLES[sample]
    expected = compute(measure, x, y, preset=style).statistic
    assert metric(name, counts_of(x, y), style) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(
    ("style", "name", "measure"),
    [
        ("evidently", "jensenshannon", "jensen_shannon_distance"),
        ("evidently", "psi", "psi"),
        ("evidently", "kl_div", "kl_divergence"),
        ("nannyml", "jensen_shannon", "jensen_shannon_distance"),
        ("nannyml", "l_infinity", "l_infinity"),
        ("nannyml", "chi2", "chi2_contingency"),
    ],
)
def test_categories_of_other_tools_agree_with_their_presets(style: str, name: str, measure: str) -> None:
    a, b = {"x": 50, "y": 30, "z": 20}, {"x": 40, "y": 40, "w": 25}
    names = sorted({*a, *b})
    counted = Counted(*(np.array([side.get(one, 0) for one in names]) for side in (a, b)))
    expected = compute(measure, a, b, preset=style).statistic
    assert metric(name, counted, style) == pytest.approx(expected, rel=1e-9)


def test_in_evidentlys_style_half_of_the_columns_must_drift() -> None:
    random = np.random.default_rng(9)
    columns = [random.normal(size=3000) for _ in range(4)]
    before = profile_batches([pa.table({f"x{place}": column for place, column in enumerate(columns)})])

    def now(moved: int) -> Profile:
        return profile_batches(
            [pa.table({f"x{place}": column + (place < moved) for place, column in enumerate(columns)})]
        )

    half = Thresholds(style="evidently", numerical={"wasserstein": 0.1})
    one = check(before, now(1), thresholds=half)
    assert (one.verdict, one.failed) == ("pass", ("x0",))
    assert one.reason.startswith("1 of 4 columns changed, too few to count")
    assert check(before, now(2), thresholds=half).verdict == "fail"
    any_column = Thresholds(style="evidently", numerical={"wasserstein": 0.1}, share=0)
    assert check(before, now(1), thresholds=any_column).verdict == "fail"
    strict = Thresholds(style="nannyml", numerical={"jensen_shannon": 0.01}, share=0.75)
    rates = [
        false_alarm_rate(before, now(0), list(before.columns), limits).estimate
        for limits in (strict, Thresholds(style="nannyml", numerical={"jensen_shannon": 0.01}))
    ]
    assert rates[0] <= rates[1] == 1.0


def test_metrics_agree_with_the_preset_on_values() -> None:
    x, y = SAMPLES["normal"]
    counted = counts_of(x, y)
    for name, measure in (
        ("jensen_shannon_distance", "jensen_shannon_distance"),
        ("population_stability_index", "psi"),
        ("normalized_wasserstein_distance", "wasserstein"),
    ):
        assert metric(name, counted) == pytest.approx(
            compute(measure, x, y, preset="azureml").statistic, rel=1e-9
        )
    assert metric("two_sample_kolmogorov_smirnov_test", counted) == pytest.approx(
        stats.ks_2samp(x, y, method="asymp").pvalue, rel=0.3
    )
    a, b = np.array([50, 30, 20]), np.array([40, 40, 25])
    expected = a * (b.sum() / a.sum())
    assert metric("pearsons_chi_squared_test", Counted(a, b)) == pytest.approx(
        stats.chisquare(b, expected).pvalue, rel=1e-9
    )


def test_a_column_above_its_threshold_fails_and_says_so() -> None:
    random = np.random.default_rng(2)
    before, after = (profile_batches([table(random, 5000, shift)]) for shift in (0.0, 0.5))
    found = check(before, after, thresholds=Thresholds(numerical={"normalized_wasserstein_distance": 0.1}))
    assert (found.verdict, found.failed) == ("fail", ("x",))
    assert "normalized_wasserstein_distance is 0.5" in found.reason
    assert "the threshold 0.1" in found.reason
    by_name = {column.name: column for column in found.columns}
    assert by_name["k"].reason == "no threshold is for a column of its kind"
    assert found.to_dict()["false_alarm_rate"]["estimate"] < 0.05
    few = check(
        before, after, thresholds=Thresholds(numerical={"jensen_shannon_distance": 0.1}), min_rows=9999
    )
    assert few.verdict == "inconclusive"


def test_p_values_alarm_below_the_threshold() -> None:
    random = np.random.default_rng(3)
    before, after = (profile_batches([table(random, 3000)]) for _ in range(2))
    strict = Thresholds(
        numerical={"two_sample_kolmogorov_smirnov_test": 0.0}, categorical={"pearsons_chi_squared_test": 0.0}
    )
    assert check(before, after, thresholds=strict).verdict == "pass"
    loose = Thresholds(numerical={"two_sample_kolmogorov_smirnov_test": 1.0})
    assert check(before, after, thresholds=loose).failed == ("x",)


def test_the_rate_is_what_a_simulation_gives() -> None:
    """Independent rows: two samples of 1,000 have a Jensen-Shannon distance around 0.05."""
    random = np.random.default_rng(4)
    limits = Thresholds(
        numerical={"jensen_shannon_distance": 0.06}, categorical={"jensen_shannon_distance": 0.04}
    )
    before, after = (profile_batches([table(random, 1000)]) for _ in range(2))
    rate = false_alarm_rate(before, after, ["x", "k"], limits, draws=400)
    trials = 200
    seen = sum(
        check(
            *(profile_batches([table(random, 1000)]) for _ in range(2)), thresholds=limits, min_rows=10
        ).verdict
        == "fail"
        for _ in range(trials)
    )
    assert 0.05 < seen / trials < 0.95, "the test must be able to fail"
    spread = 3 * (seen / trials * (1 - seen / trials) / trials) ** 0.5
    assert rate.lower - spread <= seen / trials <= rate.upper + spread
    assert rate == false_alarm_rate(before, after, ["x", "k"], limits, draws=400), "seeded"


def test_days_that_differ_make_thresholds_alarm_more() -> None:
    random = np.random.default_rng(5)
    limits = Thresholds(numerical={"normalized_wasserstein_distance": 0.1})
    even, uneven = (days(random, 0, 30, between) for between in (0.0, 0.3))
    calm = false_alarm_rate(even, days(random, 30, 1, 0.0), ["x", "k"], limits)
    rough = false_alarm_rate(uneven, days(random, 30, 1, 0.3), ["x", "k"], limits)
    assert calm.blocks == rough.blocks == 30
    assert rough.estimate > 0.5
    assert rough.lower > calm.upper


def test_an_unknown_metric() -> None:
    with pytest.raises(ProfileError, match="numerical metric 'psi' is none of jensen_shannon_distance"):
        Thresholds(numerical={"psi": 0.2})
    with pytest.raises(ProfileError, match="style 'mine' is none of azureml, evidently, nannyml"):
        Thresholds(style="mine")
