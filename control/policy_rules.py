"""What a JSON Schema cannot say: rules between the values of a policy."""

from __future__ import annotations

from difflib import get_close_matches
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from control.conditions import read_condition
from control.drift_signal import METRICS
from control.durations import parse_duration
from control.policy import BOUNDED, COMPARED, TrainingData
from control.yaml_source import dotted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from control.yaml_source import Path, Problem, Source

_RISING = "write for instance [5, 25, 50, 100]"


class Sound:
    """The values of a policy that nothing is wrong with so far: rules look only at those."""

    def __init__(self, source: Source, problems: Sequence[Problem]) -> None:
        self._source = source
        self._wrong = [problem.path for problem in problems]

    def get(self, *path: str | int, default: Any = None) -> Any:
        """The value; `default` when it is not written; None when something is wrong at, in or around it."""
        here = dotted(path)
        if any(_within(here, wrong) or _within(wrong, here) for wrong in self._wrong):
            return None
        return self._find(path, default)

    def count(self, *path: str) -> int:
        """How many items the list has, right or wrong."""
        items = self._find(path, None)
        return len(items) if isinstance(items, list) else 0

    def _find(self, path: Path, default: Any) -> Any:
        value = self._source.data
        try:
            for part in path:
                value = value[part]
        except (KeyError, TypeError):  # not written, or nothing that has keys
            return default
        return value

    def problem(self, path: Path, message: str) -> Problem:
        """A problem at that path."""
        return self._source.problem(path, message)


def _within(inner: str, outer: str) -> bool:
    return not outer or inner == outer or inner.startswith((f"{outer}.", f"{outer}["))


def rule_problems(policy: Sound, now: datetime, workspaces: Sequence[str] | None = None) -> Iterator[Problem]:
    """Rules that the policy breaks. `now` is any moment: cron expressions are tried from there."""
    yield from _workspace(policy, workspaces)
    yield from _registry(policy)
    yield from _triggers(policy, now)
    yield from _fresh(policy)
    yield from _budget(policy)
    yield from _steps(policy)
    yield from _deadline(policy)
    yield from _conditions(policy)
    yield from _thresholds(policy)
    yield from _metrics(policy)
    yield from _gate_metrics(policy)


def _workspace(policy: Sound, known: Sequence[str] | None) -> Iterator[Problem]:
    name = policy.get("workspace")
    if name is None or known is None or name in known:
        return
    close = get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]}?" if close else f"write one of {', '.join(known)},"
    yield policy.problem(
        ("workspace",),
        f"{name!r} is no workspace that the app knows; {hint} or add it to HOMEOSTAT_WORKSPACES",
    )


def _registry(policy: Sound) -> Iterator[Problem]:
    rule = policy.get("registry")
    if rule is None:
        return
    if ("share" in rule) == ("from" in rule):
        yield policy.problem(
            ("registry",),
            "write one of share: true (releases go there) and from: true (candidates come)",
        )
    elif "from" in rule and policy.get("gates", "job", default="") == "":
        yield policy.problem(
            ("registry", "from"),
            "what comes is evaluated here first; write gates.job, for instance pipelines/evaluate.yml",
        )


def _gate_metrics(policy: Sound) -> Iterator[Problem]:
    places: list[tuple[Path, tuple[str, ...]]] = [(("gates", "champion"), COMPARED)]
    places += [(("gates", "slices", at), COMPARED) for at in range(policy.count("gates", "slices"))]
    places += [(("gates", "thresholds", at), BOUNDED) for at in range(policy.count("gates", "thresholds"))]
    for place, known in places:
        name = policy.get(*place, "metric")
        if name is None or name in known:
            continue
        if name in BOUNDED:
            said = f"{name!r} has no interval, so nothing can be compared by it; bound it in thresholds, or"
        else:
            close = get_close_matches(name, known, n=1)
            hint = f"; did you mean {close[0]}?" if close else ";"
            said = f"{name!r} is no metric that the gate computes{hint}"
        yield policy.problem((*place, "metric"), f"{said} write one of {', '.join(known)}")


def _metrics(policy: Sound) -> Iterator[Problem]:
    for signal in ("inputs", "predictions"):
        at = ("monitoring_signals", signal, "metric_thresholds")
        style = policy.get(*at, "style", default="azureml")
        for kind, known in METRICS.get(style, {}).items():
            for name in policy.get(*at, kind, default={}) or {}:
                if name not in known:
                    yield policy.problem(
                        (*at, kind, name),
                        f"{name!r} is no metric of {kind} columns in {style}'s style; write one of "
                        f"{', '.join(known)}",
                    )


def _triggers(policy: Sound, now: datetime) -> Iterator[Problem]:
    for index in range(policy.count("trigger")):
        at = ("trigger", index)
        expression = policy.get(*at, "expression")
        reason = _cron_wrong(expression, now) if expression is not None else None
        if reason:
            yield policy.problem(
                (*at, "expression"),
                f"{expression!r} is no cron expression ({reason}); write minute, hour, day of the month, "
                'month and day of the week, for instance "15 3 * * *" for 03:15 every day',
            )
        zone = policy.get(*at, "time_zone")
        if zone is not None and not _is_zone(zone):
            yield policy.problem(
                (*at, "time_zone"),
                f"{zone!r} is no time zone; write an IANA name, for instance UTC or Europe/Berlin",
            )


def _cron_wrong(expression: str, now: datetime) -> str | None:
    fields = len(expression.split())
    if fields != 5:
        return f"{fields} fields, not 5"
    try:
        next(CronSim(expression, now))
    except CronSimError as err:
        return str(err)
    except StopIteration:
        return "that time never comes"
    return None


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return False
    return True


def _fresh(policy: Sound) -> Iterator[Problem]:
    at = ("retrain", "data")
    default = TrainingData()
    fresh = policy.get(*at, "fresh", default=default.fresh)
    train = policy.get(*at, "train", default=default.train)
    if fresh is not None and train is not None and fresh > train:
        yield policy.problem(
            (*at, "fresh"),
            f"{fresh} fresh batches cannot be among {train} training batches; write at most {train}",
        )


def _budget(policy: Sound) -> Iterator[Problem]:
    at = ("retrain", "budget")
    run, month = policy.get(*at, "per_run"), policy.get(*at, "per_month")
    if run is not None and month is not None and run > month:
        yield policy.problem(
            (*at, "per_run"),
            f"{run:g} for a run is more than {month:g} for a month, so no run would ever start; write a "
            "smaller one, or a greater per_month",
        )


def _steps(policy: Sound) -> Iterator[Problem]:
    at = ("release", "steps")
    steps = policy.get(*at)
    if steps is None:
        return
    for index, (before, after) in enumerate(pairwise(steps), start=1):
        if after <= before:
            yield policy.problem((*at, index), f"{after} comes after {before}, but steps rise; {_RISING}")
    if steps[-1] != 100:
        yield policy.problem(
            (*at, len(steps) - 1), f"the last step is {steps[-1]}, but it must be 100; {_RISING}"
        )


def _deadline(policy: Sound) -> Iterator[Problem]:
    bake = policy.get("release", "bake", default="PT30M")
    deadline = policy.get("release", "deadline", default="PT2H")
    if bake is not None and deadline is not None and parse_duration(deadline) < parse_duration(bake):
        yield policy.problem(
            ("release", "bake"),
            f"a step would be rolled back after {deadline} (deadline), before it is judged after {bake} "
            "(bake); write a longer deadline or a shorter bake, for instance bake: PT30M, deadline: PT2H",
        )


def _conditions(policy: Sound) -> Iterator[Problem]:
    at = ("release", "abort_if")
    for metric, text in (policy.get(*at, default={}) or {}).items():
        try:
            read_condition(metric, text)
        except ValueError as wrong:
            yield policy.problem((*at, metric), str(wrong))


def _thresholds(policy: Sound) -> Iterator[Problem]:
    for index in range(policy.count("gates", "thresholds")):
        at = ("gates", "thresholds", index)
        least, most = policy.get(*at, "at_least"), policy.get(*at, "at_most")
        if least is not None and most is not None and least > most:
            yield policy.problem(
                (*at, "at_least"), f"nothing is at least {least:g} and at most {most:g}; swap the two"
            )
