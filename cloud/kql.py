"""KQL from files in `cloud/queries/`, with values in place of let statements; nothing unchecked is pasted.

A query begins with a `let name = value;` line for each parameter. The values in the file are examples, so
that it runs as it is, in the portal too; here every one of them is replaced.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from control.errors import Refused

FOLDER = Path(__file__).parent / "queries"
LET = re.compile(r"^let (\w+) = .*;$", re.MULTILINE)
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
"""What workspaces, endpoints and deployments may be called; nothing in it ends a string of KQL."""

Value = str | datetime | Sequence[str]


def query(name: str, values: Mapping[str, Value]) -> str:
    """The query in `<name>.kql` with these values.

    Raises:
        Refused: a value is no name.
        ValueError: the values are not those that the query has let statements for.
    """
    text = (FOLDER / f"{name}.kql").read_text(encoding="utf-8")
    declared = LET.findall(text)
    if sorted(declared) != sorted(values):
        raise ValueError(f"{name}.kql wants {sorted(declared)}, not {sorted(values)}")
    return LET.sub(lambda found: f"let {found[1]} = {_literal(values[found[1]])};", text)


def _literal(value: Value) -> str:
    if isinstance(value, str):
        return json.dumps(_checked(value))
    if isinstance(value, datetime):
        return f"datetime({value.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z)"
    return f"dynamic({json.dumps([_checked(one) for one in value])})"


def _checked(name: str) -> str:
    if not NAME.fullmatch(name):
        raise Refused(f"{name!r} cannot be asked for in the logs: it is no name of Azure ML")
    return name
