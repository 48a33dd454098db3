"""Event subscriptions against local Azure's, which the app is tested on, and against what the code takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from control.errors import BadInput
from control.events import READERS, Event
from infra.checks.places import Fault, Place
from infra.checks.template import Template
from infra.checks.values import Resource, plain
from local.eventgrid import AdvancedFilter, Filter
from local.subscriptions import WAKES

KINDS = (
    "Microsoft.EventGrid/systemTopics/eventSubscriptions",
    "Microsoft.EventGrid/topics/eventSubscriptions",
)
TOPICS = {"storage": "storageTopic", "azureml": "workspaceTopic", "homeostat": "topic"}
"""Local Azure's topic to the symbol in Bicep."""


def faults_of_events(template: Template) -> Iterator[Fault]:
    """Subscriptions that are missing, differ, send what the function refuses, or could lose events."""
    found = {one.name: one for kind in KINDS for one in template.of(kind)}
    if not found:
        return
    here = {
        name: (topic, function, Filter(included_event_types=types, advanced=conditions))
        for name, topic, types, function, conditions in WAKES
    }
    there = {one.symbol for one in template.resources}
    missing = {name for name, (topic, *_) in here.items() if TOPICS[topic] in there} - set(found)
    for name in sorted(missing):
        yield Fault(Place(template.file, 1), f"local Azure has a subscription {name}, the Bicep has not")
    for name, one in sorted(found.items()):
        yield from _safe(one)
        if name not in here:
            yield Fault(one.at, f"local Azure has no subscription {name}: add it to local/subscriptions.py")
            continue
        topic, function, filter_ = here[name]
        yield from _same(one, topic, function, filter_)


def _same(one: Resource, topic: str, function: str, wanted: Filter) -> Iterator[Fault]:
    parent = one.get("parent")
    if parent is None or parent.data.symbol != TOPICS[topic]:
        yield Fault(one.at, f"{one.name} must subscribe to {TOPICS[topic]}")
    called = _function(one)
    if called != function:
        yield Fault(one.at, f"{one.name} wakes {called}, in local Azure {function}")
    if called not in READERS:
        yield Fault(one.at, f"the app has no function {called} that takes events")
        return
    filter_ = one.get("properties", "filter")
    types = one.get("properties", "filter", "includedEventTypes")
    if filter_ is None or types is None:
        yield Fault(one.at, f"{one.name} takes every event: includedEventTypes is missing")
        return
    for kind in types.data:
        if not _takes(called, str(kind.data)):
            yield Fault(kind.at, f"{called} refuses events of type {kind.data}")
    if set(plain(types)) != set(wanted.included_event_types or ()):
        these, those = (", ".join(sorted(some)) for some in (plain(types), wanted.included_event_types or ()))
        yield Fault(types.at, f"{one.name} takes {these}; local Azure: {those}")
    conditions = one.get("properties", "filter", "advancedFilters")
    mine = [_condition(entry) for entry in plain(conditions) or []]
    if _sorted(mine) != _sorted(wanted.advanced):
        at = conditions.at if conditions else filter_.at
        yield Fault(at, f"the filter of {one.name} is {_shown(mine)}; local Azure: {_shown(wanted.advanced)}")


def _safe(one: Resource) -> Iterator[Fault]:
    identity = one.get("properties", "deadLetterWithResourceIdentity", "identity", "type")
    if identity is None:
        yield Fault(
            one.at, f"{one.name} has no dead letters by managed identity: what Event Grid gives up is lost"
        )
    schema = one.get("properties", "eventDeliverySchema")
    if schema is None or schema.data != "EventGridSchema":
        yield Fault(schema.at if schema else one.at, f"{one.name} must deliver in EventGridSchema")


def _function(one: Resource) -> str:
    properties = one.get("properties", "destination", "properties")
    given = properties.data if properties else {}
    return str(plain(given["resourceId"])).rpartition("/functions/")[2] if "resourceId" in given else ""


def _takes(function: str, kind: str) -> bool:
    """Whether the reader takes that type at all: it says so before it looks at the data."""
    try:
        READERS[function](Event(id="", type=kind, subject="", source="", data={}))
    except BadInput as err:
        return "is not for this function" not in str(err)
    return True


def _condition(entry: Any) -> AdvancedFilter:
    return AdvancedFilter(
        operator=entry["operatorType"], key=entry["key"], values=tuple(entry.get("values", ()))
    )


def _sorted(filters: Any) -> list[tuple[str, str, tuple[Any, ...]]]:
    return sorted((one.operator, one.key, tuple(one.values)) for one in filters)


def _shown(filters: Any) -> str:
    return (
        "; ".join(f"{one.key} {one.operator} {', '.join(map(str, one.values))}".strip() for one in filters)
        or "none"
    )
