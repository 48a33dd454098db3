"""Expressions of Bicep, evaluated: what parameters decide is decided, what only Azure knows stays Unknown."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from infra.checks import functions
from infra.checks.places import Place, Wrong
from infra.checks.syntax import named, text
from infra.checks.values import Instance, Resource, Scope, Unknown, Value, plain

if TYPE_CHECKING:
    from infra.checks.syntax import Source

LOOSER = {"ternary_expression", "binary_expression", "unary_expression", "lambda_expression"}
ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "'": "'", "\\": "\\", "$": "$"}


class Evaluator:
    """Evaluates nodes of one file. `look` gives a declared name's value."""

    def __init__(
        self, source: Source, look: Callable[[str, Place], Value], globals_: Mapping[str, Callable[[], Any]]
    ) -> None:
        self._source = source
        self._look = look
        self._globals = globals_
        self.reads: list[tuple[Resource, tuple[str, ...], Place]] = []
        """Properties of resources that expressions read."""

    def value(self, node: Any, names: Mapping[str, Value]) -> Value:
        """The value of an expression; `names` are those of loops around it.

        Raises:
            Wrong: it has none.
        """
        at = self._source.place(node)
        if node.type in {"member_expression", "subscript_expression", "call_expression"}:
            inner = node.child_by_field_name("object") or node.child_by_field_name("function")
            if inner is not None and inner.type in LOOSER:
                # the grammar binds `.` too loosely after these: read so, it would be another program
                raise Wrong(at, f"put parentheses around what follows the last operator: {text(node)[:60]}")
        method = getattr(self, f"_{node.type}", None)
        if method is None:
            raise Wrong(at, f"the checks do not know {node.type.replace('_', ' ')}: {text(node)[:60]}")
        found = method(node, names, at)
        return found if isinstance(found, Value) else Value(found, at)

    def known(self, node: Any, names: Mapping[str, Value]) -> bool:
        """The value of a condition."""
        found = self.value(node, names)
        if not isinstance(found.data, bool):
            raise Wrong(found.at, f"a condition must be known before the deployment: {text(node)[:60]}")
        return found.data

    def each(self, node: Any, names: Mapping[str, Value]) -> list[tuple[Any, Mapping[str, Value]]]:
        """A loop's body with the names of each turn."""
        first, iterable, body = named(node)[:3]
        over = self.value(iterable, names)
        if not isinstance(over.data, list):
            raise Wrong(over.at, f"a loop needs an array that is known: {text(iterable)[:60]}")
        own = [text(one) for one in named(first)] if first.type == "for_loop_parameters" else [text(first)]
        turns: list[tuple[Any, Mapping[str, Value]]] = []
        for i, one in enumerate(over.data):
            given = (one, Value(i, over.at))
            turns.append((body, {**names, **dict(zip(own, given, strict=False))}))
        return turns

    def _identifier(self, node: Any, names: Mapping[str, Value], at: Place) -> Value:
        name = text(node)
        if name in names:
            return names[name]  # where the element stands, not where it is used
        found = self._look(name, at)
        return found if _deep(found) else Value(found.data, at)

    def _boolean(self, node: Any, _names: Any, _at: Place) -> bool:
        return text(node) == "true"

    def _null(self, _node: Any, _names: Any, _at: Place) -> None:
        return None

    def _number(self, node: Any, _names: Any, _at: Place) -> int:
        return int(text(node))

    def _string(self, node: Any, names: Mapping[str, Value], at: Place) -> Any:
        if text(node).startswith("'''"):
            return text(node)[3:-3].removeprefix("\n")
        parts: list[str] = []
        unknown: Unknown | None = None
        for child in node.children:
            if child.type == "interpolation":
                found = self.value(named(child)[0], names)
                if isinstance(found.data, Unknown):
                    unknown = found.data
                    parts.append("${" + found.data.text + "}")
                elif isinstance(found.data, str | int | bool):
                    parts.append(functions._text(found.data))  # noqa: SLF001 - of this package
                else:
                    raise Wrong(found.at, f"{text(child)} is not a text")
            elif child.type == "escape_sequence":
                parts.append(ESCAPES.get(text(child)[1:], text(child)))
            elif child.type == "string_content":
                parts.append(re.sub(r"\\(.)", lambda m: ESCAPES.get(m[1], m[0]), text(child)))
            elif text(child) != "'":
                raise Wrong(at, f"the checks do not know {text(child)} in a text")
        joined = "".join(parts)
        if unknown is None:
            return joined
        alone = joined == "${" + unknown.text + "}"
        return unknown if alone else Unknown(joined)

    def _array(self, node: Any, names: Mapping[str, Value], at: Place) -> Any:
        return Value([self.value(one, names) for one in named(node)], at)

    def _for_statement(self, node: Any, names: Mapping[str, Value], at: Place) -> Value:
        return Value([self.value(body, own) for body, own in self.each(node, names)], at)

    def _object(self, node: Any, names: Mapping[str, Value], at: Place) -> Value:
        found: dict[str, Value] = {}
        for one in named(node):
            pieces = named(one)
            where = self._source.place(one)
            if one.type != "object_property" or len(pieces) != 2:
                raise Wrong(where, f"the checks do not know this in an object: {text(one)[:60]}")
            key = text(pieces[0])
            if pieces[0].type == "string":
                key = str(plain(self.value(pieces[0], names)))
            if key in found:
                raise Wrong(where, f"{key} stands there twice")
            value = self.value(pieces[1], names)
            at_home = _deep(value) or value.at.file == where.file
            found[key] = value if at_home else Value(value.data, where)
        return Value(found, at)

    def _parenthesized_expression(self, node: Any, names: Mapping[str, Value], _at: Place) -> Value:
        return self.value(named(node)[0], names)

    def _unary_expression(self, node: Any, names: Mapping[str, Value], at: Place) -> Any:
        found = self.value(named(node)[0], names).data
        if isinstance(found, Unknown):
            return Unknown(text(node))
        if text(node).startswith("!"):
            if not isinstance(found, bool):
                raise Wrong(at, f"{text(node)}: not a bool")
            return not found
        return -found

    def _ternary_expression(self, node: Any, names: Mapping[str, Value], _at: Place) -> Value:
        condition, yes, no = named(node)
        return self.value(yes if self.known(condition, names) else no, names)

    def _binary_expression(self, node: Any, names: Mapping[str, Value], at: Place) -> Any:
        left, right = named(node)
        operator = next(text(child) for child in node.children if not child.is_named)
        first = self.value(left, names)
        if operator == "??":
            return self.value(right, names) if first.data is None else first
        if operator in {"&&", "||"}:
            return self.known(right, names) if self.known(left, names) == (operator == "&&") else first
        a, b = first.data, self.value(right, names).data
        if isinstance(a, Unknown) or isinstance(b, Unknown):
            return Unknown(text(node))
        if operator in {"==", "!="}:
            return (a == b) == (operator == "==")
        if not isinstance(a, int) or not isinstance(b, int) or operator not in _NUMBERS:
            raise Wrong(at, f"the checks cannot do {text(node)[:60]}")
        return _NUMBERS[operator](a, b)

    def _call_expression(self, node: Any, names: Mapping[str, Value], at: Place) -> Any:
        called = node.child_by_field_name("function")
        name = text(called)
        arguments = [self.value(one, names) for one in named(node.child_by_field_name("arguments"))]
        if called.type != "identifier":
            raise Wrong(at, f"{name}() reads keys or state at deployment: nothing here needs it")
        if name in self._globals:
            return functions.wrapped(self._globals[name](*(plain(one) for one in arguments)), at)
        if name in {"loadJsonContent", "loadTextContent"}:
            file = self._source.file.parent / str(arguments[0].data)
            if not file.is_file():
                raise Wrong(at, f"there is no file {arguments[0].data}")
            body = file.read_text("utf-8")
            return functions.wrapped(json.loads(body), Place(file, 1)) if name == "loadJsonContent" else body
        return functions.call(name, arguments, at)

    def _subscript_expression(self, node: Any, names: Mapping[str, Value], at: Place) -> Any:
        whole, index = (
            self.value(node.child_by_field_name(part), names).data for part in ("object", "index")
        )
        if isinstance(whole, Unknown) or isinstance(index, Unknown):
            return Unknown(text(node))
        try:
            return whole[index]
        except (KeyError, IndexError, TypeError) as err:
            raise Wrong(at, f"{text(node)}: there is no {index!r}") from err

    def _member_expression(self, node: Any, names: Mapping[str, Value], at: Place) -> Any:
        whole = self.value(node.child_by_field_name("object"), names)
        key = text(node.child_by_field_name("property"))
        mild = any(child.type == ".?" or text(child) in {".?", "?"} for child in node.children)
        return self._member(whole, key, mild, at)

    def _member(self, whole: Value, key: str, mild: bool, at: Place) -> Any:  # noqa: FBT001, C901, PLR0912
        data = whole.data
        if mild and (data is None or getattr(data, "absent", False)):
            return None
        if isinstance(data, Unknown):
            path = (*data.path, key)
            if data.resource is not None:
                self.reads.append((data.resource, path, at))
            return Unknown(f"{data.text}.{key}", data.resource, path)
        if isinstance(data, Resource):
            if key in {"id", "name", "type"}:
                return getattr(data, key)
            if data.absent:
                raise Wrong(at, f"{data.symbol}.{key}: {data.symbol} is not deployed with these parameters")
            if key == "location" and data.body and key in data.body.data:
                return data.body.data[key]
            self.reads.append((data, (key,), at))
            return Unknown(f"{data.symbol}.{key}", data, (key,))
        if isinstance(data, Instance):
            if key == "name":
                return data.name
            if data.absent:
                raise Wrong(at, f"{data.symbol}.{key}: {data.symbol} is not deployed with these parameters")
            return Value(data.outputs, at) if key == "outputs" else self._missing(data.symbol, key, at)
        if isinstance(data, Scope):
            if key == "id":
                return data.id
            return data.properties[key] if key in data.properties else self._missing(data.kind, key, at)
        if isinstance(data, dict) and key in data:
            return data[key]
        return None if mild and isinstance(data, dict) else self._missing("it", key, at)

    def _missing(self, what: str, key: str, at: Place) -> Any:
        raise Wrong(at, f"there is no .{key} in {what}")


def _deep(value: Value) -> bool:
    return isinstance(value.data, dict | list)


_NUMBERS: dict[str, Callable[[int, int], Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a // b,
    "%": lambda a, b: a % b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
