"""What an entity comes from and what comes from it: processes join the data sets of their ends."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from local.purview.entities import header
from local.purview.errors import AtlasError

if TYPE_CHECKING:
    from local.purview.entities import Entities
    from local.purview.errors import Json

DIRECTIONS = ("INPUT", "OUTPUT", "BOTH")
DEPTH = 3
Edge = tuple[str, str]
"""From one guid to another, the way the data go."""


def edges(entities: Iterable[Json]) -> set[Edge]:
    """Of every process: from its inputs, to its outputs."""
    found = set()
    for entity in entities:
        found |= {(one["guid"], entity["guid"]) for one in entity["attributes"].get("inputs") or ()}
        found |= {(entity["guid"], one["guid"]) for one in entity["attributes"].get("outputs") or ()}
    return found


def lineage(entities: Entities, guid: str, query: Mapping[str, str]) -> Json:
    """The lineage around an entity, as `AtlasLineageInfo`.

    `depth` counts processes, as in Atlas: a data set and those that it was made from are one apart.

    Raises:
        AtlasError: there is no such entity, or the query is wrong.
    """
    direction, depth = query.get("direction", ""), query.get("depth", str(DEPTH))
    if direction not in DIRECTIONS or not depth.isdecimal():
        raise AtlasError("400-00-026", f"Invalid lineage query parameters passed {direction}: {depth}")
    base = entities.get(guid)
    living = {one["guid"]: one for one in entities.all()}
    if base["guid"] not in living:
        raise AtlasError("404-00-005", f"Given instance guid {guid} is invalid/not found")
    all_edges = {edge for edge in edges(living.values()) if set(edge) <= set(living)}
    reached: set[Edge] = set()
    for way in ("INPUT", "OUTPUT") if direction == "BOTH" else (direction,):
        reached |= _walk(guid, all_edges, 2 * int(depth), back=way == "INPUT")
    around = {guid} | {one for edge in reached for one in edge}
    return {
        "baseEntityGuid": guid,
        "lineageDirection": direction,
        "lineageDepth": int(depth),
        "lineageWidth": len(around),
        "childrenCount": -1,
        "guidEntityMap": {one: header(living[one]) for one in sorted(around)},
        "widthCounts": {},
        "relations": [
            {"fromEntityId": start, "toEntityId": end, "relationshipId": _id(start, end)}
            for start, end in sorted(reached)
        ],
        "parentRelations": [],
    }


def _walk(guid: str, all_edges: set[Edge], steps: int, *, back: bool) -> set[Edge]:
    reached: set[Edge] = set()
    front = {guid}
    for _ in range(steps):
        fresh = {edge for edge in all_edges if edge[1 if back else 0] in front} - reached
        if not fresh:
            break
        reached |= fresh
        front = {edge[0 if back else 1] for edge in fresh}
    return reached


def _id(start: str, end: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{start} {end}"))
