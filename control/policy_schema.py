"""The policy's structure: the published JSON Schema, and its complaints in words of what to write instead.

The schema is the one source: types, names, patterns, descriptions and examples come from it, and
`errorMessage` (a keyword that editors read too) says what to write where a pattern would not help.
"""

from __future__ import annotations

import json
import re
from difflib import get_close_matches
from functools import cache
from pathlib import Path as File
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator, ValidationError, validators

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from control.yaml_source import Path, Problem, Source

SCHEMA_FILE = File(__file__).with_name("policy.schema.json")

_KINDS = {
    "object": "keys with values",
    "array": "a list",
    "string": "text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
}

_BOUNDS = {
    "minimum": "at least",
    "exclusiveMinimum": "more than",
    "maximum": "at most",
    "exclusiveMaximum": "less than",
}


@cache
def schema() -> dict[str, Any]:
    """The policy's JSON Schema."""
    loaded: dict[str, Any] = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    return loaded


def _pattern(_validator: Any, pattern: str, value: Any, _part: Any) -> Iterator[ValidationError]:
    # `$` means the end, as in the regular expressions of JSON Schema: Python's also allows a line break.
    if isinstance(value, str) and not re.search(pattern.replace("$", r"\Z"), value):
        yield ValidationError(f"{value!r} does not match {pattern!r}")


_Validator = validators.extend(Draft202012Validator, {"pattern": _pattern})  # type: ignore[no-untyped-call]


def structure_problems(source: Source) -> Iterator[Problem]:
    """Everything in which the data differs from the schema."""
    for error in _Validator(schema()).iter_errors(source.data):
        yield from _explain(error, source, ())


def _explain(error: ValidationError, source: Source, around: Path) -> Iterator[Problem]:
    part = resolved(error.schema)
    path = (*around, *error.path)
    match error.validator:
        case "additionalProperties":
            written: Any = error.instance
            for key in sorted(set(written) - set(part["properties"])):
                message = f"is not a key here; {_rather(key, part['properties'], _homes(key))}"
                yield source.problem((*path, key), message, at_key=True)
        case "required":
            for key in _missing(error):
                yield source.problem((*path, key), _needed(key, part["properties"][key]), at_key=True)
        case "oneOf":
            yield from _explain_branch(error, source, path)
        case _ if error.parent is None and "propertyNames" in error.schema_path:
            # The value is the key itself, and the path ends at the section around it.
            yield source.problem((*path, str(error.instance)), _words(error), at_key=True)
        case _:
            yield source.problem(path, _words(error))


def _missing(error: ValidationError) -> list[str]:
    # jsonschema reports each missing key on its own, and names it only in its message.
    wanted: Any = error.validator_value
    return [key for key in wanted if error.message.startswith(f"{key!r} ")]


def _explain_branch(error: ValidationError, source: Source, path: Path) -> Iterator[Problem]:
    """Explain a choice by the branch that the value's own `type` picks."""
    choices: Any = error.validator_value
    branches = [resolved(branch) for branch in choices]
    kinds = [branch["properties"]["type"]["const"] for branch in branches]
    said = error.instance.get("type") if isinstance(error.instance, dict) else None
    if said not in kinds:
        at = (*path, "type") if said is not None else path
        yield source.problem(at, f"{_quoted(said)}{resolved(error.schema)['errorMessage']}")
        return
    for inner in error.context or ():
        if inner.schema_path[0] == kinds.index(said):
            yield from _explain(inner, source, path)


def resolved(part: Any) -> dict[str, Any]:
    """The part of the schema, with what its `$ref` says where it says nothing itself."""
    own: dict[str, Any] = part
    reference = own.get("$ref")
    return schema()["$defs"][reference.rsplit("/", 1)[1]] | own if reference else own


def _needed(key: str, part: dict[str, Any]) -> str:
    part = resolved(part)
    return f"is missing; write {key}{_example(part)} ({part['description'].rstrip('.')})"


def _example(part: dict[str, Any]) -> str:
    if "const" in part:
        return f": {part['const']}"
    return f", for instance {as_yaml(part['examples'][0])}" if part.get("examples") else ""


def as_yaml(value: Any) -> str:
    """A value as one would write it in YAML, on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {as_yaml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(as_yaml, value)) + "]"
    return value if isinstance(value, str) else json.dumps(value)


def _words(error: ValidationError) -> str:
    # Any: jsonschema's stubs allow values that stand in no error of a validator.
    keyword: Any = error.validator
    wanted: Any = error.validator_value
    part = resolved(error.schema)
    if keyword in _SAID_BY_KEYWORD:
        return _SAID_BY_KEYWORD[keyword](error.instance, wanted, part)
    if "errorMessage" in part:
        said = "" if isinstance(error.instance, dict | list) else _quoted(error.instance)
        return f"{said}{part['errorMessage']}"
    if keyword in _BOUNDS:
        return f"{_quoted(error.instance)}write {_range(part)}{_example(part)}"
    return error.message


def _wrong_type(value: Any, wanted: str, part: dict[str, Any]) -> str:
    if value is None:
        return f"is empty; write {_KINDS[wanted]}{_example(part)}"
    if wanted == "string" and isinstance(value, bool | int | float):
        return f"{as_yaml(value)} is read as {_kind(value)}; write text, in quotes{_example(part)}"
    return f"{_quoted(value)}write {_KINDS[wanted]}{_example(part)}"


def _kind(value: Any) -> str:
    for kind, types in (("boolean", bool), ("number", int | float), ("string", str), ("array", list)):
        if isinstance(value, types):
            return _KINDS[kind]
    return _KINDS["object"]


def _quoted(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict | list):
        return f"is {_kind(value)}; "
    shown = as_yaml(value)
    return f"{shown if len(shown) <= 60 else shown[:57] + '...'!r} will not do; "


def _range(part: dict[str, Any]) -> str:
    bounds = [f"{words} {part[keyword]:g}" for keyword, words in _BOUNDS.items() if keyword in part]
    return f"{_KINDS[part['type']]}, {' and '.join(bounds)}"


def _empty(_value: Any, _least: Any, part: dict[str, Any]) -> str:
    return f"is empty; write at least one{_example(part)}"


_SAID_BY_KEYWORD: dict[str, Callable[[Any, Any, dict[str, Any]], str]] = {
    "type": _wrong_type,
    "enum": lambda value, known, _part: f"{_quoted(value)}{_rather(value, known)}",
    "const": lambda value, wanted, _part: f"{_quoted(value)}write {as_yaml(wanted)}",
    "uniqueItems": lambda _value, _wanted, _part: "names the same thing twice: write each once",
    "minItems": _empty,
    "minLength": _empty,
}


def _rather(said: Any, known: Iterable[Any], homes: list[str] | None = None) -> str:
    names = [as_yaml(name) for name in known]
    close = get_close_matches(str(said), names, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]}?"
    if homes:
        return f"it belongs to {' or '.join(homes)}"
    return f"write one of {', '.join(names)}"


def _homes(key: str) -> list[str]:
    """Paths of the sections that know this key."""
    return sorted({".".join(path[:-1]) or "the top of the file" for path in key_paths() if path[-1] == key})


@cache
def key_paths() -> tuple[tuple[str, ...], ...]:
    """Every key that the schema names, by its path; items of lists stand for themselves."""
    return tuple(_keys(schema(), ()))


def _keys(part: dict[str, Any], path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    part = resolved(part)
    for branch in part.get("oneOf", ()):
        yield from _keys(branch, path)
    if "items" in part:
        yield from _keys(part["items"], path)
    for key, inner in part.get("properties", {}).items():
        yield (*path, key)
        yield from _keys(inner, (*path, key))
