"""Quantiles of latency under continuous looking, from binned counts. Pure.

A quantile is a statement on a rate: q of the requests are answered by then. So the bets of
control/sequential.py serve, at one quantile with less waste than a band around the whole distribution
function (Howard & Ramdas 2022, Sequential estimation of quantiles with applications to A/B testing and
best-arm identification, Bernoulli 28: there for one arm, and for two by trying each value that the common
quantile may have).

A bin tells between which two durations a request took. Where it matters which, the one counts that speaks
against a proof.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate

from control.sequential import SHARE_OF_LEVEL, Count, log_evidence, proven, share_at_most
from control.traffic import LATENCY_RATIO

_COMPARED, _LOW, _HIGH = math.log(0.6), math.log(0.2), math.log(0.2)
"""The stake in three parts: on the candidate against the champion, and on a value that is tried being too low
or too high to be the champion's quantile."""

_ROUNDED = 1 + 1e-12
"""An edge divided by the factor, times the factor, is not to fall below the edge."""


@dataclass(frozen=True, slots=True)
class Durations:
    """Of how many requests the duration is known to lie above or below a value."""

    lower: tuple[float, ...]
    """Lower edges of the bins, rising, in milliseconds."""
    upper: tuple[float, ...]
    above: tuple[int, ...]
    """How many requests lie in this bin and those after it; one more item, 0."""

    @property
    def count(self) -> int:
        """How many requests."""
        return self.above[0]

    def surely_above(self, value: float) -> int:
        """How many took longer than `value`, whatever their place in their bin."""
        return self.above[bisect_right(self.lower, value)]

    def perhaps_from(self, value: float) -> int:
        """How many may have taken `value` or longer."""
        return self.above[bisect_right(self.upper, value)]

    def quantile(self, share: float) -> float:
        """Where about `share` of them lie below, in milliseconds: the middle of its bin."""
        rank = self.count - share * self.count
        bin_ = max((index for index, above in enumerate(self.above[:-1]) if above > rank), default=0)
        return math.sqrt(self.lower[bin_] * self.upper[bin_])


def durations(latencies: tuple[tuple[int, int], ...]) -> Durations:
    """The durations that an `Arm` counted by bin."""
    bins = sorted((number, count) for number, count in latencies if count > 0)
    after = accumulate((count for _, count in reversed(bins)), initial=0)
    return Durations(
        lower=tuple(LATENCY_RATIO**number for number, _ in bins),
        upper=tuple(LATENCY_RATIO ** (number + 1) for number, _ in bins),
        above=tuple(after)[::-1],
    )


def exceeds(given: Durations, share: float, bound: float, level: float) -> bool:
    """Is it proven that the quantile at `share` is above `bound` (ms)?

    If it is not, no more than 1 - share of the requests take longer than that.
    """
    slow = Count(hits=given.surely_above(bound), trials=given.count)
    return proven(log_evidence(slow, 1 - share), level)


def quantile_at_least(given: Durations, share: float, level: float) -> float:
    """The quantile is at least this (ms), at all looks at once, but for a probability of `level`.

    The greatest edge of a bin below which every value is refuted; 0 when none is.
    """

    def refuted(number: int) -> bool:
        slow = Count(hits=given.above[number], trials=given.count)
        return proven(log_evidence(slow, 1 - share), level)

    first_not = _first(len(given.lower), lambda number: not refuted(number))
    return given.lower[first_not - 1] if first_not else 0.0


def quantile_at_most(given: Durations, share: float, level: float) -> float:
    """The quantile is at most this (ms), at all looks at once; infinite when too little is known.

    The least edge from which on every value is refuted: more than `share` take less time.
    """

    def refuted(number: int) -> bool:
        fast = Count(hits=given.count - given.above[number + 1], trials=given.count)
        return proven(log_evidence(fast, share), level)

    first = _first(len(given.upper), refuted)
    return given.upper[first] if first < len(given.upper) else math.inf


def exceeds_champion(
    candidate: Durations,
    champion: Durations,
    share: float,
    factor: float,
    level: float,
    *,
    traffic: float | None = None,
) -> bool:
    """Is it proven that the candidate's quantile is above `factor` times the champion's?

    If it is not, and x is the champion's quantile, then at most 1 - share of the candidate's requests take
    longer than factor x, at least 1 - share of the champion's take x or longer, and at most 1 - share take
    longer than x. Nobody knows x: for every value of it the stake, spread over three bets that are fair
    then, must have grown enough. The bets: that the requests which are slow by that measure are the
    candidate's more often than its share of the traffic (as in `ratio_at_least`, and with the same force:
    load that slows both arms at some hours is no evidence), and that x is not the champion's quantile, as it
    lies above or below.

    Args:
        candidate: its durations.
        champion: its own.
        share: which quantile, 0.95 for p95.
        factor: what is allowed.
        level: probability that this is ever said wrongly.
        traffic: of the requests of both, what part the candidate's are said to be.
    """
    if not candidate.count or not champion.count:
        return False
    requests = candidate.count + champion.count
    part = share_at_most(candidate.count, requests, SHARE_OF_LEVEL * level, traffic)
    rest = (1 - SHARE_OF_LEVEL) * level
    values = [0.0, *sorted({*champion.lower, *champion.upper, *(edge / factor for edge in candidate.lower)})]

    def too_low(number: int) -> bool:
        return proven(_LOW + _above(champion, share, values[number]), rest)

    def too_high(number: int) -> bool:
        return proven(_HIGH + _below(champion, share, values[number]), rest)

    # Far from the champion's quantile one bet is enough, and the farther the better.
    first = _first(len(values), lambda number: not too_low(number))
    end = _first(len(values), too_high)
    return all(
        proven(_stake_against(candidate, champion, share, factor, value, part), rest)
        for value in values[first:end]
    )


def _stake_against(
    candidate: Durations, champion: Durations, share: float, factor: float, value: float, part: float
) -> float:
    """The logarithm of what the bets against `value` as the champion's quantile have won."""
    slow = candidate.surely_above(factor * value * _ROUNDED)
    of_candidate = Count(hits=slow, trials=slow + champion.perhaps_from(value))
    won = (
        _COMPARED + log_evidence(of_candidate, part),
        _LOW + _above(champion, share, value),
        _HIGH + _below(champion, share, value),
    )
    top = max(won)
    return top + math.log(math.fsum(math.exp(one - top) for one in won))


def _above(champion: Durations, share: float, value: float) -> float:
    """Evidence that the quantile is above `value`."""
    return log_evidence(Count(hits=champion.surely_above(value), trials=champion.count), 1 - share)


def _below(champion: Durations, share: float, value: float) -> float:
    """Evidence that the quantile is below `value`."""
    faster = champion.count - champion.perhaps_from(value)
    return log_evidence(Count(hits=faster, trials=champion.count), share)


def _first(count: int, holds: Callable[[int], bool]) -> int:
    """The first of the numbers below `count` for which it holds, as it does for all after it; or `count`."""
    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low
