"""The kinds of things that lineage is about, and what is said of each: Atlas' types, as plain data. Pure.

A type that stands in somebody's data map cannot be taken back: attributes are added, never taken out or made
mandatory, and keep their type.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["data", "job", "version", "release", "deployment"]
AttributeType = Literal["string", "long", "date", "array<string>"]


@dataclass(frozen=True, kw_only=True, slots=True)
class LineageType:
    """One type: derived from DataSet, or from Process, which has inputs and outputs."""

    name: str
    base: Literal["DataSet", "Process"]
    description: str
    attributes: Mapping[str, AttributeType] = field(default_factory=dict)


_OF_EVERY: dict[str, AttributeType] = {"model": "string", "status": "string", "auditEntry": "long"}
"""`auditEntry`: number of the last entry of the audit trail that the entity follows from."""

TYPES: dict[Kind, LineageType] = {
    "data": LineageType(
        name="homeostat_data_version",
        base="DataSet",
        description="A batch of data, as Homeostat registered it in Azure ML.",
        attributes={
            **_OF_EVERY,
            "version": "string",
            "path": "string",
            "rows": "long",
            "quality": "string",
            "drift": "string",
            "arrived": "date",
            "resourceId": "string",
        },
    ),
    "job": LineageType(
        name="homeostat_job",
        base="Process",
        description="A job in Azure ML that trains a model, or evaluates a version that somebody made.",
        attributes={
            **_OF_EVERY,
            "purpose": "string",
            "trainingData": "array<string>",
            "evaluationData": "array<string>",
            "champion": "string",
            "pipeline": "string",
            "codeDigest": "string",
            "policyDigest": "string",
            "launched": "date",
            "ended": "date",
            "verdict": "string",
            "evidenceDigest": "string",
            "report": "string",
            "resourceId": "string",
        },
    ),
    "version": LineageType(
        name="homeostat_model_version",
        base="DataSet",
        description="A version of a model in Azure ML.",
        attributes={
            **_OF_EVERY,
            "version": "string",
            "registered": "date",
            "verdict": "string",
            "evidenceDigest": "string",
            "policyDigest": "string",
            "promoted": "date",
            "rolledBack": "date",
            "resourceId": "string",
        },
    ),
    "release": LineageType(
        name="homeostat_release",
        base="Process",
        description="The way of a model version to traffic: approved by whom, promoted or rolled back when.",
        attributes={
            **_OF_EVERY,
            "version": "string",
            "proposed": "date",
            "answer": "string",
            "answered": "date",
            "approvedBy": "string",
            "approverId": "string",
            "approved": "date",
            "evidenceDigest": "string",
            "policyDigest": "string",
            "promoted": "date",
            "rolledBack": "date",
        },
    ),
    "deployment": LineageType(
        name="homeostat_deployment",
        base="DataSet",
        description="A deployment of a model version on an endpoint in Azure ML.",
        attributes={
            **_OF_EVERY,
            "version": "string",
            "endpoint": "string",
            "created": "date",
            "deleted": "date",
        },
    ),
}
