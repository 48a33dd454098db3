"""What requests and answers may hold: the fields of the published API's definitions (2023-09-01), checked.

Written after `purviewdatamap.json`, the OpenAPI of Purview's Data Map. It asks for no field and forbids none;
here a field that it does not name is refused, which is stricter than Purview: a slip of the pen shows.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import jsonschema

from local.purview.errors import bad_parameters

_ANY: dict[str, Any] = {}
_TEXT, _BOOL, _INT = {"type": "string"}, {"type": "boolean"}, {"type": "integer"}
_OBJECT, _TEXTS = {"type": "object"}, {"type": "array", "items": {"type": "string"}}
_TEXT_MAP = {"type": "object", "additionalProperties": _TEXT}


def _is(name: str) -> dict[str, Any]:
    return {"$ref": f"#/definitions/{name}"}


def _many(name: str) -> dict[str, Any]:
    return {"type": "array", "items": _is(name)}


def _by_key(value: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": value}


_RECORD = {
    "guid": _TEXT, "createTime": _INT, "updateTime": _INT, "createdBy": _TEXT, "updatedBy": _TEXT,
    "version": _INT, "lastModifiedTS": _TEXT,
}  # fmt: skip
_TYPE = _RECORD | {
    "category": {"enum": [
        "PRIMITIVE", "OBJECT_ID_TYPE", "ENUM", "STRUCT", "CLASSIFICATION", "ENTITY", "ARRAY", "MAP",
        "RELATIONSHIP", "TERM_TEMPLATE",
    ]},
    "dateFormatter": _OBJECT, "description": _TEXT, "name": _TEXT, "options": _TEXT_MAP, "serviceType": _TEXT,
    "typeVersion": _TEXT,
}  # fmt: skip
_ATTRIBUTE = {
    "cardinality": {"enum": ["SINGLE", "LIST", "SET"]}, "constraints": {"type": "array", "items": _OBJECT},
    "defaultValue": _TEXT, "description": _TEXT, "includeInNotification": _BOOL, "isIndexable": _BOOL,
    "isOptional": _BOOL, "isUnique": _BOOL, "name": _TEXT, "options": _TEXT_MAP, "typeName": _TEXT,
    "valuesMaxCount": _INT, "valuesMinCount": _INT,
}  # fmt: skip
_NOT_KEPT = ("businessMetadata", "classification", "enum", "relationship", "struct", "termTemplate")
_STATUS = {"enum": ["ACTIVE", "DELETED"]}

FIELDS: dict[str, dict[str, Any]] = {
    "AtlasAttributeDef": _ATTRIBUTE,
    "AtlasEntityDef": _TYPE | {
        "attributeDefs": _many("AtlasAttributeDef"), "subTypes": _TEXTS, "superTypes": _TEXTS,
        "relationshipAttributeDefs": {"type": "array", "items": _OBJECT},
    },
    "AtlasTypesDef": {
        "entityDefs": _many("AtlasEntityDef"),
        # published, and not kept here: only empty lists are taken
        **{f"{kind}Defs": {"type": "array", "maxItems": 0}
           for kind in _NOT_KEPT},
    },
    "AtlasEntity": _RECORD | {
        "attributes": _OBJECT, "typeName": _TEXT, "businessAttributes": _OBJECT,
        "classifications": {"type": "array", "items": _OBJECT}, "customAttributes": _TEXT_MAP,
        "homeId": _TEXT, "collectionId": _TEXT, "isIncomplete": _BOOL, "labels": _TEXTS,
        "meanings": {"type": "array", "items": _OBJECT}, "provenanceType": _INT, "proxy": _BOOL,
        "relationshipAttributes": _OBJECT, "status": _STATUS, "contacts": _by_key(_many("ContactInfo")),
    },
    "ContactInfo": {"id": _TEXT, "info": _TEXT},
    "AtlasEntitiesWithExtInfo": {
        "referredEntities": _by_key(_is("AtlasEntity")), "entities": _many("AtlasEntity"),
    },
    "AtlasEntityWithExtInfo": {"referredEntities": _by_key(_is("AtlasEntity")), "entity": _is("AtlasEntity")},
    "AtlasEntityHeader": {
        "attributes": _OBJECT, "typeName": _TEXT, "lastModifiedTS": _TEXT, "classificationNames": _TEXTS,
        "classifications": {"type": "array", "items": _OBJECT}, "displayText": _TEXT, "guid": _TEXT,
        "isIncomplete": _BOOL, "labels": _TEXTS, "meaningNames": _TEXTS,
        "meanings": {"type": "array", "items": _OBJECT}, "status": _STATUS,
    },
    "EntityMutationResult": {
        "guidAssignments": _TEXT_MAP, "mutatedEntities": _by_key(_many("AtlasEntityHeader")),
        "partialUpdatedEntities": _many("AtlasEntityHeader"),
    },
    "AtlasLineageInfo": {
        "baseEntityGuid": _TEXT, "guidEntityMap": _by_key(_is("AtlasEntityHeader")),
        "widthCounts": _by_key(_OBJECT), "lineageDepth": _INT, "lineageWidth": _INT, "childrenCount": _INT,
        "lineageDirection": {"enum": ["INPUT", "OUTPUT", "BOTH"]},
        "parentRelations": {"type": "array", "items": _OBJECT}, "relations": _many("LineageRelation"),
    },
    "LineageRelation": {"fromEntityId": _TEXT, "relationshipId": _TEXT, "toEntityId": _TEXT},
    "AtlasErrorResponse": {"requestId": _TEXT, "errorCode": _TEXT, "errorMessage": _TEXT},
}  # fmt: skip
"""By definition: its fields, each with its JSON Schema."""


@cache
def _validator(name: str) -> jsonschema.Draft7Validator:
    definitions = {
        one: {"type": "object", "properties": fields, "additionalProperties": False}
        for one, fields in FIELDS.items()
    }
    return jsonschema.Draft7Validator({**_is(name), "definitions": definitions})


def check(name: str, body: Any) -> None:
    """Compare a body with that definition.

    Raises:
        AtlasError: what does not fit, and where.
    """
    fault = jsonschema.exceptions.best_match(_validator(name).iter_errors(body))
    if fault is not None:
        where = "/".join(map(str, fault.absolute_path)) or "the body"
        raise bad_parameters(f"{where}: {fault.message[:300]}")
