"""`homeostat drift import-monitor`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.drift_errors import check_folder, tell
from control.errors import BadInput

if TYPE_CHECKING:
    from cli.monitor_import import Imported


def import_monitor(
    file: Annotated[Path, typer.Argument(help="The monitor's YAML, as `az ml schedule` takes it.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the policy there; else to standard output.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="The model's name. (Default: the endpoint's.)")] = None,
    data: Annotated[
        str | None, typer.Option(help="Where new data land: azureml://datastores/NAME/paths/FOLDER/")
    ] = None,
    endpoint: Annotated[str | None, typer.Option(help="The endpoint. (Default: the monitored one.)")] = None,
    reference: Annotated[
        str | None,
        typer.Option(help="Reference data or profile: says how often the thresholds alarm without drift."),
    ] = None,
) -> None:
    """Make a policy of an Azure ML monitor.

    Exit code 0: written. 3: something is wrong; the message says what.
    """
    from cli.monitor_import import Wanted, imported
    from control.policy_file import check_policy

    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as err:
        raise BadInput(f"{file}: it is not text in UTF-8") from err
    made = imported(text, str(file), Wanted(name=name, data=data, endpoint=endpoint))
    problems = check_policy(made.text, "policy")
    if problems:
        raise BadInput("\n".join(f"the policy would be wrong: {problem}" for problem in problems))
    if reference and made.thresholds:
        made.text = _with_rate(made, reference)
    for note in made.notes:
        tell(note)
    if output:
        check_folder(output)
        output.write_text(made.text, encoding="utf-8")
    else:
        sys.stdout.write(made.text)


def _with_rate(made: Imported, reference: str) -> str:
    """The policy, with a comment on how often its thresholds alarm without drift."""
    from cli.drift_source import load
    from drift.false_alarms import false_alarm_rate
    from drift.thresholds import Thresholds

    profile = load(reference)
    thresholds = Thresholds(
        numerical=made.thresholds.get("numerical", {}), categorical=made.thresholds.get("categorical", {})
    )
    rate = false_alarm_rate(profile, profile, list(profile.columns), thresholds)
    lines = made.text.splitlines(keepends=True)
    place = next(at for at, line in enumerate(lines) if "metric_thresholds:" in line)
    said = (
        f"    # Without drift these alarm in {rate.estimate:.0%} of checks of {profile.rows:,} rows "
        f"({rate.lower:.0%} to {rate.upper:.0%}).\n"
    )
    return "".join([*lines[:place], said, *lines[place:]])
