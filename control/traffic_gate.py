"""May the release go on, by what the candidate answered in this phase? Pure.

Judged at any moment and any number of times, from the counts of the phase so far (control/sequential.py). A
bound fails when it is proven to be exceeded, whatever the number of requests; it passes when it is not and
there are enough of them; everything else is inconclusive.

The level. The policy's `false_rollbacks` is split evenly over all bounds that a release asks for, in each
phase (the shadow, each step) in which it can ask for them. Each phase has its own counts, so the
probability that a whole release of a candidate that keeps its bounds is rolled back is at most the sum.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta

from control.conditions import LATENCIES, Bound, read_conditions
from control.facts import Verdict
from control.gate import Check, Judgement
from control.policy import Release
from control.sequential import Count, log_evidence, proven, rate_at_least, rate_at_most, ratio_at_least
from control.sequential_distance import distance_at_least
from control.sequential_latency import (
    Durations,
    durations,
    exceeds,
    exceeds_champion,
    quantile_at_least,
    quantile_at_most,
)
from control.traffic import Arm, Outputs, Traffic


@dataclass(frozen=True, kw_only=True, slots=True)
class Phase:
    """Where a release stands: what part of the requests the candidate is given, and who else answers."""

    percent: int
    """Of the requests, 1 to 100."""
    mirrored: bool = False
    """The champion answers every request, and the candidate gets copies of that part."""
    champion: bool = True
    """Is there one? A first release has none."""

    @property
    def compared(self) -> bool:
        """Does the champion answer requests in this phase?"""
        return self.champion and (self.mirrored or self.percent < 100)

    @property
    def share(self) -> float:
        """Of all answers, by either, what part should be the candidate's."""
        return self.percent / (100 + self.percent) if self.mirrored else self.percent / 100


def judge_traffic(release: Release, traffic: Traffic | None, phase: Phase) -> Judgement:
    """Judge a phase of a release by its requests so far.

    Args:
        release: what the policy says of releases.
        traffic: the facts of this phase alone; None when they were not to be had.
        phase: which one it is. In a phase without answers of a champion, bounds against it are not asked
            for: the earlier phases have answered them, or, in a first release, nobody could.

    Raises:
        ValueError: a bound of the policy cannot be read; the policy check refuses such a policy.
    """
    if traffic is None or traffic.reason:
        reason = traffic.reason if traffic else "nothing is known of the requests"
        return _judgement([Check(name="requests", verdict="inconclusive", reason=reason)])
    bounds = read_conditions(release.abort_if)
    asked = [bound for bound in bounds if phase.compared or not bound.compares]
    level = release.false_rollbacks / max(1, _questions(release, bounds, champion=phase.champion))
    looked = _Looked(release=release, traffic=traffic, phase=phase, level=level)
    checks = [_requests(looked, left_out=len(bounds) > len(asked))]
    checks += [_check(looked, bound) for bound in asked]
    return _judgement(checks)


def _questions(release: Release, bounds: tuple[Bound, ...], *, champion: bool) -> int:
    """How many bounds a release asks for, over all its phases."""
    absolute = sum(not bound.compares for bound in bounds)
    if not champion:
        return absolute  # there is nobody to share the traffic with: one step
    shadow = release.mirror_percent > 0 and release.mirror_for > timedelta(0)
    phases = len(release.steps) + shadow
    return absolute * phases + (len(bounds) - absolute) * (phases - 1)


def _judgement(checks: list[Check]) -> Judgement:
    verdicts = {check.verdict for check in checks}
    worst: Verdict = "inconclusive" if "inconclusive" in verdicts else "pass"
    return Judgement(verdict="fail" if "fail" in verdicts else worst, checks=tuple(checks))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Looked:
    """What all checks of one judgement share."""

    release: Release
    traffic: Traffic
    phase: Phase
    level: float

    def verdict(self, *, exceeded: bool, counts: tuple[int, ...]) -> Verdict:
        """Proven to be exceeded; or not, on enough requests of everybody concerned."""
        if exceeded:
            return "fail"
        return "pass" if min(counts) >= self.release.min_requests else "inconclusive"


def _requests(looked: _Looked, *, left_out: bool) -> Check:
    count, least = looked.traffic.candidate.requests, looked.release.min_requests
    reason = f"{_many(count, 'request')} answered by the candidate, at least {least:,} asked for"
    if left_out:
        reason += "; the champion answers none here, so there is nothing to compare with"
    return Check(name="requests", verdict="pass" if count >= least else "inconclusive", reason=reason)


def _check(looked: _Looked, bound: Bound) -> Check:
    champion = looked.traffic.champion
    if bound.compares and (champion is None or not champion.requests):
        reason = f"{bound.metric}: no requests answered by the champion to compare with"
        return Check(name=bound.metric, verdict="inconclusive", reason=reason)
    if bound.metric == "prediction_drift":
        return _drift(looked, bound)
    if bound.metric in LATENCIES:
        return _latency(looked, bound, LATENCIES[bound.metric])
    return _errors(looked, bound)


def _errors(looked: _Looked, bound: Bound) -> Check:
    count = _failures(looked.traffic.candidate)
    text = f"error rate {_rate_with_bounds(count, looked.level)}"
    champion = looked.traffic.champion
    if not bound.relative or champion is None:
        exceeded = proven(log_evidence(count, bound.most), looked.level)
        verdict = looked.verdict(exceeded=exceeded, counts=(count.trials,))
        return Check(
            name=bound.metric, verdict=verdict, reason=f"{text}, at most {_percent(bound.most)} allowed"
        )
    other = _failures(champion)
    least = ratio_at_least(count, other, looked.level, looked.phase.share)
    verdict = looked.verdict(exceeded=least > bound.most, counts=(count.trials, other.trials))
    text += f" against the champion's {_percent(other.rate)} of {_many(other.trials, 'request')}"
    if least > 1:
        text += f", at least {_down(least)}x as many"
    return Check(name=bound.metric, verdict=verdict, reason=f"{text}, at most {bound.most:g}x allowed")


def _failures(arm: Arm) -> Count:
    return Count(hits=arm.failures, trials=arm.requests)


def _latency(looked: _Looked, bound: Bound, share: float) -> Check:
    mine = durations(looked.traffic.candidate.latencies)
    name = f"latency p{share * 100:.0f}"
    if not mine.count:
        reason = f"{name}: the logs hold no durations of the candidate's requests"
        return Check(name=bound.metric, verdict="inconclusive", reason=reason)
    text = f"{name} {_duration_with_bounds(mine, share, looked.level)}"
    champion = looked.traffic.champion
    if not bound.relative or champion is None:
        exceeded = exceeds(mine, share, bound.most, looked.level)
        verdict = looked.verdict(exceeded=exceeded, counts=(mine.count,))
        reason = f"{text}, at most {_duration(bound.most)} allowed"
        return Check(name=bound.metric, verdict=verdict, reason=reason)
    other = durations(champion.latencies)
    if not other.count:
        reason = f"{name}: the logs hold no durations of the champion's requests"
        return Check(name=bound.metric, verdict="inconclusive", reason=reason)
    exceeded = exceeds_champion(mine, other, share, bound.most, looked.level, traffic=looked.phase.share)
    verdict = looked.verdict(exceeded=exceeded, counts=(mine.count, other.count))
    text += f" against the champion's {_duration_with_bounds(other, share, looked.level)}"
    return Check(name=bound.metric, verdict=verdict, reason=f"{text}, at most {bound.most:g}x allowed")


def _drift(looked: _Looked, bound: Bound) -> Check:
    outputs = looked.traffic.outputs
    if not outputs:
        reason = "no predictions of candidate and champion to compare"
        return Check(name=bound.metric, verdict="inconclusive", reason=reason)
    level = looked.level / len(outputs)
    found = [_drift_of(looked, bound, output, level) for output in outputs]
    worst = _judgement(found).verdict
    said = "; ".join(check.reason for check in found if check.verdict == worst)
    return Check(name=bound.metric, verdict=worst, reason=f"{said}, at most {bound.most:g} allowed")


def _drift_of(looked: _Looked, bound: Bound, output: Outputs, level: float) -> Check:
    rows = (output.candidate_rows, output.champion_rows)
    text = (
        f"predictions of {output.column}: distance {output.distance:.3g} on {rows[0]:,} and {rows[1]:,} rows"
    )
    if not math.isfinite(output.distance):
        return Check(name=bound.metric, verdict="inconclusive", reason=text)
    least = distance_at_least(output.distance, rows, output.categories, level)
    verdict = looked.verdict(exceeded=least > bound.most, counts=rows)
    return Check(name=bound.metric, verdict=verdict, reason=f"{text} (at least {_down(least)})")


def _rate_with_bounds(count: Count, level: float) -> str:
    low, high = rate_at_least(count, level), rate_at_most(count, level)
    return f"{_percent(count.rate)} of {_many(count.trials, 'request')} ({_percent(low)} to {_percent(high)})"


def _duration_with_bounds(given: Durations, share: float, level: float) -> str:
    low, high = quantile_at_least(given, share, level), quantile_at_most(given, share, level)
    span = f"{_duration(low)} to {_duration(high)}" if high < math.inf else f"at least {_duration(low)}"
    return f"{_duration(given.quantile(share))} of {_many(given.count, 'request')} ({span})"


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _percent(share: float) -> str:
    return f"{_short(100 * share)} %"


def _duration(milliseconds: float) -> str:
    if milliseconds < 1000:
        return f"{_short(milliseconds)} ms"
    return f"{_short(milliseconds / 1000)} s"


def _short(number: float) -> str:
    """Two or three digits that say something, never with an exponent."""
    if number == 0:
        return "0"
    digits = max(0, 1 - math.floor(math.log10(abs(number))))
    text = f"{number:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _down(number: float) -> str:
    """With two digits after the point, never rounded up: a bound stays one."""
    return f"{math.floor(number * 100) / 100:g}"
