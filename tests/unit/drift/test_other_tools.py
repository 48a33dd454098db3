"""What other tools print for the same data, run in their own environments: the presets give the same digits.

evidently 0.7.23 (its legacy stattests: `drift_score`), nannyml 0.13.1 (`UnivariateDriftCalculator`, one chunk),
TFDV 1.16.1 (`drift_measurements`); NumPy's legacy generator draws the same numbers in every version.
"""

import numpy as np
import pytest

from drift.measures import compute
from drift.styles import STYLES
from drift.styles.counted import Counted

DRAWS = np.random.RandomState(7)
X, Y = DRAWS.normal(size=400), DRAWS.normal(0.3, 1.2, size=300)
A, B = (
    DRAWS.choice(list("abcd"), 400, p=[0.4, 0.3, 0.2, 0.1]),
    DRAWS.choice(list("abcd"), 300, p=[0.3, 0.3, 0.2, 0.2]),
)

EVIDENTLY = [
    # measure, of what, which of its parts, evidently's name, evidently's score
    ("ks", "numbers", "p_value", "ks", 0.0005652408076437631),
    ("wasserstein", "numbers", "statistic", "wasserstein", 0.28789130276037145),
    ("jensen_shannon_distance", "numbers", "statistic", "jensenshannon", 0.14673584333642986),
    ("psi", "numbers", "statistic", "psi", 0.1809023020371062),
    ("kl_divergence", "numbers", "statistic", "kl_div", 0.08435187094995626),
    ("hellinger", "numbers", "statistic", None, 0.14847008955613697),
    ("cramer_von_mises", "numbers", "p_value", None, 0.0006562332442924257),
    ("anderson_darling", "numbers", "p_value", None, 0.001),
    ("mann_whitney", "numbers", "p_value", None, 0.0005704170675699278),
    ("energy_distance", "numbers", "statistic", None, 0.22317097395617344),
    ("epps_singleton", "numbers", "p_value", None, 0.0010115049636528486),
    ("t_test", "numbers", "p_value", None, 0.0011647527152513636),
    ("chi2_gof", "categories", "p_value", "chisquare", 1.6144947196589122e-12),
    ("jensen_shannon_distance", "categories", "statistic", "jensenshannon", 0.12869887625940157),
    ("psi", "categories", "statistic", "psi", 0.13576786822686981),
    ("kl_divergence", "categories", "statistic", "kl_div", 0.06123334120025385),
    ("hellinger", "categories", "statistic", "hellinger", 0.12947401015612928),
]
NANNYML = [
    ("jensen_shannon_distance", "numbers", "statistic", "jensen_shannon", 0.17320035627504327),
    ("hellinger", "numbers", "statistic", "hellinger", 0.1518566763917321),
    ("wasserstein", "numbers", "statistic", "wasserstein", 0.2841127610725296),
    ("ks", "numbers", "statistic", "kolmogorov_smirnov", 0.15333333333333332),
    ("jensen_shannon_distance", "categories", "statistic", "jensen_shannon", 0.15458310426080166),
    ("hellinger", "categories", "statistic", "hellinger", 0.12947401015612903),
    ("l_infinity", "categories", "statistic", "l_infinity", 0.11833333333333333),
    ("chi2_contingency", "categories", "statistic", "chi2", 23.124217407157513),
]
ALL = [("evidently", *line) for line in EVIDENTLY] + [("nannyml", *line) for line in NANNYML]


@pytest.mark.parametrize(("tool", "name", "kind", "part", "_", "printed"), ALL)
def test_a_preset_gives_what_the_tool_prints(
    tool: str, name: str, kind: str, part: str, _: str | None, printed: float
) -> None:
    found = compute(name, *((X, Y) if kind == "numbers" else (A, B)), preset=tool)
    assert getattr(found, part) == pytest.approx(printed, rel=1e-12)


@pytest.mark.parametrize(("tool", "_", "kind", "__", "named", "printed"), [line for line in ALL if line[4]])
def test_thresholds_in_its_style_see_the_same(
    tool: str, _: str, kind: str, __: str, named: str, printed: float
) -> None:
    one, other = (X, Y) if kind == "numbers" else (A, B)
    values = np.unique(np.concatenate([one, other]))
    a, b = (np.bincount(np.searchsorted(values, side), minlength=values.size) for side in (one, other))
    counted = Counted(a, b, values if kind == "numbers" else None)
    found = STYLES[tool].of(ordered=kind == "numbers")[named](counted)
    # The styles' KS p-value is asymptotic: values are not at hand, only counts.
    assert found == pytest.approx(printed, rel=0.2 if named == "ks" else 1e-9)


def test_tfdv() -> None:
    """Its buckets are counted by a sketch: one or two rows of 700 lie in another one."""
    assert compute("l_infinity", A, B, preset="tfdv").statistic == pytest.approx(
        0.11833333333333333, rel=1e-12
    )
    found = compute("jensen_shannon_divergence", X, Y, preset="tfdv").statistic
    assert found == pytest.approx(0.0401310854928662, rel=0.02)
