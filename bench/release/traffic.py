"""Made-up traffic: two deployments that fail, take their time, and predict, counted as the logs count it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from control.traffic import LATENCY_RATIO, Arm, Outputs, Traffic

SCALE, SPREAD = 100.0, 0.5
"""Latencies are lognormal: median in ms, standard deviation of the logarithm."""

FIRST, BINS = 40, 120
"""Bins of latency: from 5.7 ms to 1 s."""

ATOMS, CLASSES = 64, 4
"""Predictions are probabilities rounded to 1/64, and one of four classes by them."""


def latency_shares(factor: float = 1.0, ratio: float = LATENCY_RATIO) -> np.ndarray:
    """The share of each bin when everything takes `factor` times as long."""
    scale = math.log(LATENCY_RATIO) / math.log(ratio)
    first, bins = round(FIRST * scale), round(BINS * scale)
    edges = (np.arange(first, first + bins + 1) * math.log(ratio) - math.log(SCALE * factor)) / SPREAD
    below = np.array([0.5 * (1 + math.erf(edge / math.sqrt(2))) for edge in edges])
    below[0], below[-1] = 0, 1
    return np.diff(below)


@dataclass(frozen=True, kw_only=True, slots=True)
class Model:
    """How a deployment answers."""

    error_rate: float = 0.01
    slower: float = 1.0


@dataclass(frozen=True, slots=True)
class Counts:
    """Of one deployment, cumulative: one row a look."""

    requests: np.ndarray
    failures: np.ndarray
    latencies: np.ndarray
    predictions: np.ndarray

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.requests + other.requests,
            self.failures + other.failures,
            self.latencies + other.latencies,
            self.predictions + other.predictions,
        )

    def arm(self, look: int) -> Arm:
        """What the logs say at that look."""
        bins = self.latencies[look]
        return Arm(
            requests=int(self.requests[look]),
            failures=int(self.failures[look]),
            latencies=tuple((FIRST + int(number), int(bins[number])) for number in np.flatnonzero(bins)),
        )


def answers(random: np.random.Generator, requests: np.ndarray, model: Model) -> Counts:
    """What a deployment answers, given how many requests it gets between two looks."""
    even = np.full(ATOMS, 1 / ATOMS)
    return Counts(
        requests.cumsum(),
        random.binomial(requests, model.error_rate).cumsum(),
        random.multinomial(requests, latency_shares(model.slower)).cumsum(0),
        random.multinomial(requests, even).cumsum(0),
    )


def split(
    random: np.random.Generator,
    looks: int,
    every: int,
    percent: int,
    *,
    mirrored: bool,
    candidate: Model,
    champion: Model,
) -> tuple[Counts, Counts]:
    """Candidate and champion in one phase, looked at after every so many requests of callers.

    Mirrored requests of two models that are the same get the same answer from both, as the models are.
    """
    mine = random.binomial(every, percent / 100, looks)
    first = answers(random, mine, candidate)
    others = answers(random, every - mine, champion)
    if not mirrored:
        return first, others
    return first, others + (first if candidate == champion else answers(random, mine, champion))


def distances(candidate: Counts, champion: Counts) -> tuple[np.ndarray, np.ndarray]:
    """Of the predictions at each look: Kolmogorov-Smirnov, and total variation of the classes."""
    shares = [
        side.predictions / np.maximum(side.predictions.sum(1, keepdims=True), 1)
        for side in (candidate, champion)
    ]
    difference = shares[0] - shares[1]
    classes = difference.reshape(len(difference), CLASSES, -1).sum(2)
    return np.abs(difference.cumsum(1)).max(1), np.abs(classes).sum(1) / 2


def facts(candidate: Counts, champion: Counts, look: int) -> Traffic:
    """What a judgement is made from at that look."""
    mine, other = candidate.arm(look), champion.arm(look)
    outputs: tuple[Outputs, ...] = ()
    if mine.requests and other.requests:
        numbers, classes = (
            float(series[0]) for series in distances(_only(candidate, look), _only(champion, look))
        )
        rows = {"candidate_rows": mine.requests, "champion_rows": other.requests}
        outputs = (
            Outputs(column="probability", distance=numbers, **rows),
            Outputs(column="class", distance=classes, categories=CLASSES, **rows),
        )
    return Traffic(candidate=mine, champion=other, outputs=outputs)


def _only(counts: Counts, look: int) -> Counts:
    rows = slice(look, look + 1)
    return Counts(
        counts.requests[rows], counts.failures[rows], counts.latencies[rows], counts.predictions[rows]
    )
