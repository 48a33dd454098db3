"""What `release.abort_if` means: metrics of the endpoint, and by what a step fails. Pure.

A text is one bound or more, joined by `or`: `> 2%`, `> 1.2x champion`, `> 5% or > 2x champion`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

LATENCIES = {"latency_p50": 0.50, "latency_p90": 0.90, "latency_p95": 0.95, "latency_p99": 0.99}
"""Metric to the share of the requests that are answered by then."""

METRICS = ("error_rate", *LATENCIES, "prediction_drift")

_NUMBER = r"([0-9]+(?:\.[0-9]+)?)"
_RELATIVE = re.compile(rf"> ?{_NUMBER} ?x champion")
_SHARE = re.compile(rf"> ?{_NUMBER} ?%")
_TIME = re.compile(rf"> ?{_NUMBER} ?(ms|s)")
_DISTANCE = re.compile(rf"> ?{_NUMBER}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Bound:
    """What a metric may be at most, in absolute terms or as a multiple of the champion's.

    `most` is a share for error rates, milliseconds for latencies, a distance for drift of predictions, and
    with `relative` the factor.
    """

    metric: str
    most: float
    relative: bool = False

    @property
    def compares(self) -> bool:
        """Does it need requests of a champion?"""
        return self.relative or self.metric == "prediction_drift"


def read_conditions(abort_if: Mapping[str, str]) -> tuple[Bound, ...]:
    """The bounds that a policy's `release.abort_if` asks for.

    Raises:
        ValueError: one of them is wrong; the message says what to write instead.
    """
    return tuple(bound for metric, text in abort_if.items() for bound in read_condition(metric, text))


def read_condition(metric: str, text: str) -> tuple[Bound, ...]:
    """The bounds in the text of one metric.

    Raises:
        ValueError: it is wrong; the message says what to write instead.
    """
    if metric not in METRICS:
        raise ValueError(f"{metric!r} is no metric of a release; write one of {', '.join(METRICS)}")
    return tuple(_bound(metric, part.strip()) for part in text.split(" or "))


def _bound(metric: str, text: str) -> Bound:
    relative = _RELATIVE.fullmatch(text)
    if relative and metric != "prediction_drift":
        factor = float(relative[1])
        if factor < 1:
            raise ValueError(
                f"{factor:g}x would stop candidates that are better than the champion; write 1x or more, "
                'for instance "> 1.2x champion"'
            )
        return Bound(metric=metric, most=factor, relative=True)
    if metric == "error_rate":
        return _share(text)
    return _distance(text) if metric == "prediction_drift" else _time(metric, text)


def _share(text: str) -> Bound:
    share = _SHARE.fullmatch(text)
    if not share:
        raise ValueError(f'{text!r} is no bound on an error rate; write "> 1%" or "> 2x champion"')
    most = float(share[1]) / 100
    if most >= 1:
        raise ValueError(f'no error rate is above {share[1]}%; write less than 100, for instance "> 1%"')
    return Bound(metric="error_rate", most=most)


def _distance(text: str) -> Bound:
    distance = _DISTANCE.fullmatch(text)
    if not distance or float(distance[1]) >= 1:
        raise ValueError(
            f"{text!r} is no bound on the distance between candidate's and champion's predictions; write a "
            'number below 1, for instance "> 0.1"'
        )
    return Bound(metric="prediction_drift", most=float(distance[1]))


def _time(metric: str, text: str) -> Bound:
    time = _TIME.fullmatch(text)
    if not time or float(time[1]) <= 0:
        raise ValueError(
            f'{text!r} is no bound on a latency; write "> 250 ms", "> 1.5 s" or "> 1.2x champion"'
        )
    return Bound(metric=metric, most=float(time[1]) * (1000 if time[2] == "s" else 1))
