"""Rates under continuous looking: bounds that hold at every look at once, from the counts so far. Pure.

The idea. A bet on "the rate is greater than p" multiplies its stake with every request; if the rate is p
or less, the expected stake never rises above 1, so the chance that it *ever* reaches 1 / level is at most
`level` (Ville 1939, Étude critique de la notion de collectif). The stake depends on the counts alone: how
often, and when, somebody looked does not matter.

The bet. Raising the log-odds of p by d multiplies the stake by `exp(d)` on a hit, and divides it by
`1 - p + p exp(d)` on every trial: the likelihood ratio of the two rates, `exp(d S - n psi(d))` with the
Bernoulli cumulant psi (Howard, Ramdas, McAuliffe & Sekhon 2020, Time-uniform Chernoff bounds, Probability
Surveys 17, sub-Bernoulli). Nobody knows d, so the stake is spread over many (the method of mixtures:
Robbins 1970, Statistical methods related to the law of the iterated logarithm, Ann. Math. Stat. 41). The
shifts rise by a quarter from 1e-5 to 13, so one of them is near the true one whatever it is, and most of
the stake lies where releases go wrong, at odds that double or treble.

Requests need not be alike: it is enough that, given all before, each is a hit with probability p at most.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

SHIFTS = tuple(1e-5 * 1.25**step for step in range(64))
"""Of log-odds, rising."""

_CENTRE, _SPREAD = 0.8, 0.5


def _shares() -> tuple[float, ...]:
    """Cauchy's curve in the logarithm of the shift: no shift is far too cheap to be found."""
    raw = [1 / (1 + (math.log(shift / _CENTRE) / _SPREAD) ** 2) for shift in SHIFTS]
    return tuple(share / math.fsum(raw) for share in raw)


STAKES = _shares()
"""Of the stake of 1, by shift."""

_BETS = tuple(
    (shift, math.expm1(shift), math.log(stake)) for shift, stake in zip(SHIFTS, STAKES, strict=True)
)

_FARTHEST = 60.0
"""Log-odds: a rate of 1e-26."""

_HALVINGS = 56

SHARE_OF_LEVEL = 0.1
"""Of the level of a comparison, this goes into seeing that the traffic is split as it is said to be."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Count:
    """Of `trials`, so many were hits."""

    hits: int
    trials: int

    @property
    def rate(self) -> float:
        """Hits by trial; 0 without trials."""
        return self.hits / self.trials if self.trials else 0.0


def log_evidence(count: Count, rate: float) -> float:
    """The natural logarithm of the stake that bets on "the rate is greater than `rate`".

    It reaches log(1 / level), ever, with probability at most `level` when the rate is not greater. It falls
    as `rate` rises. With a = log(stakes), p = rate: log sum exp(a + d hits - trials log(1 + p (exp(d) - 1))).
    """
    if rate <= 0:
        return math.inf if count.hits else 0.0
    if rate >= 1:
        return 0.0
    hits, trials = count.hits, count.trials
    terms = [stake + shift * hits - trials * math.log1p(rate * growth) for shift, growth, stake in _BETS]
    top = max(terms)
    return top + math.log(math.fsum(math.exp(term - top) for term in terms))


def proven(log_stake: float, level: float) -> bool:
    """Has the stake reached 1 / level?"""
    return log_stake >= -math.log(level)


def rate_at_least(count: Count, level: float) -> float:
    """The rate is at least this, at all looks at once, but for a probability of `level`.

    The lower end of a confidence sequence: the greatest rate that `log_evidence` refutes.
    """
    if not count.hits:
        return 0.0
    low = -_FARTHEST
    high = _FARTHEST if count.hits == count.trials else _log_odds(count.rate)
    if not proven(log_evidence(count, _from_log_odds(low)), level):
        return 0.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if proven(log_evidence(count, _from_log_odds(middle)), level):
            low = middle
        else:
            high = middle
    return _from_log_odds(low)


def rate_at_most(count: Count, level: float) -> float:
    """The rate is at most this, at all looks at once, but for a probability of `level`."""
    misses = Count(hits=count.trials - count.hits, trials=count.trials)
    return 1.0 - rate_at_least(misses, level)


def ratio_at_least(candidate: Count, champion: Count, level: float, share: float | None = None) -> float:
    """The candidate's rate is at least this many times the champion's, at all looks at once.

    Only hits are looked at: whose was it? Where a request meets the candidate with probability s, and the
    candidate's rate is r times the champion's, a hit is the candidate's with probability
    s r / (s r + 1 - s), however the rates move with the hours, as long as they move together. So a bound on
    that share of the hits is one on r (the conditional test of two Poisson rates: Przyborowski & Wilenski
    1940, Biometrika 31; under continuous looking: Lindon & Malek 2022, Anytime-valid inference for
    multinomial count data, NeurIPS 35). It holds as well:

    - for requests that are dealt out in turn instead of drawn. Over a round, with the stake's factors g on
      the candidate's hits and h on the champion's and rates r p and p: (1 + r p (g - 1))^a (1 + p (h - 1))^b
      is at most exp(p (a r (g - 1) + b (h - 1))), which is exp(0).
    - for mirrored requests, which both answer, however alike the two answers to one are: where both are
      hits the stake moves by (g - 1)(h - 1) < 0 less than the sum of both.

    Args:
        candidate: hits of its requests.
        champion: hits of its own.
        level: probability that the bound ever fails.
        share: of the requests of both, what part the candidate's are said to be. It is believed until the
            counts refute it; None never believes any. A share that is not what is said shows in the
            requests long before it can show in the hits, as these are among them.
    """
    requests = candidate.trials + champion.trials
    if not candidate.hits or not candidate.trials:
        return 0.0
    if not champion.trials:
        return 0.0
    most = share_at_most(candidate.trials, requests, SHARE_OF_LEVEL * level, share)
    if most >= 1:
        return 0.0
    hits = Count(hits=candidate.hits, trials=candidate.hits + champion.hits)
    least = rate_at_least(hits, (1 - SHARE_OF_LEVEL) * level)
    return math.exp(_log_odds(least) - _log_odds(most)) if least > 0 else 0.0


def share_at_most(candidate: int, requests: int, level: float, share: float | None) -> float:
    """The candidate's share of the requests: what is said, or a bound where the counts refute that."""
    count = Count(hits=candidate, trials=requests)
    if share is not None and 0 < share < 1:
        others = Count(hits=requests - candidate, trials=requests)
        refuted = proven(log_evidence(count, share), level / 2) or proven(
            log_evidence(others, 1 - share), level / 2
        )
        if not refuted:
            return share
    return rate_at_most(count, level / 2)


def _log_odds(rate: float) -> float:
    return math.log(rate) - math.log1p(-rate) if rate < 1 else _FARTHEST


def _from_log_odds(odds: float) -> float:
    return 1 / (1 + math.exp(-odds)) if odds >= 0 else math.exp(odds) / (1 + math.exp(odds))
