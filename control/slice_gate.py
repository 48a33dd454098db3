"""Is the candidate worse in some part of the data? Pure.

A slice is small, and there are many. It fails when a drop beyond what is allowed is proven, with Holm's
(1979) correction over all slices judged: all together fail a candidate wrongly as seldom as one would.
It passes when such a drop is ruled out; as all must pass, that needs no correction (Berger 1982). Else nobody
can tell yet, and the reason says how many rows would.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from control.certainty import above, holm, reach
from control.check import Check, at, number
from control.facts import Verdict
from control.policy import SliceGate


@dataclass(frozen=True, kw_only=True, slots=True)
class _Part:
    """One slice with both metrics, and its drop (greater is worse) with the standard error."""

    gate: SliceGate
    label: str
    rows: float
    candidate: float
    champion: float
    drop: float
    error: float
    units: int

    @property
    def p_value(self) -> float:
        """How probable such a drop or a greater one is if it is no greater than allowed."""
        beyond = self.drop - self.gate.max_drop
        if self.error > 0:
            return above(beyond / self.error, self.units)
        return 0.0 if beyond > 0 else 1.0


def judge(gates: Sequence[SliceGate], body: Mapping[str, Any]) -> list[Check]:
    """The checks of every slice that has rows enough."""
    found = [one for gate in gates for one in _found(gate, body)]
    parts = [one for one in found if isinstance(one, _Part)]
    adjusted = iter(holm([part.p_value for part in parts]))
    return [_check(one, next(adjusted)) if isinstance(one, _Part) else one for one in found]


def _found(gate: SliceGate, body: Mapping[str, Any]) -> Iterator[_Part | Check]:
    every = [part for part in body.get("slices") or [] if at(part, "by") == gate.by]
    large = [part for part in every if (number(part, "rows") or 0) >= gate.min_rows]
    better = at(body, "metrics", gate.metric, "greater_is_better")
    if not large:
        what = f"slice by {gate.by} with {gate.min_rows} rows" if every else f"slices by {gate.by}"
        reason = f"the evaluation has no {what}"
        yield Check(name=f"slice {gate.by} {gate.metric}", verdict="inconclusive", reason=reason)
    for part in large:
        label = f"{gate.by}={part.get('value')}"
        rows = number(part, "rows") or 0
        candidate, champion = (number(part.get(who), gate.metric) for who in ("candidate", "champion"))
        compared = at(part, "comparison", gate.metric)
        error, units = number(compared, "standard_error"), number(compared, "units")
        known = candidate is not None and champion is not None and isinstance(better, bool)
        if not known or error is None or units is None:
            lacking = f"{gate.metric} of both models" if not known else f"interval of {gate.metric}"
            reason = f"{label}: no {lacking} on {rows:.0f} rows"
            yield Check(name=f"slice {label} {gate.metric}", verdict="inconclusive", reason=reason)
            continue
        assert candidate is not None  # noqa: S101 - known
        assert champion is not None  # noqa: S101 - known
        yield _Part(
            gate=gate,
            label=label,
            rows=rows,
            candidate=candidate,
            champion=champion,
            drop=champion - candidate if better else candidate - champion,
            error=error,
            units=int(units),
        )


def _check(part: _Part, adjusted: float) -> Check:
    gate = part.gate
    far = reach(gate.confidence, part.units) * part.error
    verdict: Verdict = "inconclusive"
    if part.drop + far <= gate.max_drop:
        verdict = "pass"
    elif adjusted < (1 - gate.confidence) / 2:
        verdict = "fail"
    reason = (
        f"{part.label}: {gate.metric} {part.candidate:.4f} against {part.champion:.4f} "
        f"on {part.rows:.0f} rows, {part.drop - far:+.4f} to {part.drop + far:+.4f} worse, "
        f"{gate.max_drop} allowed"
    )
    if verdict == "inconclusive":
        reason += _needed(part, far)
    return Check(name=f"slice {part.label} {gate.metric}", verdict=verdict, reason=reason)


def _needed(part: _Part, far: float) -> str:
    """How many rows would tell, if the difference stayed what it is."""
    room = abs(part.gate.max_drop - part.drop)
    times = (far / room) ** 2 if room else math.inf
    return f"; about {part.rows * times:,.0f} rows would tell" if 1 < times < 1000 else ""
