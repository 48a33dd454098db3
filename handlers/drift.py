"""A profile against the champion's reference, as the policy asks."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from control.drift_signal import DriftSignal
from control.facts import Batch, Verdict
from control.policy import Policy
from control.ports import Services
from control.state import Champion

if TYPE_CHECKING:
    from drift.profile import Profile
    from drift.thresholds import Thresholds


_RECENT = 10
_LEAST = timedelta(seconds=1)


def spacing(batches: Iterable[Batch], now: datetime) -> timedelta | None:
    """How far apart checks of arriving batches are: on average between the newest ones and now."""
    arrived = sorted(batch.arrived for batch in batches)[-_RECENT:]
    if not arrived:
        return None
    return max((now - arrived[0]) / len(arrived), _LEAST)


def against_reference(
    policy: Policy,
    champion: Champion | None,
    current: Profile,
    services: Services,
    every: timedelta | None = None,
) -> tuple[Verdict, str, list[dict[str, Any]]]:
    """Has this data drifted from what the champion learned: (verdict, why, the columns' effect sizes).

    `every` is how far apart such checks are; where the policy states `false_alarms`, alpha follows from it.
    """
    from drift.verdict import check

    signal = policy.inputs
    if signal is None:
        return "inconclusive", "the policy watches no inputs", []
    if champion is None:
        return "inconclusive", "no champion yet: nothing to compare with", []
    reference = services.at(policy).profiles.reference(policy, champion.version)
    if reference is None:
        return "inconclusive", f"version {champion.version} carries no reference profile", []
    verdict = check(
        reference,
        current,
        alpha=_alpha(signal, every),
        min_effect=signal.min_effect,
        min_rows=signal.min_rows,
        features=signal.features,
        thresholds=_thresholds(signal),
    )
    columns = [
        {
            "name": column.name,
            "verdict": column.verdict,
            "reason": column.reason,
            "effect_size": column.effect_size,
        }
        for column in verdict.columns
    ]
    return verdict.verdict, verdict.reason, columns


def _thresholds(signal: DriftSignal) -> Thresholds | None:
    given = signal.metric_thresholds
    if given is None:
        return None
    from drift.thresholds import Thresholds

    return Thresholds(
        style=given.style, numerical=given.numerical, categorical=given.categorical, share=given.share
    )


def _alpha(signal: DriftSignal, every: timedelta | None) -> float:
    from drift.rate import alpha_per_check

    stated = signal.false_alarms
    if stated is None or every is None:
        return signal.alpha
    return alpha_per_check(stated.at_most, stated.per, every)
