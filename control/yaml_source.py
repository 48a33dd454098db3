"""YAML text to plain data that knows where each value stands.

The data model is JSON's: text keys, no tags, no aliases, no dates. Scalars are read as YAML 1.2 reads them
(the way editors do), so `on:` is the key `on` and not the truth, and `1e-6` is a number.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

Path = tuple[str | int, ...]

MAX_CHARACTERS = 256 * 1024
MAX_DEPTH = 32


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Problem:
    """One thing that is wrong: where (from 1), at which path, and what to write instead."""

    line: int
    column: int
    path: str
    message: str

    def __str__(self) -> str:
        where = f"{self.path}: " if self.path else ""
        return f"{self.line}:{self.column}: {where}{self.message}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """Data, and the places of its keys and values."""

    data: Any = None
    keys: Mapping[Path, tuple[int, int]] = field(default_factory=dict)
    values: Mapping[Path, tuple[int, int]] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    def problem(self, path: Path, message: str, *, at_key: bool = False) -> Problem:
        """A problem at that path, or at the nearest thing around it that is in the text."""
        places = (self.keys, self.values) if at_key else (self.values, self.keys)
        for length in range(len(path), -1, -1):
            for marks in places:
                if path[:length] in marks:
                    line, column = marks[path[:length]]
                    return Problem(line=line, column=column, path=dotted(path), message=message)
        return Problem(line=1, column=1, path=dotted(path), message=message)


def dotted(path: Path) -> str:
    """`("release", "steps", 2)` as `release.steps[2]`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def read_yaml(text: str) -> Source:
    """Read one YAML document. What cannot be read stands in `problems`; `data` is then what is left."""
    if len(text) > MAX_CHARACTERS:
        return _refused(1, 1, f"has {len(text)} characters; a policy has at most {MAX_CHARACTERS}")
    try:
        # Events first: an alias, or nesting without end, is refused before a tree is built of it.
        early = _unsupported(text)
        if early is not None:
            return Source(problems=(early,))
        node = yaml.compose(text, Loader=_CoreLoader)
    except yaml.MarkedYAMLError as err:
        mark = err.problem_mark or err.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        return _refused(line, column, f"is not YAML: {' '.join(filter(None, (err.context, err.problem)))}")
    except yaml.reader.ReaderError as err:
        before = text[: err.position]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        return _refused(line, column, f"is not YAML: the character {err.character!r} is not allowed")
    reading = _Reading()
    data = reading.value(node, ()) if node is not None else None
    if data is None and not reading.problems:
        return _refused(1, 1, "is empty: write at least name, data, trigger, retrain, gates and release")
    return Source(
        data=data, keys=reading.keys, values=reading.values, problems=tuple(sorted(reading.problems))
    )


def _refused(line: int, column: int, message: str) -> Source:
    return Source(problems=(Problem(line=line, column=column, path="", message=message),))


def _unsupported(text: str) -> Problem | None:
    depth = 0
    for event in yaml.parse(text, Loader=_CoreLoader):
        message = None
        if isinstance(event, yaml.AliasEvent):
            message = f"is an alias (*{event.anchor}): aliases are not read; write the value out"
        elif isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                message = f"is nested more than {MAX_DEPTH} deep"
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if message is not None:
            line, column = _place(event)
            return Problem(line=line, column=column, path="", message=message)
    return None


class _CoreLoader(yaml.SafeLoader):
    """Scalars resolved by YAML 1.2's core schema. Nothing is ever constructed from it."""

    yaml_implicit_resolvers: Any = {}  # noqa: RUF012 - the base class's own attribute


for _name, _pattern, _first in (
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    ("int", r"^[-+]?[0-9]+$", list("-+0123456789")),
    ("float", r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", list("-+.0123456789")),
):
    _CoreLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_name}", re.compile(_pattern), _first)


class _Reading:
    """One walk over the nodes: data, places, problems."""

    def __init__(self) -> None:
        self.keys: dict[Path, tuple[int, int]] = {}
        self.values: dict[Path, tuple[int, int]] = {}
        self.problems: list[Problem] = []

    def value(self, node: yaml.Node, path: Path) -> Any:
        self.values[path] = _place(node)
        kind = node.tag.removeprefix("tag:yaml.org,2002:")
        if isinstance(node, yaml.MappingNode) and kind == "map":
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode) and kind == "seq":
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode) and kind in _SCALARS:
            try:
                return _SCALARS[kind](node.value)
            except (ValueError, OverflowError):
                self._wrong(node, path, f"the number {_short(node.value)} is out of range")
                return None
        self._wrong(node, path, f"has the tag {node.tag}: tags are not read; write the plain value")
        return None

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._wrong(key_node, path, "a key must be a plain name")
                continue
            key = str(key_node.value)
            here = (*path, key)
            if key in found:
                first = self.keys[here][0]
                self._wrong(key_node, here, f"is written twice (first in line {first}): keep one of the two")
                continue
            self.keys[here] = _place(key_node)
            found[key] = self.value(value_node, here)
        return found

    def _wrong(self, node: yaml.Node, path: Path, message: str) -> None:
        line, column = _place(node)
        self.problems.append(Problem(line=line, column=column, path=dotted(path), message=message))


def _place(at: yaml.Node | yaml.Event) -> tuple[int, int]:
    mark = at.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}..."


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise OverflowError(text)
    return int(number) if number.is_integer() else number  # 1.0 is an integer in JSON Schema


_SCALARS: dict[str, Any] = {
    "str": str,
    "null": lambda _text: None,
    "bool": lambda text: text.lower() == "true",
    "int": int,
    "float": _number,
}
