"""A file of Bicep as its declarations, by tree-sitter. What cannot be read is refused, never skipped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from infra.checks.places import Place, Wrong

DECLARED = {
    "parameter_declaration": "param",
    "variable_declaration": "var",
    "resource_declaration": "resource",
    "module_declaration": "module",
    "output_declaration": "output",
}
COMMENTS = {"comment", "diagnostic_comment", "line_comment", "block_comment"}


@dataclass(frozen=True, slots=True)
class Declaration:
    """A param, var, resource, module or output."""

    kind: str
    name: str
    node: Any
    decorators: dict[str, Any]
    """Name of a decorator to the node of its call."""
    at: Place


@dataclass(frozen=True, slots=True)
class Source:
    """A parsed file."""

    file: Path
    scope: str
    declarations: dict[str, Declaration]
    outputs: dict[str, Declaration] = field(default_factory=dict)

    def place(self, node: Any) -> Place:
        """Where a node begins."""
        return Place(self.file, node.start_point[0] + 1)


def text(node: Any) -> str:
    """The source of a node."""
    return str(node.text.decode("utf-8"))


def named(node: Any) -> list[Any]:
    """Its children without punctuation and comments."""
    return [child for child in node.named_children if child.type not in COMMENTS]


def walk(node: Any) -> Iterator[Any]:
    """The node and everything below it."""
    yield node
    for child in node.children:
        yield from walk(child)


def read(file: Path) -> Source:
    """Parse a file.

    Raises:
        Wrong: it cannot be read, or uses what the checks do not know.
    """
    try:
        body = file.read_bytes()
    except OSError as err:
        raise Wrong(Place(file, 1), f"cannot be read: {err.strerror}") from err
    root = _parser().parse(body).root_node
    if root.has_error:
        bad = next(node for node in walk(root) if node.is_error or node.is_missing)
        what = f"{bad.type} is missing" if bad.is_missing else f"not understood: {text(bad)[:60]!r}"
        raise Wrong(Place(file, bad.start_point[0] + 1), what)
    source = Source(file, "resourceGroup", {})
    scope, decorators = "resourceGroup", {}
    for node in named(root):
        at = source.place(node)
        if node.type == "target_scope_assignment":
            scope = text(named(node)[0]).strip("'")
        elif node.type == "decorators":
            calls = [named(one)[0] for one in named(node)]
            decorators = {text(call.child_by_field_name("function")): call for call in calls}
        elif node.type in DECLARED:
            one = Declaration(DECLARED[node.type], text(named(node)[0]), node, decorators, at)
            home = source.outputs if one.kind == "output" else source.declarations
            if one.name in home:
                raise Wrong(at, f"{one.name} is declared twice")
            home[one.name] = one
            decorators = {}
        else:
            raise Wrong(at, f"the checks do not know {node.type.replace('_', ' ')}")
    return Source(file, scope, source.declarations, source.outputs)


@cache
def _parser() -> Any:
    import tree_sitter
    import tree_sitter_bicep

    return tree_sitter.Parser(tree_sitter.Language(tree_sitter_bicep.language()))
