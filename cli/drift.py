"""`homeostat drift`: profiles of data, and whether the current data still look like the reference."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from cli.drift_errors import ERROR, Scripted, check_folder, tell
from cli.drift_monitor import import_monitor
from cli.memory import prepare_for_arrays
from control.errors import BadInput

if TYPE_CHECKING:
    from cloud.time_window import TimeWindow
    from control.drift_signal import DriftSignal
    from drift.block_rule import ByTime
    from drift.profile import Profile
    from drift.thresholds import Thresholds
    from drift.verdict import TableVerdict

PASS, FAIL, INCONCLUSIVE = range(ERROR)
CODES = {"pass": PASS, "fail": FAIL, "inconclusive": INCONCLUSIVE}


TOGETHER = "Also keep and compare how the columns of numbers go together: correlations, components."
app = typer.Typer(
    name="drift",
    cls=Scripted,
    help="Profile data, and compare them with a reference.",
    no_args_is_help=True,
    add_completion=False,
)
TIME = "Rows of a day (or hour) of this column belong together, and the verdict learns how days differ."
SOURCE = (
    "Parquet, CSV, JSON lines, Arrow IPC or Delta: a file, a glob in quotes, or a folder; here or in Azure "
    "(abfss://, wasbs://, https://, azureml:)."
)
SINCE = "Only rows from this time on (of the --time-column), for instance 2026-01-31 or 2026-01-31T12:00Z."
UNTIL = "Only rows before this time."


app.command("import-monitor")(import_monitor)


@app.callback()
def drift() -> None:
    """Profile data, and compare them with a reference."""


@app.command()
def profile(
    source: Annotated[str, typer.Argument(help=SOURCE, metavar="SOURCE")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Write the profile there.")],
    column: Annotated[list[str] | None, typer.Option(help="Only this column; may be repeated.")] = None,
    role: Annotated[
        list[str] | None,
        typer.Option(help="Fix a column's role: NAME=number, category, time or skip; may be repeated."),
    ] = None,
    time_column: Annotated[str | None, typer.Option(help=TIME)] = None,
    every: Annotated[Literal["day", "hour"], typer.Option(help="Which of the two.")] = "day",
    since: Annotated[str | None, typer.Option(metavar="TIME", help=SINCE)] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help=UNTIL)] = None,
    multivariate: Annotated[bool, typer.Option("--multivariate", help=TOGETHER)] = False,
) -> None:
    """Keep of a table what a drift check needs: a small file, in one pass.

    Exit code 0: written. 3: something is wrong; the message says what.
    """
    prepare_for_arrays()
    from cli.drift_source import load

    check_folder(output)
    found = load(
        source,
        columns=column or (),
        roles=_roles(role or []),
        blocks=_blocks(time_column, every),
        joint=multivariate,
        window=_window(time_column, since, until),
    )
    body = found.to_bytes()
    output.write_bytes(body)
    tell(f"{output}: {found.rows:,} rows, {len(found.columns):,} columns, {len(body):,} bytes", style=None)


@app.command()
def check(
    reference: Annotated[str, typer.Option(help=f"A stored profile, or data. {SOURCE}")],
    current: Annotated[str, typer.Option(help="What to compare with it: the same kinds.")],
    policy: Annotated[
        Path | None,
        typer.Option(help="Take features and limits from this policy's monitoring_signals.inputs."),
    ] = None,
    column: Annotated[
        list[str] | None, typer.Option(help="Only this column; may be repeated. Before the policy's.")
    ] = None,
    alpha: Annotated[
        float | None, typer.Option(help="Probability of any false alarm. (Default: the policy's, or 0.05.)")
    ] = None,
    min_effect: Annotated[
        float | None, typer.Option(help="Smallest change that matters. (Default: the policy's, or 0.1.)")
    ] = None,
    min_rows: Annotated[
        int | None, typer.Option(min=0, help="Rows that each side needs. (Default: the policy's, or 2000.)")
    ] = None,
    time_column: Annotated[str | None, typer.Option(help=TIME)] = None,
    every: Annotated[Literal["day", "hour"], typer.Option(help="Which of the two.")] = "day",
    since: Annotated[str | None, typer.Option(metavar="TIME", help=f"{SINCE} Of the current data.")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help=UNTIL)] = None,
    checked_every: Annotated[
        str | None,
        typer.Option(
            metavar="DURATION",
            help="How often you check, for instance P1D: then the policy's false_alarms give alpha.",
        ),
    ] = None,
    multivariate: Annotated[bool, typer.Option("--multivariate", help=TOGETHER)] = False,
    report: Annotated[
        str | None, typer.Option("--json", metavar="FILE|-", help="Write the verdict as JSON; - is stdout.")
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write the verdict as a page.", metavar="FILE")] = None,
) -> None:
    """Say whether the current data have drifted from the reference.

    Exit code 0: pass. 1: fail, they have. 2: inconclusive. 3: something is wrong; the message says what.
    """
    prepare_for_arrays()
    from cli.drift_source import load

    for file in (html, Path(report) if report not in (None, "-") else None):
        if file:
            check_folder(file)
    signal = _limits(policy, checked_every, column, alpha, min_effect, min_rows)
    blocks, window = _blocks(time_column, every), _window(time_column, since, until)
    times = [time.perf_counter()]
    before = load(reference, columns=signal.features, blocks=blocks, joint=multivariate)
    times.append(time.perf_counter())
    now = load(
        current,
        columns=signal.features,
        roles=before.roles(),
        blocks=blocks,
        joint=(before.joint.map or True) if before.joint else False,
        window=window,
    )
    times.append(time.perf_counter())
    from cli.drift_table import show
    from drift import verdict as judge

    verdict = judge.check(
        before,
        now,
        alpha=signal.alpha,
        min_effect=signal.min_effect,
        min_rows=signal.min_rows,
        features=signal.features,
        thresholds=_thresholds(signal),
    )
    times.append(time.perf_counter())
    show(verdict, sys.stderr if report == "-" else sys.stdout)
    if report:
        _write_json(report, _document(verdict, times, _together(before, now)))
    if html:
        from reports.drift import render

        html.write_text(render(verdict.to_dict(), reference=before, current=now), encoding="utf-8")
    raise typer.Exit(CODES[verdict.verdict])


def _limits(
    policy: Path | None,
    checked_every: str | None,
    columns: list[str] | None,
    alpha: float | None,
    min_effect: float | None,
    min_rows: int | None,
) -> DriftSignal:
    """The policy's limits, or the defaults, and over them what the command line says."""
    from control.drift_signal import DriftSignal

    signal = _of_policy(policy, checked_every) if policy else DriftSignal()
    signal = replace(
        signal,
        features=tuple(columns) if columns else signal.features,
        alpha=signal.alpha if alpha is None else alpha,
        min_effect=signal.min_effect if min_effect is None else min_effect,
        min_rows=signal.min_rows if min_rows is None else min_rows,
    )
    if not 0 < signal.alpha < 1:
        raise BadInput(f"--alpha {signal.alpha:g}: it is a probability between 0 and 1, for instance 0.05")
    if not 0 <= signal.min_effect <= 1:
        raise BadInput(f"--min-effect {signal.min_effect:g}: it lies between 0 and 1, for instance 0.1")
    return signal


def _of_policy(file: Path, checked_every: str | None) -> DriftSignal:
    from control.policy_file import read_policy

    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as err:
        raise BadInput(f"{file}: it is not text in UTF-8") from err
    signal = read_policy(text, str(file)).inputs
    if signal is None:
        raise BadInput(f"{file}: it has no monitoring_signals.inputs: add it, or leave --policy out")
    stated = signal.false_alarms
    if stated and checked_every:
        from control.durations import parse_duration
        from drift.rate import alpha_per_check

        try:
            alpha = alpha_per_check(stated.at_most, stated.per, parse_duration(checked_every))
        except ValueError as err:
            raise BadInput(f"--checked-every {checked_every}: {err}") from err
        return replace(signal, alpha=alpha)
    if stated:
        tell(f"{file}: false_alarms needs --checked-every, for instance P1D; alpha is {signal.alpha:g}")
    return signal


def _thresholds(signal: DriftSignal) -> Thresholds | None:
    given = signal.metric_thresholds
    if given is None:
        return None
    from drift.thresholds import Thresholds

    return Thresholds(
        style=given.style, numerical=given.numerical, categorical=given.categorical, share=given.share
    )


def _blocks(column: str | None, every: Literal["day", "hour"]) -> ByTime | None:
    from drift.block_rule import ByTime

    return ByTime(column, every) if column else None


def _window(column: str | None, since: str | None, until: str | None) -> TimeWindow | None:
    from cloud.time_window import TimeWindow

    if since is None and until is None:
        return None
    if column is None:
        raise BadInput("--since and --until need --time-column: the column that says when a row was")
    bounds = _moment("--since", since), _moment("--until", until)
    if None not in bounds and bounds[0] >= bounds[1]:  # type: ignore[operator]
        raise BadInput(f"--since {since} does not lie before --until {until}")
    return TimeWindow(column=column, since=bounds[0], until=bounds[1])


def _moment(option: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as err:
        raise BadInput(f"{option} {text}: write a date or a time, for instance 2026-01-31T12:00Z") from err
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _roles(given: list[str]) -> dict[str, str]:
    roles = {}
    for pair in given:
        name, equals, role = pair.rpartition("=")
        if not equals:
            raise BadInput(f"--role {pair}: write NAME=ROLE, for instance --role month=category")
        roles[name] = role
    return roles


def _together(before: Profile, now: Profile) -> dict[str, Any] | None:
    if before.joint is None or now.joint is None:
        return None
    from drift.measures.joint import joint_measures

    return {name: measure.to_dict() for name, measure in joint_measures(before.joint, now.joint).items()}


def _document(verdict: TableVerdict, times: list[float], together: dict[str, Any] | None) -> dict[str, Any]:
    reference, current, judged = (round(b - a, 4) for a, b in pairwise(times))
    timings = {"reference": reference, "current": current, "verdict": judged}
    return {**verdict.to_dict(), "multivariate": together, "timings": timings}


def _write_json(where: str, document: dict[str, Any]) -> None:
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    if where == "-":
        sys.stdout.write(text)
    else:
        Path(where).write_text(text, encoding="utf-8")
