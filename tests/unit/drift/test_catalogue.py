"""Every measure by name: what must hold for all of them, scipy as oracle, the other tools' definitions."""

import math
import re
import subprocess
import sys
import warnings
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats
from scipy.spatial import distance

from drift.measures import CATALOGUE, PRESETS, MeasureError, compute
from drift.measures.binning import RULES, Binning
from drift.profile import profile_batches

COUNTS = sorted(name for name, entry in CATALOGUE.items() if entry.takes == "counts")
NUMBERS = sorted(name for name, entry in CATALOGUE.items() if entry.takes == "numbers")
ROWS = sorted(name for name, entry in CATALOGUE.items() if entry.takes == "rows")
SYMMETRIC = sorted(
    CATALOGUE.keys() - {"kl_divergence", "chi2_gof", "pca_reconstruction_error", "wasserstein"}
)
ZERO_AT_EQUALITY = sorted(
    CATALOGUE.keys()
    # These have a statistic that means "no difference" at another value; their effect size is zero.
    - {
        "domain_classifier",
        "fisher_exact",
        "mann_whitney",
        "cramer_von_mises",
        "anderson_darling",
        "mmd",
        "pca_reconstruction_error",
    }
)

RNG = np.random.default_rng(7)
X, Y = RNG.normal(size=60), RNG.normal(0.4, 1.3, size=80)
XS, YS = (
    np.array(["a", "b"])[RNG.choice(2, 60, p=[0.6, 0.4])],
    np.array(["a", "b"])[RNG.choice(2, 80, p=[0.4, 0.6])],
)
DISTINCT = {"hellinger": {"bins": "distinct"}, "jensen_shannon_distance": {"bins": "distinct"}}
TABLE = np.array([[12.0, 30.0, 5.0, 13.0], [25.0, 22.0, 9.0, 3.0]])
XR, YR = RNG.normal(size=(60, 4)), RNG.normal(0.3, 1.2, size=(80, 4))
YR[:, 1] += YR[:, 0]


def sides(name: str) -> tuple[Any, Any]:
    return {"counts": (XS, YS), "numbers": (X, Y), "rows": (XR, YR)}[CATALOGUE[name].takes]


def near(measure: Any, other: Any) -> None:
    for key in ("statistic", "p_value", "effect_size"):
        mine, theirs = getattr(measure, key), getattr(other, key)
        assert (mine is None) == (theirs is None), key
        assert mine is None or mine == pytest.approx(theirs, rel=1e-9, abs=1e-12), key


def test_the_catalogue_has_the_names_asked_for() -> None:
    asked = {
        "ks",
        "chi2_contingency",
        "chi2_gof",
        "g_test",
        "fisher_exact",
        "psi",
        "jensen_shannon_distance",
        "jensen_shannon_divergence",
        "kl_divergence",
        "hellinger",
        "total_variation",
        "l_infinity",
        "wasserstein",
        "energy_distance",
        "cramer_von_mises",
        "anderson_darling",
        "mann_whitney",
        "t_test",
        "epps_singleton",
        "cramers_v",
        "mmd",
        "pca_reconstruction_error",
        "correlation_change",
        "domain_classifier",
    }
    assert asked == set(CATALOGUE)


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_equal_sides_differ_by_nothing(name: str) -> None:
    for one in sides(name):
        measure = compute(name, one, one.copy())
        assert measure.effect_size == pytest.approx(0, abs=1e-7)
        if name in ZERO_AT_EQUALITY:
            assert measure.statistic == pytest.approx(0, abs=1e-7)
        if measure.p_value is not None and name != "anderson_darling":  # scipy tells none above 0.25
            assert measure.p_value == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_a_shift_is_a_difference_and_the_order_of_rows_none(name: str) -> None:
    left, right = sides(name)
    measure = compute(name, left, right)
    assert measure.effect_size is not None
    assert measure.effect_size > 0.01
    if measure.p_value is not None:
        assert 0 <= measure.p_value < 0.5
    order = np.random.default_rng(1)
    near(compute(name, left[order.permutation(len(left))], right[order.permutation(len(right))]), measure)


@pytest.mark.parametrize("name", SYMMETRIC)
def test_symmetric_where_defined_so(name: str) -> None:
    left, right = sides(name)
    # Bins of equal mass are the reference's; joint ones are of both.
    options = {"bins": "equal_width", "span": "joint"} if CATALOGUE[name].takes == "counts" else {}
    there, back = compute(name, left, right, **options), compute(name, right, left, **options)
    assert back.p_value == pytest.approx(there.p_value)
    assert back.effect_size == pytest.approx(there.effect_size)
    if name == "fisher_exact":
        assert math.log(back.statistic) == pytest.approx(-math.log(there.statistic))
    elif name == "mann_whitney":
        assert back.statistic == pytest.approx(X.size * Y.size - there.statistic)
    elif name == "t_test":
        assert back.statistic == pytest.approx(-there.statistic)
    else:
        assert back.statistic == pytest.approx(there.statistic)


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_inputs_stay_as_they_are(name: str) -> None:
    left, right = (side.copy() for side in sides(name))
    left.flags.writeable = right.flags.writeable = False
    before = left.tobytes(), right.tobytes()
    compute(name, left, right)
    assert (left.tobytes(), right.tobytes()) == before


@pytest.mark.parametrize("name", sorted(set(COUNTS + NUMBERS)))
def test_nulls_are_left_out(name: str) -> None:
    left, right = sides(name)
    near(compute(name, [None, *left.tolist(), math.nan], [*right.tolist(), None]), compute(name, left, right))


@pytest.mark.parametrize("name", sorted(set(COUNTS) - {"fisher_exact"}))
def test_values_counts_and_table_are_the_same(name: str) -> None:
    reference = dict(zip("abcd", TABLE[0], strict=True))
    current = dict(zip("dcba", TABLE[1][::-1], strict=True))
    spelt = [[x for x, count in side.items() for _ in range(int(count))] for side in (reference, current)]
    measure = compute(name, reference, current)
    near(compute(name, TABLE), measure)
    near(compute(name, *spelt), measure)
    near(compute(name, {**reference, "never": 0}, current), measure)


@pytest.mark.parametrize("name", sorted(name for name, entry in CATALOGUE.items() if entry.weighted))
def test_whole_weights_are_repeated_values(name: str) -> None:
    times = np.arange(X.size) % 3
    weighted = compute(name, X, Y, reference_weights=times, **({"bins": "sturges"} if name in COUNTS else {}))
    edges = {"bins": np.histogram_bin_edges(X, "sturges")} if name in COUNTS else {}
    near(weighted, compute(name, np.repeat(X, times), Y, **edges))


ORACLES = {
    "ks": stats.ks_2samp,
    "cramer_von_mises": stats.cramervonmises_2samp,
    "mann_whitney": stats.mannwhitneyu,
    "t_test": lambda x, y: stats.ttest_ind(x, y, equal_var=False),
    "epps_singleton": stats.epps_singleton_2samp,
    "anderson_darling": lambda x, y: stats.anderson_ksamp([x, y], variant="midrank"),
}


@pytest.mark.parametrize("name", sorted(ORACLES))
@pytest.mark.parametrize("seed", range(3))
def test_tests_of_numbers_agree_with_scipy(name: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=35).round(1), rng.normal(0.3 * seed, 1, size=50).round(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        expected = ORACLES[name](x, y)
    measure = compute(name, x, y)
    assert (measure.statistic, measure.p_value) == pytest.approx((expected.statistic, expected.pvalue))


def test_tables_agree_with_scipy() -> None:
    plain = stats.chi2_contingency(TABLE, correction=False)
    two = TABLE[:, :2]
    for measure, expected in (
        (compute("chi2_contingency", TABLE), plain),
        (compute("chi2_contingency", two, correction=True), stats.chi2_contingency(two)),
        (compute("g_test", TABLE), stats.chi2_contingency(TABLE, correction=False, lambda_="log-likelihood")),
        (compute("g_test", two, correction=True), stats.chi2_contingency(two, lambda_="log-likelihood")),
        (compute("chi2_gof", TABLE), stats.chisquare(TABLE[1], TABLE[0] * TABLE[1].sum() / TABLE[0].sum())),
        (compute("fisher_exact", two), stats.fisher_exact(two)),
    ):
        assert measure.statistic == pytest.approx(expected.statistic)
        assert measure.p_value == pytest.approx(expected.pvalue)
    cramer = compute("cramers_v", TABLE)
    assert cramer.statistic == pytest.approx(stats.contingency.association(TABLE.astype(int), "cramer"))
    assert cramer.p_value == pytest.approx(plain.pvalue)
    exact = compute("g_test", TABLE, reference_exact=True)
    scaled = TABLE[0] * TABLE[1].sum() / TABLE[0].sum()
    assert exact.statistic == pytest.approx(stats.power_divergence(TABLE[1], scaled, lambda_=0).statistic)


def test_cramers_v_corrected_is_bergsmas_formula() -> None:
    total = TABLE.sum()
    squared = stats.chi2_contingency(TABLE, correction=False).statistic / total
    less = max(0, squared - 3 / (total - 1))
    rows, columns = 2 - 1 / (total - 1), 4 - 9 / (total - 1)
    expected = math.sqrt(less / min(rows - 1, columns - 1))
    assert compute("cramers_v", TABLE, bias_correction=True).statistic == pytest.approx(expected)


def test_distances_agree_with_scipy() -> None:
    p, q = TABLE[0] / TABLE[0].sum(), TABLE[1] / TABLE[1].sum()
    for base in (2.0, math.e):
        expected = distance.jensenshannon(p, q, base=base)
        assert compute("jensen_shannon_distance", TABLE, base=base).statistic == pytest.approx(expected)
        assert compute("jensen_shannon_divergence", TABLE, base=base).statistic == pytest.approx(expected**2)
        assert compute("kl_divergence", TABLE, base=base).statistic == pytest.approx(
            stats.entropy(p, q, base=base)
        )
    assert compute("kl_divergence", TABLE, direction="current").statistic == pytest.approx(
        stats.entropy(q, p)
    )
    assert compute("total_variation", TABLE).statistic == pytest.approx(distance.cityblock(p, q) / 2)
    assert compute("l_infinity", TABLE).statistic == pytest.approx(distance.chebyshev(p, q))
    root = distance.euclidean(np.sqrt(p), np.sqrt(q)) / math.sqrt(2)
    assert compute("hellinger", TABLE).statistic == pytest.approx(root)
    jeffreys = stats.entropy(p, q) + stats.entropy(q, p)
    assert compute("psi", TABLE).statistic == pytest.approx(jeffreys)
    assert compute("wasserstein", X, Y).statistic == pytest.approx(stats.wasserstein_distance(X, Y))
    assert compute("energy_distance", X, Y).statistic == pytest.approx(stats.energy_distance(X, Y))


def test_effect_sizes_are_what_their_formulas_say() -> None:
    apart = np.abs(X[:, None] - Y[None, :]).mean()
    energy = stats.energy_distance(X, Y) ** 2 / (2 * apart)
    assert compute("energy_distance", X, Y).effect_size == pytest.approx(energy)
    pooled = np.concatenate([X, Y])
    f, g = (np.searchsorted(np.sort(side), pooled, "right") / side.size for side in (X, Y))
    assert compute("cramer_von_mises", X, Y).effect_size == pytest.approx(math.sqrt(np.mean((f - g) ** 2)))
    more = (X[:, None] > Y[None, :]).mean() - (X[:, None] < Y[None, :]).mean()
    assert compute("mann_whitney", X, Y).effect_size == pytest.approx(abs(more))


def test_zeros_are_filled_as_asked() -> None:
    table = [[90, 10, 0], [50, 30, 20]]

    def psi(p: list[float], q: list[float]) -> float:
        return sum((b - a) * math.log(b / a) for a, b in zip(p, q, strict=True))

    q = [0.5, 0.3, 0.2]
    for zeros, p, current in (
        ("floor", [0.9, 0.1, 1e-4], q),
        ("constant", [0.9, 0.1, 1e-4], q),
        ("relative", [0.9, 0.1, 1e-4], q),
        ("laplace", [91 / 103, 11 / 103, 1 / 103], [51 / 103, 31 / 103, 21 / 103]),
        ("plus_one", [0.91, 0.11, 0.01], [0.51, 0.31, 0.21]),
    ):
        assert compute("psi", table, zeros=zeros).statistic == pytest.approx(psi(p, current)), zeros
    assert compute("psi", table, zeros="keep").statistic == math.inf
    assert compute("chi2_gof", table).statistic == math.inf


def test_bins_are_numpys() -> None:
    joint = np.concatenate([X, Y])
    for options, edges in (
        ({"bins": "sturges", "span": "joint"}, np.histogram_bin_edges(joint, "sturges")),
        ({"bins": "equal_width", "bin_count": 7, "span": "joint"}, np.histogram_bin_edges(joint, 7)),
        ({"bins": [-10, -0.5, 0.5, 10]}, np.array([-10, -0.5, 0.5, 10])),
    ):
        table = [np.histogram(side, edges)[0] for side in (X, Y)]
        near(compute("total_variation", X, Y, **options), compute("total_variation", table))


def test_azure_mls_definitions() -> None:
    count = math.ceil(math.log2(X.size) + 1)
    edges = np.histogram_bin_edges(np.concatenate([X, Y]), count)
    a, b = (np.histogram(side, edges)[0] for side in (X, Y))
    p, q = (a + 1) / X.size, (b + 1) / Y.size
    assert compute("psi", X, Y, preset="azureml").statistic == pytest.approx(((q - p) * np.log(q / p)).sum())
    js = compute("jensen_shannon_distance", X, Y, preset="azureml").statistic
    assert js == pytest.approx(distance.jensenshannon(a, b, base=2))
    moved = stats.wasserstein_distance(X, Y) / X.std(ddof=1)
    assert compute("wasserstein", X, Y, preset="azureml").statistic == pytest.approx(moved)


def test_evidentlys_definitions() -> None:
    edges = np.histogram_bin_edges(np.concatenate([X, Y]), "sturges")
    p, q = (np.histogram(side, edges)[0] / side.size for side in (X, Y))
    js = compute("jensen_shannon_distance", X, Y, preset="evidently").statistic
    assert js == pytest.approx(distance.jensenshannon(p, q))
    for side in (p, q):
        side[side == 0] = side[side != 0].min() / 1e6 if side[side != 0].min() <= 1e-4 else 1e-4
    assert compute("psi", X, Y, preset="evidently").statistic == pytest.approx(
        ((p - q) * np.log(p / q)).sum()
    )
    assert compute("kl_divergence", X, Y, preset="evidently").statistic == pytest.approx(stats.entropy(p, q))
    few = RNG.integers(0, 5, 50).astype(float), RNG.integers(0, 6, 50).astype(float)
    by_value = [np.bincount(side.astype(int), minlength=6) for side in few]
    js = compute("jensen_shannon_distance", *few, preset="evidently").statistic
    assert js == pytest.approx(distance.jensenshannon(*by_value))


def test_nannymls_definitions() -> None:
    edges = np.histogram_bin_edges(X, "doane")
    p, q = (np.histogram(side, edges)[0] / side.size for side in (X, Y))
    assert q.sum() < 1  # some values lie outside the reference's range
    p, q = np.append(p, 0), np.append(q, 1 - q.sum())
    js = compute("jensen_shannon_distance", X, Y, preset="nannyml").statistic
    assert js == pytest.approx(distance.jensenshannon(p, q, base=2))
    hellinger = np.sqrt(((np.sqrt(p) - np.sqrt(q)) ** 2).sum() / 2)
    assert compute("hellinger", X, Y, preset="nannyml").statistic == pytest.approx(hellinger)
    unseen = compute("jensen_shannon_distance", list("aab"), list("abcd"), preset="nannyml").statistic
    assert unseen == pytest.approx(distance.jensenshannon([2 / 3, 1 / 3, 0], [0.25, 0.25, 0.5], base=2))


def test_tfdvs_definition() -> None:
    # Two bins a side over [0, 2] and [1, 3]: cut at 0, 1, 2, 3; a null has a bin of its own.
    reference, current = [0.0, 0.5, 2.0, 1.5], [1.0, 1.5, 3.0, None]
    measure = compute("jensen_shannon_divergence", reference, current, preset="tfdv", bin_count=2)
    expected = distance.jensenshannon([2, 2, 0, 0], [0, 2, 1, 1], base=2) ** 2
    assert measure.statistic == pytest.approx(expected)


def test_every_preset_can_be_computed() -> None:
    for preset, measures in PRESETS.items():
        for name in measures:
            assert compute(name, *sides(name), preset=preset).effect_size is not None


def test_from_profiles_as_from_values() -> None:
    table = [profile_batches([pa.table({"x": side})]).columns["x"].numeric for side in (X, Y)]
    assert compute("ks", *table).statistic == pytest.approx(compute("ks", X, Y).statistic, abs=1e-12)
    assert compute("wasserstein", *table).statistic == pytest.approx(compute("wasserstein", X, Y).statistic)
    texts = [profile_batches([pa.table({"s": side.tolist()})]).columns["s"].category for side in (XS, YS)]
    near(compute("chi2_contingency", *texts), compute("chi2_contingency", XS, YS))
    with pytest.raises(MeasureError, match="a profile does not determine it"):
        compute("mann_whitney", *table)


def test_mmd_is_its_definition() -> None:
    sigma = 1.5

    def kernel(a: Any, b: Any) -> Any:
        return np.exp(-distance.cdist(a, b, "sqeuclidean") / (2 * sigma**2))

    n, m = len(XR), len(YR)
    within = (kernel(XR, XR).sum() - n) / (n * (n - 1)) + (kernel(YR, YR).sum() - m) / (m * (m - 1))
    expected = within - 2 * kernel(XR, YR).mean()
    measure = compute("mmd", XR, YR, sigma=sigma, permutations=99)
    assert measure.statistic == pytest.approx(expected)
    assert measure.p_value is not None
    assert measure.p_value <= 0.05
    biased = kernel(XR, XR).mean() + kernel(YR, YR).mean() - 2 * kernel(XR, YR).mean()
    assert compute("mmd", XR, YR, sigma=sigma, biased=True).statistic == pytest.approx(biased)
    halves = compute("mmd", XR[:30], XR[30:], permutations=99).p_value
    assert halves is not None
    assert halves > 0.05
    with pytest.raises(MeasureError, match="max_rows"):
        compute("mmd", XR, YR, max_rows=100)


def test_reconstruction_error_is_its_definition() -> None:
    x, y = ((side - XR.mean(0)) / XR.std(0) for side in (XR, YR))
    variance, axes = np.linalg.eigh(np.cov(x.T))
    share = np.cumsum(variance[::-1]) / variance.sum()
    kept = axes[:, ::-1][:, : int(np.count_nonzero(share <= 0.65)) + 1]
    expected = np.linalg.norm(y - y @ kept @ kept.T, axis=1).mean()
    assert compute("pca_reconstruction_error", XR, YR, preset="nannyml").statistic == pytest.approx(expected)
    assert compute("pca_reconstruction_error", XR, YR, components=4).statistic == pytest.approx(0, abs=1e-9)
    with_nulls, filled = YR.copy(), YR.copy()
    with_nulls[::7, 2], filled[::7, 2] = math.nan, XR[:, 2].mean()
    near(compute("pca_reconstruction_error", XR, with_nulls), compute("pca_reconstruction_error", XR, filled))


@pytest.mark.parametrize("method", ["pearson", "spearman"])
def test_correlation_change_is_its_definition(method: str) -> None:
    before, now = (
        (np.corrcoef(side.T) if method == "pearson" else stats.spearmanr(side).statistic) for side in (XR, YR)
    )
    measure = compute("correlation_change", XR, YR, method=method)
    assert measure.statistic == pytest.approx(np.abs(before - now).max())
    assert measure.p_value is not None
    assert measure.p_value < 0.01
    halves = compute("correlation_change", XR[:30], XR[30:], method=method).p_value
    assert halves is not None
    assert halves > 0.05


@pytest.mark.parametrize(
    ("arguments", "options", "says"),
    [
        (("kss", X, Y), {}, "no measure 'kss': did you mean 'ks'"),
        (("psi", X, Y), {"bin": "sturges"}, "psi has no option 'bin': did you mean 'bins'"),
        (("psi", X, Y), {"bins": "many"}, "bins must be edges or one of"),
        (("psi", X, Y), {"bins": [1, 1]}, "must rise"),
        (("psi", X, Y), {"zeros": "no"}, "zeros must be one of"),
        (("psi", X, Y), {"preset": "azure"}, "no preset 'azure': did you mean 'azureml'"),
        (("mmd", XR, YR), {"preset": "tfdv"}, "preset 'tfdv' has no 'mmd'"),
        (("psi", {"a": 1}, X), {}, "one side has counts"),
        (("psi", {"a": -1}, {"a": 1}), {}, "not negative"),
        (("psi", [[1, 2, 3]]), {}, "two rows"),
        (("psi", {}, {"a": 1}), {}, "the reference has no values"),
        (("ks", X), {}, "needs current data"),
        (("ks", XR, YR), {}, "1-d"),
        (("ks", ["a"], ["b"]), {}, "not numbers"),
        (("ks", [None], Y), {}, "the reference has no values"),
        (("ks", X, Y), {"method": "best"}, "method must be one of"),
        (("ks", X, Y), {"reference_weights": X}, "no option"),
        (("wasserstein", [math.inf], Y), {}, "infinite"),
        (("wasserstein", X, Y), {"reference_weights": [1.0]}, "60 values but 1 weights"),
        (("mmd", X, Y), {}, "2-d"),
        (("mmd", XR, YR[:, :2]), {}, "4 columns, the current data 2"),
        (("fisher_exact", TABLE), {}, "two categories, not 4"),
        (("epps_singleton", [1.0] * 9, [1.0] * 9), {}, "spread"),
        (("t_test", [1.0], Y), {}, "at least 2 values"),
    ],
)
def test_what_cannot_be_computed_is_said(arguments: Any, options: Any, says: str) -> None:
    with pytest.raises(MeasureError, match=says):
        compute(*arguments, **options)


@pytest.mark.parametrize("name", sorted(set(NUMBERS) - {"epps_singleton"}))
def test_constant_columns_do_not_crash(name: str) -> None:
    same, other = compute(name, [2.0] * 9, [2.0] * 8), compute(name, [2.0] * 9, [3.0] * 8)
    assert same.effect_size == 0
    assert other.effect_size is not None
    assert other.effect_size > 0


def test_disjoint_sides_are_apart_by_one_and_no_more() -> None:
    for name in ("total_variation", "hellinger", "jensen_shannon_distance", "ks"):
        assert compute(name, RNG.random(999), RNG.random(777) + 2, **DISTINCT.get(name, {})).statistic == 1


def test_dates_are_categories_and_nat_is_null() -> None:
    days = np.array(["2026-01-01", "2026-01-02", "NaT"], "datetime64[D]")
    near(compute("chi2_contingency", days, days[:1]), compute("chi2_contingency", [1, 2], [1]))


def test_a_classifier_is_not_fooled_by_chance() -> None:
    rng = np.random.default_rng(11)
    areas = [
        compute("domain_classifier", rng.normal(size=(100, 3)), rng.normal(size=(140, 3))).statistic
        for _ in range(100)
    ]
    assert np.mean(areas) == pytest.approx(0.5, abs=3 * np.std(areas) / 10)


def test_a_classifier_sees_means_spreads_nulls_and_correlation() -> None:
    rng = np.random.default_rng(5)
    reference = rng.normal(size=(400, 3))
    near_half = compute("domain_classifier", reference, rng.normal(size=(300, 3))).statistic
    assert 0.4 < near_half < 0.58
    moved = rng.normal([1.0, 0.0, 0.0], size=(300, 3))
    # Two normal distributions one deviation apart: the best possible area is Phi(1 / sqrt 2) = 0.760.
    assert compute("domain_classifier", reference, moved).statistic == pytest.approx(0.76, abs=0.05)
    assert compute("domain_classifier", reference, 2 * rng.normal(size=(300, 3))).statistic > 0.75
    holes = rng.normal(size=(300, 3))
    holes[::2, 1] = math.nan
    assert compute("domain_classifier", reference, holes).statistic == pytest.approx(0.75, abs=0.05)
    tied = rng.normal(size=(300, 3))
    tied[:, 1] = tied[:, 0] + 0.1 * tied[:, 1]
    blind = compute("domain_classifier", reference, tied).statistic
    assert compute("domain_classifier", reference, tied, products=True).statistic > max(0.7, blind + 0.1)
    apart = compute("domain_classifier", reference, reference + 100.0)
    assert (apart.statistic, apart.effect_size) == (1.0, 1.0)
    with pytest.raises(MeasureError, match="at least 5 rows"):
        compute("domain_classifier", reference[:4], tied)


ODD: list[list[float]] = [
    [1.0],
    [1.0, 2.0],
    [math.inf, 1.0, 2.0, 3.0, 4.0, 5.0],
    [-math.inf, 0.0, 1.0, 1e308, -1e308, 5e-324],
    [0.0, 1.0, 1e308, -1e308, 5e-324],
    [1e15 + i for i in range(9)],
    [0.0] * 10,
    [True, False, True],
    [2**70, 1, 3, 4, 5],
]


@pytest.mark.parametrize("name", sorted(set(COUNTS + NUMBERS)))
def test_odd_values_give_a_number_or_are_refused(name: str) -> None:
    ways: list[dict[str, Any]] = [{}]
    if name in COUNTS:
        ways += [{"bins": rule, "span": "joint", "outside": "bin"} for rule in RULES]
    for left in ODD:
        for right in ODD:
            for options in ways:
                try:
                    measure = compute(name, left, right, **options)
                except MeasureError:
                    continue  # nothing else may be raised, not even a warning
                assert not math.isnan(measure.statistic)
                assert measure.effect_size is not None
                assert measure.effect_size >= 0
                assert measure.p_value is None or 0 <= measure.p_value <= 1


def test_the_catalogue_loads_scipy_stats_only_when_a_measure_needs_it() -> None:
    code = (
        "import sys\n"
        "from drift.measures import compute\n"
        "compute('psi', {'a': 3, 'b': 4}, {'a': 5, 'b': 1})\n"
        "compute('chi2_contingency', [[3, 4], [5, 1]])\n"
        "heavy = {'pandas', 'scipy.stats', 'sklearn'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_the_page_names_every_measure_option_and_preset() -> None:
    page = (Path(__file__).parents[3] / "docs" / "measures.md").read_text(encoding="utf-8")
    lines = [line.split("|")[1:-1] for line in page.splitlines() if line.startswith("| `")]
    measures = {row[0].strip(" `"): row for row in lines if len(row) == 5}
    assert measures.keys() == CATALOGUE.keys()
    binning, weights = {one.name for one in fields(Binning)}, {"reference_weights", "current_weights"}
    for name, (_, takes, _, _, said) in measures.items():
        entry = CATALOGUE[name]
        assert entry.takes in takes
        assert ("profiles" in takes) == (entry.from_profiles is not None)
        options = set(entry.options)
        assert ("bins" in said, "weights" in said) == (binning <= options, weights <= options), name
        own = options - weights - (binning if entry.takes == "counts" else set())
        assert set(re.findall(r"`(\w+)`", said)) == own, name
    assert all(f"`{option}`" in page for option in binning | weights)
    presets = {row[0].strip(" `"): set(re.findall(r"`(\w+)`", row[1])) for row in lines if len(row) == 2}
    assert presets == {preset: set(names) for preset, names in PRESETS.items()}
