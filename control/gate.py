"""May the candidate be released? From the evaluation and the policy's gates. Pure.

Every check is pass, fail or inconclusive; a missing metric is inconclusive; inconclusive never passes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from control import slice_gate
from control.certainty import reach
from control.check import Check, at, number
from control.facts import Evaluation, Verdict
from control.policy import ChampionGate, Gates, Threshold

__all__ = ["Check", "Judgement", "judge"]


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
    fault = "the job wrote no evaluation" if evaluation is None else evaluation.fault
    if evaluation is None or fault:
        missing = Check(name="evaluation", verdict="inconclusive", reason=fault)
        return Judgement(verdict="inconclusive", checks=(missing,))
    body = evaluation.body
    checks = []
    if champion is not None and gates.champion is not None:
        checks.append(_champion(gates.champion, body))
    checks += [_threshold(bound, body) for bound in gates.thresholds]
    if champion is not None:
        checks += slice_gate.judge(gates.slices, body)
    checks += _golden(gates.golden_tolerance, body)
    checks += [_robust(name, body) for name in gates.robustness]
    return Judgement(verdict=_worst(checks), checks=tuple(checks))


def _worst(checks: list[Check]) -> Verdict:
    verdicts = {check.verdict for check in checks}
    if "fail" in verdicts:
        return "fail"
    return "inconclusive" if "inconclusive" in verdicts else "pass"


def _champion(gate: ChampionGate, body: Mapping[str, Any]) -> Check:
    name = f"champion {gate.metric}"
    measured = at(body, "comparison", gate.metric)
    difference, lower, upper = (number(measured, key) for key in ("difference", "lower", "upper"))
    better = at(body, "metrics", gate.metric, "greater_is_better")
    if difference is None or lower is None or upper is None or not isinstance(better, bool):
        reason = f"no comparison of {gate.metric} with the champion in the evaluation"
        return Check(name=name, verdict="inconclusive", reason=reason)
    confidence = number(measured, "confidence")
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
    return Check(name=name, verdict=_by_interval(worst, best, -gate.non_inferior_by), reason=text)


def _threshold(bound: Threshold, body: Mapping[str, Any]) -> Check:
    name = f"threshold {bound.metric}"
    value = number(at(body, "candidate", "metrics"), bound.metric)
    if value is None:
        return Check(name=name, verdict="inconclusive", reason=f"the evaluation has no {bound.metric}")
    asked = " and ".join(
        f"{word} {limit}"
        for word, limit in (("at least", bound.at_least), ("at most", bound.at_most))
        if limit is not None
    )
    said, lower, upper = f"{bound.metric} is {value:.4f}", value, value
    if bound.confidence is not None:
        error = number(at(body, "candidate", "standard_errors"), bound.metric)
        units = number(body, "units")
        if error is None or units is None:
            reason = f"{said}, without an interval: {asked} asked with confidence {bound.confidence}"
            return Check(name=name, verdict="inconclusive", reason=reason)
        far = reach(bound.confidence, int(units)) * error
        lower, upper = value - far, value + far
        said += f", interval {lower:.4f} to {upper:.4f}"
    verdicts = [
        _by_interval(low, high, limit)
        for low, high, limit in (
            (lower, upper, -math.inf if bound.at_least is None else bound.at_least),
            (-upper, -lower, -math.inf if bound.at_most is None else -bound.at_most),
        )
    ]
    verdict: Verdict = "fail" if "fail" in verdicts else max(verdicts, key=lambda one: one == "inconclusive")
    return Check(name=name, verdict=verdict, reason=f"{said}, {asked} asked")


def _golden(tolerance: float, body: Mapping[str, Any]) -> Iterator[Check]:
    """Golden predictions asked where the model was evaluated; a release asks its deployment in any case."""
    golden = body.get("golden")
    if not golden:
        return
    off, fault = number(golden, "greatest_difference"), at(golden, "fault")
    if fault:
        yield Check(name="golden", verdict="fail", reason=f"golden predictions: {fault}")
    elif off is None:
        yield Check(
            name="golden", verdict="inconclusive", reason="golden predictions: no difference recorded"
        )
    else:
        reason = f"golden predictions are off by {off:.3g} at most, {tolerance:g} is allowed"
        yield Check(name="golden", verdict="pass" if off <= tolerance else "fail", reason=reason)


def _robust(what: str, body: Mapping[str, Any]) -> Check:
    name, words = f"robustness {what}", what.replace("_", " ")
    found = at(body, "robustness", what)
    asked, answered, refused = (number(found, key) for key in ("asked", "answered", "refused"))
    wrong = at(found, "wrong")
    if asked is None or answered is None or refused is None or not isinstance(wrong, list) or not asked:
        return Check(name=name, verdict="inconclusive", reason=f"the evaluation did not try {words}")
    if asked != answered + refused + len(wrong):
        reason = f"{words}: {asked:.0f} requests, of which some are not accounted for"
        return Check(name=name, verdict="inconclusive", reason=reason)
    if wrong:
        reason = (
            f"{words}: {len(wrong)} of {asked:.0f} requests were neither answered nor refused with a reason, "
            f"first: {wrong[0]}"
        )
        return Check(name=name, verdict="fail", reason=reason)
    reason = f"{words}: {answered:.0f} of {asked:.0f} requests answered, {refused:.0f} refused with a reason"
    return Check(name=name, verdict="pass", reason=reason)


def _by_interval(lower: float, upper: float, least: float) -> Verdict:
    """Is what lies between those two at least so much?"""
    if lower >= least:
        return "pass"
    return "fail" if upper < least else "inconclusive"
