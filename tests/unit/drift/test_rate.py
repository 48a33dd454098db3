"""A promise over months, kept by the alpha of each check."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

import drift.verdict
from control.facts import Batch
from control.policy_file import read_policy
from drift.profile import profile_batches
from drift.rate import MOST, SHARED, alpha_per_check
from handlers.drift import against_reference, spacing

DAY = timedelta(days=1)
FLIGHTS = Path(__file__).parents[3] / "policies" / "flight-delay.yaml"


@pytest.mark.parametrize("at_most", [1, 2, 5])
@pytest.mark.parametrize("hours", [1, 24, 24 * 7])
@pytest.mark.parametrize("shared", [0.0, SHARED, 0.3])
def test_the_promise_is_kept_in_95_percent_of_half_years(at_most: int, hours: int, shared: float) -> None:
    every = timedelta(hours=hours)
    checks = -(-180 * 24 // hours)
    alpha = alpha_per_check(at_most, 180 * DAY, every, shared=shared)
    random = np.random.default_rng(9)
    of_reference = stats.norm.cdf(
        (np.sqrt(shared) * random.normal(size=40_000) - stats.norm.isf(alpha)) / np.sqrt(1 - shared)
    )
    alarms = random.binomial(checks, of_reference)
    kept = np.mean(alarms <= at_most)
    assert 0.94 < kept < 0.96
    assert alarms.mean() <= at_most


def test_below_one_alarm_none_may_occur() -> None:
    assert (1 - alpha_per_check(0.5, 180 * DAY, DAY, shared=0)) ** 180 == pytest.approx(0.95)
    assert alpha_per_check(0.01, 180 * DAY, DAY) == pytest.approx(0.01 / 180)


def test_more_frequent_checks_are_stricter_and_alpha_is_bounded() -> None:
    alphas = [alpha_per_check(1, 180 * DAY, n * DAY) for n in (1, 7, 30, 400)]
    assert alphas == sorted(alphas)
    assert alphas[-1] == MOST


@pytest.mark.parametrize(
    "wrong", [(0, DAY, DAY, 0.95), (1, -DAY, DAY, 0.95), (1, DAY, 0 * DAY, 0.95), (1, DAY, DAY, 1.0)]
)
def test_what_makes_no_sense_is_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match=r"positive|confidence"):
        alpha_per_check(*wrong[:3], confidence=wrong[3])


def _batch(at: datetime) -> Batch:
    return Batch(version="v", path="p/", arrived=at, quality="pass", drift="pass", rows=1, reason="")


def test_the_spacing_is_that_of_the_newest_batches() -> None:
    now = datetime(2026, 1, 31, tzinfo=UTC)
    assert spacing([], now) is None
    assert spacing([_batch(now)], now) == timedelta(seconds=1)
    newest = [_batch(now - n * DAY) for n in range(1, 11)]
    assert spacing(newest, now) == DAY
    assert spacing([*newest, _batch(now - 500 * DAY)], now) == DAY


def test_a_check_uses_the_stated_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    profile = profile_batches([pa.table({"x": [1.0] * 10})])
    place = SimpleNamespace(profiles=SimpleNamespace(reference=lambda *_: profile))
    services: Any = SimpleNamespace(at=lambda _: place)
    champion: Any = SimpleNamespace(version="1")
    used = []
    check = drift.verdict.check
    monkeypatch.setattr(drift.verdict, "check", lambda *a, **k: used.append(k["alpha"]) or check(*a, **k))
    text = FLIGHTS.read_text()
    stated = text.replace("    alpha: 0.01\n", "    false_alarms: {at_most: 1, per: P180D}\n")
    for source, every in ((text, DAY), (stated, DAY), (stated, None)):
        against_reference(read_policy(source, "flight-delay.yaml"), champion, profile, services, every)
    assert used == [0.01, alpha_per_check(1, 180 * DAY, DAY), 0.05]
