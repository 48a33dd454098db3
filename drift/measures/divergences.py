"""Distances and divergences between two sides' shares over the same bins or categories.

p and q are the shares of reference and current. The effect size is the statistic unless said otherwise.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy import special

from drift.measures.arguments import one_of
from drift.measures.errors import MeasureError
from drift.measures.measure import Measure

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

Zeros = Literal["keep", "floor", "constant", "relative", "laplace", "plus_one"]
TINY = 1e-4


def psi(reference: Array, current: Array, *, zeros: Zeros = "floor", constant: float = TINY) -> Measure:
    """Population stability index: sum of (q - p) ln(q / p).

    Lewis (1994); Siddiqi (2006) gives the custom of 0.1 and 0.25. It is Jeffreys' divergence (1946). What is
    done with shares of zero, by `zeros`: `keep` (the index is then infinite), `floor` (no share is less than
    `constant`), `constant` (zeros become it), `relative` (the same, but a millionth of the least share where
    that is at most `constant`: evidently), `laplace` ((count + 1) / (n + k)), `plus_one` ((count + 1) / n:
    Azure ML).
    """
    p, q = shares(reference, zeros, constant), shares(current, zeros, constant)
    both = (p > 0) & (q > 0)
    infinite = bool(np.any((p > 0) != (q > 0)))
    value = math.inf if infinite else float(np.sum((q[both] - p[both]) * np.log(q[both] / p[both])))
    return Measure(statistic=value, effect_size=value)


def kl_divergence(
    reference: Array,
    current: Array,
    *,
    base: float = math.e,
    zeros: Zeros = "floor",
    constant: float = TINY,
    direction: Literal["reference", "current"] = "reference",
) -> Measure:
    """Kullback-Leibler divergence (1951): sum of p log(p / q), the reference taken as the truth.

    With `direction="current"` the current data are taken as the truth. Shares are brought to the sum of 1
    after zeros are filled (see `psi`).
    """
    p, q = _normal(shares(reference, zeros, constant)), _normal(shares(current, zeros, constant))
    one_of("direction", direction, ("reference", "current"))
    if direction == "current":
        p, q = q, p
    value = max(float(np.sum(special.rel_entr(p, q))) / _log(base), 0.0)
    return Measure(statistic=value, effect_size=value)


def jensen_shannon_divergence(
    reference: Array,
    current: Array,
    *,
    base: float = 2.0,
    zeros: Zeros = "keep",
    constant: float = TINY,
    deduct_chance: bool = False,
) -> Measure:
    """Jensen-Shannon divergence: (KL(p, r) + KL(q, r)) / 2 with r = (p + q) / 2 (Lin 1991).

    To base 2 it lies between 0 and 1, to base e below ln 2. With `deduct_chance` the effect size is less by
    what two samples of one distribution differ on average: (k - 1)(1/n + 1/m) / (8 ln base).
    """
    p, q = _normal(shares(reference, zeros, constant)), _normal(shares(current, zeros, constant))
    middle = (p + q) / 2
    nats = float(np.sum(special.rel_entr(p, middle) + special.rel_entr(q, middle))) / 2
    value = min(max(nats, 0.0), math.log(2)) / _log(base)
    effect = value
    if deduct_chance:
        by_chance = (reference.size - 1) * (1 / reference.sum() + 1 / current.sum()) / (8 * _log(base))
        effect = max(value - float(by_chance), 0.0)
    return Measure(statistic=value, effect_size=effect)


def jensen_shannon_distance(
    reference: Array,
    current: Array,
    *,
    base: float = 2.0,
    zeros: Zeros = "keep",
    constant: float = TINY,
    deduct_chance: bool = False,
) -> Measure:
    """Square root of the Jensen-Shannon divergence: a metric (Endres and Schindelin 2003)."""
    divergence = jensen_shannon_divergence(
        reference, current, base=base, zeros=zeros, constant=constant, deduct_chance=deduct_chance
    )
    effect = divergence.effect_size or 0.0
    return Measure(statistic=math.sqrt(divergence.statistic), effect_size=math.sqrt(effect))


def hellinger(reference: Array, current: Array) -> Measure:
    """Hellinger distance (1909): sqrt(sum of (sqrt p - sqrt q)^2 / 2), between 0 and 1."""
    p, q = shares(reference), shares(current)
    value = min(math.sqrt(float(np.sum((np.sqrt(p) - np.sqrt(q)) ** 2)) / 2), 1.0)
    return Measure(statistic=value, effect_size=value)


def total_variation(reference: Array, current: Array) -> Measure:
    """Total variation distance: half the sum of |p - q|, the greatest change of any set's probability."""
    value = min(float(np.sum(np.abs(shares(reference) - shares(current)))) / 2, 1.0)
    return Measure(statistic=value, effect_size=value)


def l_infinity(reference: Array, current: Array) -> Measure:
    """Chebyshev distance of the shares: the greatest |p - q|, as TFDV and nannyml take it of categories."""
    value = float(np.max(np.abs(shares(reference) - shares(current))))
    return Measure(statistic=value, effect_size=value)


def shares(counts: Array, zeros: str = "keep", constant: float = TINY) -> Array:
    """Counts over their sum, zeros treated as `psi` says."""
    one_of("zeros", zeros, ("keep", "floor", "constant", "relative", "laplace", "plus_one"))
    if not 0 < constant < 1:
        raise MeasureError(f"constant must lie between 0 and 1, not {constant!r}")
    total = float(counts.sum())
    if zeros == "laplace":
        return (counts + 1) / (total + counts.size)
    if zeros == "plus_one":
        return (counts + 1) / total
    share = counts / total
    if zeros == "floor":
        return np.maximum(share, constant)
    if zeros == "constant":
        return np.where(share == 0, constant, share)
    if zeros == "relative":
        least = float(np.min(share[share > 0]))
        return np.where(share == 0, least / 1e6 if least <= constant else constant, share)
    return share


def _normal(share: Array) -> Array:
    return np.asarray(share / share.sum(), np.float64)


def _log(base: float) -> float:
    if not base > 1:
        raise MeasureError(f"the base of the logarithm must be above 1, not {base!r}")
    return math.log(base)
