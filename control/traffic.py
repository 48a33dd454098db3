"""What the endpoint's logs say of deployments while the candidate gets requests."""

from __future__ import annotations

from dataclasses import dataclass

LATENCY_RATIO = 2 ** (1 / 16)
"""Neighbouring bins of latency differ by 4.4 %."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Arm:
    """What one deployment answered in a span of time.

    `failures` are answers of 500 and above, 424 (the model raised) and time-outs (408); what the caller
    got wrong (other 4xx) is none. `latencies` maps the bin of a request's whole duration to the number of
    requests: bin k holds durations of LATENCY_RATIO**k ms and more, below LATENCY_RATIO**(k + 1) ms.
    """

    requests: int = 0
    failures: int = 0
    latencies: tuple[tuple[int, int], ...] = ()
    """By bin, rising."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outputs:
    """How far apart the predictions of candidate and champion are, in one output column.

    `distance` is the Kolmogorov-Smirnov distance of numbers or the total variation of categories, of which
    there are `categories` (0: numbers); the rows are those behind it.
    """

    column: str
    distance: float
    candidate_rows: int
    champion_rows: int
    categories: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Traffic:
    """The facts of one phase of a release, since the traffic was confirmed as it is now."""

    candidate: Arm
    champion: Arm | None
    outputs: tuple[Outputs, ...] = ()
    reason: str = ""
    """Why there is nothing to judge by, when the logs could not be read."""
