"""The reference of a policy's keys in docs/policy.md, written from the schema."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from control.policy_schema import as_yaml, resolved, schema

if TYPE_CHECKING:
    from collections.abc import Iterator

BEGIN = "<!-- keys: written by `homeostat policy reference`, from the schema -->"
END = "<!-- end of keys -->"

_NAMES = {
    "object": "keys",
    "array": "list",
    "string": "text",
    "integer": "whole number",
    "boolean": "true, false",
}


def reference() -> str:
    """Every key with its type, default and meaning, as Markdown tables, one for each section."""
    return "\n".join(_sections(schema(), "policy", "The whole file")).rstrip() + "\n"


def _sections(part: dict[str, Any], path: str, title: str) -> Iterator[str]:
    needed = part.get("required", [])
    yield f"### {title}\n\n{part['description']}\n"
    yield "| key | type | default | meaning |\n|---|---|---|---|"
    inner: list[tuple[str, dict[str, Any]]] = []
    for key, raw in part["properties"].items():
        value = resolved(raw)
        yield f"| `{key}` | {_type(value)} | {_default(value, needed=key in needed)} | {_meaning(value)} |"
        here = key if path == "policy" else f"{path}.{key}"
        inner += [(at, section) for at, section in _below(value, here) if "properties" in section]
    yield ""
    for at, section in inner:
        yield from _sections(section, at, f"`{at}`")


def _below(value: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The sections that a value may hold: itself, or the items of a list."""
    yield path, value
    items = resolved(value.get("items", {}))
    for branch in [resolved(choice) for choice in items.get("oneOf", ())] or [items]:
        kind = branch.get("properties", {}).get("type", {}).get("const")
        yield f"{path}[] ({kind})" if kind else f"{path}[]", branch


def _type(value: dict[str, Any]) -> str:
    if "const" in value:
        return f"`{as_yaml(value['const'])}`"
    if "enum" in value:
        return ", ".join(f"`{choice}`" for choice in value["enum"])
    if value["type"] == "array":
        items = resolved(value["items"])
        return "list of keys" if "type" not in items and "enum" not in items else f"list of {_type(items)}"
    named = value.get("additionalProperties")
    if isinstance(named, dict):
        return f"any name: {_type(resolved(named))}"
    if "duration" in value.get("errorMessage", ""):
        return "duration"
    kind: str = value["type"]
    return _NAMES.get(kind, kind)


def _default(value: dict[str, Any], *, needed: bool) -> str:
    if needed:
        return "**required**"
    return f"`{json.dumps(value['default'])}`" if "default" in value else "none"


def _meaning(value: dict[str, Any]) -> str:
    text: str = value["description"]
    if value.get("examples") and "default" not in value:
        text += f" For instance `{as_yaml(value['examples'][0])}`."
    return text.replace("|", "\\|")
