"""Holds answers against the OpenAPI (Swagger 2.0) documents of Azure's REST API specifications."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator

SPECS = (
    Path(__file__).resolve().parents[4]
    / "shared/specs/azure-rest/machinelearningservices/resource-manager/Microsoft.MachineLearningServices"
)

ANY = {"type": ["string", "null"]}
SYSTEM_DATA = {
    "type": "object",
    "properties": {
        "createdBy": {"type": "string"},
        "createdByType": {"enum": ["User", "Application", "ManagedIdentity", "Key"]},
        "createdAt": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"},
        "lastModifiedByType": {"enum": ["User", "Application", "ManagedIdentity", "Key"]},
        "lastModifiedAt": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"},
    },
}
RESOURCE = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "name": {"type": "string"},
        "type": {"type": "string"},
        "systemData": SYSTEM_DATA,
    },
    "required": ["id", "name", "type"],
}
# The specifications refer to ARM's common types, which are not among the files: these are they, condensed.
COMMON: dict[str, Any] = {
    "Resource": RESOURCE,
    "ProxyResource": RESOURCE,
    "TrackedResource": {
        "allOf": [RESOURCE],
        "properties": {"location": {"type": "string"}, "tags": {"type": ["object", "null"], "additionalProperties": ANY}},
        "required": ["location"],
    },
    "systemData": SYSTEM_DATA,
    "Sku": {
        "type": "object",
        "properties": {"name": {"type": "string"}, "capacity": {"type": "integer"},
                       "tier": {"enum": ["Free", "Basic", "Standard", "Premium"]}},
        "required": ["name"],
    },
    "ManagedServiceIdentity": {
        "type": "object",
        "properties": {"type": {"enum": ["None", "SystemAssigned", "UserAssigned", "SystemAssigned,UserAssigned"]},
                       "principalId": {"type": "string", "format": "uuid"}},
        "required": ["type"],
    },
    "ErrorResponse": {
        "type": "object",
        "properties": {"error": {
            "type": "object",
            "properties": {"code": {"type": "string"}, "message": {"type": "string"}, "details": {"type": "array"},
                           "additionalInfo": {"type": "array", "items": {"type": "object", "required": ["type", "info"]}}},
            "required": ["code", "message"],
        }},
        "required": ["error"],
    },
}  # fmt: skip


class Document:
    """One Swagger file."""

    def __init__(self, file: Path) -> None:
        self._document = json.loads(file.read_text(encoding="utf-8"))
        definitions: dict[str, Any] = self._document["definitions"]
        self._converted: dict[str, Any] = {f"common.{name}": schema for name, schema in COMMON.items()}
        subtypes: dict[str, list[tuple[str, str]]] = {}
        for name, body in definitions.items():
            for parent in body.get("allOf", []):
                if "$ref" in parent:
                    subtypes.setdefault(parent["$ref"].rsplit("/", 1)[-1], []).append(
                        (body.get("x-ms-discriminator-value", name), name)
                    )
        for name, body in definitions.items():
            plain = self._convert(body, inherits=True)
            self._converted[f"{name}.plain"] = plain
            by = body.get("discriminator")
            chosen = [
                {
                    "if": {"properties": {by: {"const": value}}, "required": [by]},
                    "then": {"$ref": f"#/definitions/{sub}"},
                }
                for value, sub in subtypes.get(name, [])
                if by
            ]
            self._converted[name] = {"allOf": [{"$ref": f"#/definitions/{name}.plain"}, *chosen]}
        self._paths = [
            (
                re.compile("^" + re.sub(r"\\\{[^/]+?\\\}", "[^/]+", re.escape(path)) + "$", re.IGNORECASE),
                operations,
            )
            for path, operations in self._document["paths"].items()
        ]

    def _convert(self, node: Any, *, inherits: bool = False) -> Any:
        if isinstance(node, list):
            return [self._convert(item) for item in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            name = node["$ref"].rsplit("/", 1)[-1]
            own = node["$ref"].startswith("#")
            if not own and name not in COMMON:
                return {}
            target = {"$ref": f"#/definitions/{name if own else f'common.{name}'}"}
            return {"anyOf": [target, {"type": "null"}]} if node.get("x-nullable") else target
        out: dict[str, Any] = {}
        for key, value in node.items():
            if key in {"type", "enum", "pattern", "minLength", "maxLength", "minimum", "maximum", "required"}:
                out[key] = value
            elif key == "properties":
                out[key] = {name: self._convert(schema) for name, schema in value.items()}
            elif key == "items" or (key == "additionalProperties" and value is not False):
                out[key] = self._convert(value)  # False cannot hold: definitions extend each other
            elif key == "allOf":
                out[key] = [
                    {"$ref": f"{part['$ref']}.plain"}
                    if inherits and part.get("$ref", "").startswith("#")
                    else self._convert(part)
                    for part in value
                ]
        if node.get("x-nullable"):
            if "type" in out:
                out["type"] = [out["type"], "null"]
            if "enum" in out:
                out["enum"] = [*out["enum"], None]
        return out

    def find(self, method: str, path: str) -> dict[str, Any] | None:
        """The operation that answers at that path."""
        for pattern, operations in self._paths:
            if pattern.match(path):
                found: dict[str, Any] | None = operations.get(method.lower())
                return found
        return None

    def errors(self, operation: dict[str, Any], status: int, body: Any) -> list[str]:
        """What is wrong with that answer."""
        responses = operation["responses"]
        response = responses.get(str(status)) or (responses.get("default") if status >= 400 else None)
        if response is None:
            return [f"status {status} is not one of {', '.join(responses)}"]
        if "schema" not in response:
            return (
                []
                if status >= 400 or body in (None, "")
                else [f"status {status} has no body, but {body!r:.80} came"]
            )
        schema = {**self._convert(response["schema"]), "definitions": self._converted}
        return [
            f"{'/'.join(map(str, e.absolute_path))}: {e.message[:300]}"
            for e in Draft7Validator(schema).iter_errors(body)
        ]


@cache
def documents(version: str) -> tuple[Document, ...]:
    """The specification of that api-version; empty when it is not among the files."""
    folders = [SPECS / kind / version for kind in ("stable", "preview")]
    names = ("mfe.json", "machineLearningServices.json")
    return tuple(Document(folder / name) for folder in folders for name in names if (folder / name).is_file())


def check(method: str, path: str, version: str, status: int, body: Any) -> list[str] | None:
    """Errors of one answer; None when the specification does not know the request."""
    for document in documents(version):
        if operation := document.find(method, path):
            return document.errors(operation, status, body)
    return None
