"""What an expression of Bicep comes to: a value and where it was written; or what only Azure knows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from infra.checks.places import Place


@dataclass(frozen=True, slots=True)
class Value:
    """None, bool, int, str, list or dict of Values, Unknown, Resource, Instance or Scope, with its place."""

    data: Any
    at: Place


@dataclass(frozen=True, slots=True)
class Unknown:
    """What only a deployment tells, for example an identity's principal id. `text` says which."""

    text: str
    resource: Resource | None = None
    """Whose property it is."""
    path: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"[{self.text}]"


@dataclass(frozen=True, slots=True)
class Scope:
    """A subscription, a resource group or the tenant."""

    kind: str
    id: str
    properties: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Resource:
    """A resource under one set of parameters."""

    symbol: str
    type: str
    api: str
    at: Place
    existing: bool = False
    absent: bool = False
    """Its condition is false."""
    body: Value | None = None
    name: str = ""
    id: str = ""
    """With the names that the parameters give."""

    @property
    def title(self) -> str:
        """For messages."""
        return f"{self.type} '{self.name}'"

    def get(self, *path: str) -> Value | None:
        """The value at that path of its body; None where there is none."""
        found = self.body
        for step in path:
            if found is None or not isinstance(found.data, dict):
                return None
            found = found.data.get(step)
        return found


@dataclass(slots=True, eq=False)
class Instance:
    """A module under one set of parameters."""

    symbol: str
    at: Place
    name: str = ""
    absent: bool = False
    outputs: dict[str, Value] = field(default_factory=dict)


def plain(value: Value | None) -> Any:
    """As JSON: what is unknown becomes an expression of a template, `[text]`."""
    data = None if value is None else value.data
    if isinstance(data, dict):
        return {key: plain(one) for key, one in data.items() if one.data is not None}
    if isinstance(data, list):
        return [plain(one) for one in data]
    if isinstance(data, Unknown):
        return str(data)
    if isinstance(data, Resource | Scope):
        return data.id
    if isinstance(data, Instance):
        return f"[{data.symbol}]"
    return data
