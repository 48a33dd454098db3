"""Which events a subscription wants. Pure.

Names and meanings are Azure's: https://learn.microsoft.com/azure/event-grid/event-filtering. Strings of
advanced filters compare without regard to case, always; `is_subject_case_sensitive` concerns the subject's
prefix and suffix only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Operator = Literal[
    "NumberIn",
    "NumberNotIn",
    "NumberLessThan",
    "NumberLessThanOrEquals",
    "NumberGreaterThan",
    "NumberGreaterThanOrEquals",
    "NumberInRange",
    "NumberNotInRange",
    "BoolEquals",
    "StringIn",
    "StringNotIn",
    "StringContains",
    "StringNotContains",
    "StringBeginsWith",
    "StringNotBeginsWith",
    "StringEndsWith",
    "StringNotEndsWith",
    "IsNullOrUndefined",
    "IsNotNull",
]
Event = Mapping[str, Any]
_MISSING = object()


@dataclass(frozen=True, kw_only=True, slots=True)
class AdvancedFilter:
    """One condition on one key: `data.status`, `subject`, `eventType` ...

    `values` are alternatives; conditions on values that are absent fail, except those that say "not".
    """

    operator: Operator
    key: str
    values: Sequence[Any] = ()

    def matches(self, event: Event) -> bool:
        """Whether the event meets the condition. An array meets it when one of its elements does."""
        found = lookup(event, self.key)
        if self.operator == "IsNullOrUndefined":
            return found is _MISSING or found is None
        if self.operator == "IsNotNull":
            return found is not _MISSING and found is not None
        negated = "Not" in self.operator
        test = _TESTS[self.operator.replace("Not", "", 1)]
        candidates = found if isinstance(found, list) else [found]
        hit = any(test(candidate, value) for candidate in candidates for value in self.values)
        return hit != negated


@dataclass(frozen=True, kw_only=True, slots=True)
class Filter:
    """All of its parts must be met; an empty part is."""

    included_event_types: Sequence[str] = ()
    subject_begins_with: str = ""
    subject_ends_with: str = ""
    is_subject_case_sensitive: bool = False
    advanced: Sequence[AdvancedFilter] = ()

    def matches(self, event: Event) -> bool:
        """Whether the subscription wants the event, in Event Grid's schema or as a CloudEvent."""
        kind = event.get("type") if "specversion" in event else event.get("eventType")
        if self.included_event_types and str(kind).casefold() not in {
            wanted.casefold() for wanted in self.included_event_types
        }:
            return False
        subject, begins, ends = (
            str(event.get("subject") or ""),
            self.subject_begins_with,
            self.subject_ends_with,
        )
        if not self.is_subject_case_sensitive:
            subject, begins, ends = subject.casefold(), begins.casefold(), ends.casefold()
        if not (subject.startswith(begins) and subject.endswith(ends)):
            return False
        return all(condition.matches(event) for condition in self.advanced)


def lookup(event: Event, key: str) -> Any:
    """The value at a dotted key, names compared without regard to case; a private mark when there is none.

    A name of the data may itself hold dots (tags do), so the longest name that is there wins.
    """
    return _lookup(event, key.casefold().split("."))


def _lookup(node: Any, names: list[str]) -> Any:
    if not names:
        return node
    if not isinstance(node, Mapping):
        return _MISSING
    folded = {str(name).casefold(): value for name, value in node.items()}
    for length in range(len(names), 0, -1):
        name = ".".join(names[:length])
        if name in folded:
            return _lookup(folded[name], names[length:])
    return _MISSING


def _number(compare: Callable[[float, float], bool]) -> Callable[[Any, Any], bool]:
    def test(found: Any, value: Any) -> bool:
        return isinstance(found, (int, float)) and not isinstance(found, bool) and compare(found, value)

    return test


def _string(compare: Callable[[str, str], bool]) -> Callable[[Any, Any], bool]:
    def test(found: Any, value: Any) -> bool:
        return isinstance(found, str) and compare(found.casefold(), str(value).casefold())

    return test


def _within(found: Any, bounds: Any) -> bool:
    low, high = bounds
    return isinstance(found, (int, float)) and not isinstance(found, bool) and low <= found <= high


_TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "NumberIn": _number(lambda found, value: found == value),
    "NumberLessThan": _number(lambda found, value: found < value),
    "NumberLessThanOrEquals": _number(lambda found, value: found <= value),
    "NumberGreaterThan": _number(lambda found, value: found > value),
    "NumberGreaterThanOrEquals": _number(lambda found, value: found >= value),
    "NumberInRange": _within,
    "BoolEquals": lambda found, value: isinstance(found, bool) and found is value,
    "StringIn": _string(lambda found, value: found == value),
    "StringContains": _string(lambda found, value: value in found),
    "StringBeginsWith": _string(lambda found, value: found.startswith(value)),
    "StringEndsWith": _string(lambda found, value: found.endswith(value)),
}
