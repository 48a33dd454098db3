"""Command templates: `${{inputs.x}}`, `${{outputs.y}}` and optional parts in `$[[ ... ]]`."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_PART = re.compile(r"\$\[\[(.*?)\]\]", re.DOTALL)
_NAME = re.compile(r"\$\{\{\s*(inputs|outputs)\.([\w.\-]+)\s*\}\}")


class UnknownName(LookupError):  # noqa: N818 - reads as what it is
    """The template names an input or output that there is not."""


def render(template: str, inputs: Mapping[str, str | Path], outputs: Mapping[str, str | Path]) -> str:
    """The command with values in place of names.

    Args:
        template: the command as the job or component has it.
        inputs: what each input that was given is: a literal, or the path where it lies.
        outputs: the path of each output.

    Raises:
        UnknownName: a name outside `$[[ ... ]]` that has no value.
    """
    values = {"inputs": inputs, "outputs": outputs}

    def optional(part: re.Match[str]) -> str:
        given = all(name in values[kind] for kind, name in _NAME.findall(part[1]))
        return part[1] if given else ""

    def value(found: re.Match[str]) -> str:
        kind, name = found[1], found[2]
        if name not in values[kind]:
            raise UnknownName(f"the command names {kind}.{name}, which is not given")
        known = values[kind][name]
        # Literals go in as they are, as in Azure. There paths need no quotes; here a folder may have a space.
        return shlex.quote(str(known)) if isinstance(known, Path) else known

    return _NAME.sub(value, _PART.sub(optional, template))


def names(template: str) -> set[tuple[str, str]]:
    """The (`inputs` or `outputs`, name) pairs that must have a value."""
    return {(kind, name) for kind, name in _NAME.findall(_PART.sub("", template))}
