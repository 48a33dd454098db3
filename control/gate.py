"""May the candidate be released? From evaluation.json and the policy's gates. Pure.

Every check is pass, fail or inconclusive; a missing metric is inconclusive; inconclusive never passes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from control.facts import Evaluation, Verdict
from control.policy import ChampionGate, Gates, SliceGate, Threshold


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One question the gate asked, with its numbers."""

    name: str
    verdict: Verdict
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """The gate's answer: the worst of its checks."""

    verdict: Verdict
    checks: tuple[Check, ...]

    @property
    def reason(self) -> str:
        """What decided it, in one line: what kept it from passing, or the first check and how many more."""
        if not self.checks:
            return "the policy asks for nothing"
        if self.verdict != "pass":
            return "; ".join(check.reason for check in self.checks if check.verdict == self.verdict)
        more = len(self.checks) - 1
        return self.checks[0].reason + (f"; and {more} more checks passed" if more else "")


def judge(gates: Gates, evaluation: Evaluation | None, champion: str | None) -> Judgement:
    """Judge a candidate by what its evaluation says.

    Args:
        gates: the policy's gates.
        evaluation: what the evaluate step wrote; None when it wrote nothing.
        champion: version of the champion it was compared with; None when there is none yet, and then
            comparisons are not asked for.
    """
    fault = "the job wrote no evaluation.json" if evaluation is None else evaluation.fault
    if evaluation is None or fault:
        missing = Check(name="evaluation", verdict="inconclusive", reason=fault)
        return Judgement(verdict="inconclusive", checks=(missing,))
    body = evaluation.body
    checks = []
    if champion is not None and gates.champion is not None:
        checks.append(_champion(gates.champion, body))
    checks += [_threshold(bound, body) for bound in gates.thresholds]
    if champion is not None:
        for gate in gates.slices:
            checks.extend(_slices(gate, body))
    return Judgement(verdict=_worst(checks), checks=tuple(checks))


def _worst(checks: list[Check]) -> Verdict:
    verdicts = {check.verdict for check in checks}
    if "fail" in verdicts:
        return "fail"
    return "inconclusive" if "inconclusive" in verdicts else "pass"


def _champion(gate: ChampionGate, body: Mapping[str, Any]) -> Check:
    name = f"champion {gate.metric}"
    measured = _at(body, "comparison", gate.metric)
    difference, lower, upper = (_number(measured, key) for key in ("difference", "lower", "upper"))
    better = _at(body, "metrics", gate.metric, "greater_is_better")
    if difference is None or lower is None or upper is None or not isinstance(better, bool):
        reason = f"no comparison of {gate.metric} with the champion in the evaluation"
        return Check(name=name, verdict="inconclusive", reason=reason)
    confidence = _number(measured, "confidence")
    if confidence is None or confidence < gate.confidence:
        reason = (
            f"{gate.metric} was compared at confidence {confidence}, the policy asks for {gate.confidence}"
        )
        return Check(name=name, verdict="inconclusive", reason=reason)
    # In terms of "how much worse may it be": the pessimistic end of the interval decides.
    worst, best = (lower, upper) if better else (-upper, -lower)
    text = (
        f"{gate.metric} {difference:+.4f} against the champion, interval {lower:+.4f} to {upper:+.4f}, "
        f"at most {gate.non_inferior_by} worse allowed"
    )
    if worst >= -gate.non_inferior_by:
        return Check(name=name, verdict="pass", reason=text)
    if best < -gate.non_inferior_by:
        return Check(name=name, verdict="fail", reason=text)
    return Check(name=name, verdict="inconclusive", reason=text)


def _slices(gate: SliceGate, body: Mapping[str, Any]) -> Iterator[Check]:
    slices = [part for part in body.get("slices") or [] if part.get("by") == gate.by]
    if not slices:
        reason = f"the evaluation has no slices by {gate.by}"
        yield Check(name=f"slice {gate.by}", verdict="inconclusive", reason=reason)
    better = _at(body, "metrics", gate.metric, "greater_is_better")
    for part in slices:
        rows = _number(part, "rows") or 0
        if rows < gate.min_rows:
            continue
        label = f"{gate.by}={part.get('value')}"
        candidate, champion = (_number(part.get(who), gate.metric) for who in ("candidate", "champion"))
        if candidate is None or champion is None or not isinstance(better, bool):
            reason = f"{label}: no {gate.metric} of both models on {rows:.0f} rows"
            yield Check(name=f"slice {label}", verdict="inconclusive", reason=reason)
            continue
        drop = champion - candidate if better else candidate - champion
        reason = f"{label}: {gate.metric} {candidate:.4f} against {champion:.4f} on {rows:.0f} rows"
        verdict: Verdict = "fail" if drop > gate.max_drop else "pass"
        yield Check(name=f"slice {label}", verdict=verdict, reason=reason)


def _threshold(bound: Threshold, body: Mapping[str, Any]) -> Check:
    name = f"threshold {bound.metric}"
    value = _number(_at(body, "candidate", "metrics"), bound.metric)
    if value is None:
        return Check(name=name, verdict="inconclusive", reason=f"the evaluation has no {bound.metric}")
    low = bound.at_least is not None and value < bound.at_least
    high = bound.at_most is not None and value > bound.at_most
    asked = " and ".join(
        f"{word} {limit}"
        for word, limit in (("at least", bound.at_least), ("at most", bound.at_most))
        if limit is not None
    )
    reason = f"{bound.metric} is {value:.4f}, {asked} asked"
    return Check(name=name, verdict="fail" if low or high else "pass", reason=reason)


def _at(body: Any, *keys: str) -> Any:
    for key in keys:
        body = body.get(key) if isinstance(body, Mapping) else None
    return body


def _number(body: Any, key: str) -> float | None:
    """A finite number, else None: NaN is no measurement."""
    value = _at(body, key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)
